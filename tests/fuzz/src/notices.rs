//! Bulletins and revocations as a peer hands them on: what is taken says nothing for anybody else, never goes back, and
//! twice is as once.

use jiff::SignedDuration;
use nhipcau_domain::{
    directory::{Heard, authoring},
    id::AccessPointId,
    pae::pae,
};
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use crate::{
    ceremony::{PARTY, key_id, pair, party, release, soon},
    revocation,
};

/// As they are, and with every entry as the party's own signing key could have signed it.
pub fn property(bytes: &[u8]) {
    holds(bytes);
    let Ok(mut wire) = pb::Notices::decode(bytes) else { return };
    for signed in &mut wire.bulletins {
        signed.signature = pair(20).sign(&pae(&[b"nhipcau/1/bulletin", &signed.bulletin])).as_ref().to_vec();
    }
    for signed in &mut wire.revocations {
        signed.signature = pair(20).sign(&pae(&[b"nhipcau/1/revocation", &signed.revocation])).as_ref().to_vec();
    }
    holds(&wire.encode_to_vec());
}

fn holds(bytes: &[u8]) {
    let Ok(Heard { release: Some(heard), .. }) = release().hear(bytes) else { return };
    assert_eq!(heard.digest(), release().digest());
    assert!(heard.supersedes(release()) && !release().supersedes(&heard));
    for (id, bulletin) in heard.bulletins() {
        assert_eq!(id.as_str(), PARTY, "nobody speaks for another");
        assert!(!bulletin.sealing_keys().is_empty());
    }
    let again = heard.hear(bytes).expect("they were read before");
    assert!(again.release.is_none(), "twice is as once");
    let handed_on = release().hear(heard.notices()).expect("what is handed on is read");
    assert!(handed_on.refused.is_empty());
    assert_eq!(handed_on.release.and_then(|other| other.notices_digest()), heard.notices_digest());
}

fn bulletin(version: u64, signer: u8) -> pb::SignedBulletin {
    let hour = SignedDuration::from_hours(1);
    let draft = authoring::BulletinDraft {
        party: party(PARTY),
        access_point: AccessPointId::new(PARTY).expect("an access point"),
        version,
        issue: soon(),
        signing_key: key_id("sign-1"),
        sealing_keys: vec![(key_id("epoch-1"), [7; 32], (soon(), soon() + hour))],
    };
    let sign = |kind: &[u8], bytes: &[u8]| pair(signer).sign(&pae(&[kind, bytes])).as_ref().to_vec();
    pb::SignedBulletin::decode(&*authoring::bulletin("fuzz", &draft, sign)).expect("a bulletin")
}

/// A bulletin, a newer one, and both kinds of revocation beside one.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let revocations = revocation::seeds();
    let revocations: Vec<_> =
        revocations.iter().map(|bytes| pb::SignedRevocation::decode(&**bytes).expect("a revocation")).collect();
    let alone = pb::Notices { bulletins: vec![bulletin(1, 20)], revocations: Vec::new() };
    let newer = pb::Notices { bulletins: vec![bulletin(2, 20)], revocations: Vec::new() };
    let both = pb::Notices { bulletins: vec![bulletin(3, 20)], revocations };
    [alone, newer, both].map(|notices| notices.encode_to_vec()).to_vec()
}

#[cfg(test)]
mod tests {
    use nhipcau_domain::directory::Release;

    use super::*;

    #[test]
    fn the_seeds_are_heard_so_that_the_property_says_something() {
        for seed in seeds() {
            let Heard { release, refused } = release().hear(&seed).unwrap();
            assert!(refused.is_empty(), "{refused:?}");
            assert!(release.as_ref().and_then(Release::notices_digest).is_some());
        }
    }
}
