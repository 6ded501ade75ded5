//! What an access point says itself between releases, and what becomes of it when keys are revoked and releases follow.

use aws_lc_rs::signature::Ed25519KeyPair;
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use super::*;
use crate::directory::authoring::{self, BulletinDraft, revoke};
use crate::directory::{MAX_NOTICES_BYTES, Revocation, RevocationSigner};
use crate::pae::pae;

type Epoch = (&'static str, u8, i64, i64);

const SECOND: &[Epoch] = &[("e2", 21, 25, 60), ("e3", 23, 55, 85)];

fn draft(version: u64, epochs: &[Epoch]) -> BulletinDraft {
    let epoch = |(id, public, start, end): &Epoch| (key(id), [*public; 32], (day(*start), day(*end)));
    BulletinDraft {
        party: party("moh"),
        access_point: ap("moh"),
        version,
        issue: day(50),
        signing_key: key("s1"),
        sealing_keys: epochs.iter().map(epoch).collect(),
    }
}

fn signed_by(secret: u8, draft: &BulletinDraft) -> Vec<u8> {
    authoring::bulletin("trial", draft, |kind, bytes| pair(secret).sign(&pae(&[kind, bytes])).as_ref().to_vec())
}

fn bulletin(version: u64, epochs: &[Epoch]) -> Vec<u8> {
    signed_by(10, &draft(version, epochs))
}

fn first() -> (Ceremony, Release) {
    let ceremony = ceremony();
    let release = ceremony.release(&programme(&ceremony.root));
    (ceremony, release)
}

fn epoch(release: &Release, at: i64) -> Option<String> {
    release.sealing_key(&ap("moh"), day(at)).map(|epoch| epoch.id.to_string())
}

fn rescue(keys: &[&str], from: i64) -> Vec<u8> {
    let revocation = Revocation {
        party: party("moh"),
        access_point: ap("moh"),
        keys: keys.iter().map(|text| key(text)).collect(),
        revoke_time: day(from),
        signer: RevocationSigner::Recovery(key("rescue")),
    };
    revoke("trial", &revocation, &pair(40))
}

/// A peer's notices of these files.
fn notices(bulletins: &[&[u8]], revocations: &[&[u8]]) -> Vec<u8> {
    let notices = pb::Notices {
        bulletins: bulletins.iter().map(|bytes| pb::SignedBulletin::decode(*bytes).unwrap()).collect(),
        revocations: revocations.iter().map(|bytes| pb::SignedRevocation::decode(*bytes).unwrap()).collect(),
    };
    notices.encode_to_vec()
}

#[test]
fn a_bulletin_stands_over_the_release_and_its_last_epoch_goes_on() {
    let (_, release) = first();
    let announced = release.announce(&bulletin(1, SECOND)).unwrap();
    assert!(announced.supersedes(&release) && !release.supersedes(&announced));
    assert!(!announced.changes_trust(&release));
    let found = [0, 25, 54, 55, 84, 500].map(|at| epoch(&announced, at));
    assert_eq!(
        found.each_ref().map(Option::as_deref),
        [None, Some("e2"), Some("e2"), Some("e3"), Some("e3"), Some("e3")],
        "e1 is not in it"
    );
    assert_eq!(announced.digest(), release.digest());
    let again = announced.announce(&bulletin(1, SECOND)).unwrap();
    assert!(!again.supersedes(&announced));
}

#[test]
fn versions_of_bulletins_only_rise_and_stand_for_one_content() {
    let (_, release) = first();
    let second = release.announce(&bulletin(2, SECOND)).unwrap();
    let older = second.announce(&bulletin(1, SECOND)).unwrap_err();
    assert_eq!(older, Error::BulletinRolledBack { offered: 1, current: 2 });
    assert_eq!(older.reason(), reason::DIRECTORY_ROLLED_BACK);
    let other = second.announce(&bulletin(2, &[("e2", 21, 25, 60)])).unwrap_err();
    assert_eq!(other, Error::BulletinConflict(2));
    assert_eq!(other.reason(), reason::DIRECTORY_CONFLICT);
    assert!(second.announce(&bulletin(3, SECOND)).is_ok());
}

#[test]
fn nobody_else_speaks_for_an_access_point() {
    let (_, release) = first();
    let refuse = |bytes: Vec<u8>| release.announce(&bytes).unwrap_err();
    assert_eq!(refuse(signed_by(11, &draft(1, SECOND))), Error::BulletinUnsigned, "another access point's key");
    assert_eq!(refuse(signed_by(40, &draft(1, SECOND))), Error::BulletinUnsigned, "the recovery key");
    let changed = |change: fn(&mut BulletinDraft)| {
        let mut draft = draft(1, SECOND);
        change(&mut draft);
        refuse(signed_by(10, &draft))
    };
    assert_eq!(changed(|draft| draft.party = party("vwu")), Error::BulletinSignerUnknown);
    assert_eq!(changed(|draft| draft.access_point = ap("vwu")), Error::BulletinSignerUnknown);
    assert_eq!(changed(|draft| draft.access_point = ap("nowhere")), Error::BulletinSignerUnknown);
    assert_eq!(changed(|draft| draft.signing_key = key("s7")), Error::BulletinSignerUnknown);
    let sign = |pair: &Ed25519KeyPair, kind: &[u8], bytes: &[u8]| pair.sign(&pae(&[kind, bytes])).as_ref().to_vec();
    let other = authoring::bulletin("other", &draft(1, SECOND), |kind, bytes| sign(&pair(10), kind, bytes));
    assert_eq!(refuse(other), Error::WrongProgramme);
    let kind =
        authoring::bulletin("trial", &draft(1, SECOND), |_, bytes| sign(&pair(10), b"nhipcau/1/revocation", bytes));
    assert_eq!(refuse(kind), Error::BulletinUnsigned, "signed as something else");
    assert_eq!(refuse(vec![0xff; 40]), Error::Malformed);
    assert_eq!(refuse(vec![0; 20_000]), Error::Malformed);
}

#[test]
fn all_violations_of_a_bulletin_are_told_at_once() {
    let (_, release) = first();
    let told = |epochs: &[Epoch]| problems(release.announce(&bulletin(1, epochs)));
    assert_eq!(
        told(&[("e1", 77, 0, 30), ("e5", 50, 40, 20), ("e6", 51, 40, 141), ("e7", 52, 141, 150), ("e8", 51, 40, 60)]),
        [
            ("sealing_keys[0].key_id".to_owned(), Problem::Reused),
            ("sealing_keys[1]".to_owned(), Problem::EndsBeforeStart),
            ("sealing_keys[2]".to_owned(), Problem::Range),
            ("sealing_keys[3]".to_owned(), Problem::Range),
            ("sealing_keys[4].public_key".to_owned(), Problem::Repeated),
        ]
    );
    assert_eq!(told(&[("s1", 77, 40, 60)]), only("sealing_keys[0].key_id", Problem::Reused));
    assert_eq!(told(&[("e9", 20, 40, 60)]), only("sealing_keys[0].public_key", Problem::Repeated), "e1 under e9");
    assert_eq!(told(&[("e9", 60, 51, 60)]), only("sealing_keys", Problem::Missing), "none has begun");
    assert_eq!(told(&[]), only("sealing_keys", Problem::Range));
    assert_eq!(told(&[("e2", 21, 25, 60), ("e2", 21, 25, 60)]).len(), 2);
    let many: Vec<Epoch> = (0..17).map(|n| ("e9", 100 + n, 40, 60)).collect();
    assert!(told(&many).contains(&("sealing_keys".to_owned(), Problem::Range)));
}

#[test]
fn a_later_release_brings_no_epoch_back_that_a_bulletin_left_out() {
    let (ceremony, release) = first();
    let announced = release.announce(&bulletin(1, &[("e3", 23, 45, 75)])).unwrap();
    let next = ceremony.sign(&ReleaseBuilder::after(&release, day(51), day(90)));
    let second = ceremony.verify(&next, Some(&announced)).unwrap();
    assert_eq!(epoch(&second, 51).as_deref(), Some("e3"));
    assert_eq!(second.notices(), announced.notices());
}

#[test]
fn a_bulletin_ends_with_the_key_that_signed_it_and_keeps_no_release_away() {
    let (ceremony, release) = first();
    let announced = release.announce(&bulletin(9, &[("e3", 23, 45, 75)])).unwrap();
    let next = |change: fn(&mut pb::AccessPoint)| {
        let next = ReleaseBuilder::after(&release, day(51), day(90)).with(|wire| change(&mut wire.access_points[0]));
        ceremony.verify(&ceremony.sign(&next), Some(&announced)).unwrap()
    };
    let other_key = next(|moh| {
        moh.signing_keys[0].key_id = "s2".to_owned();
        moh.signing_keys[0].public_key = public_key(&pair(13)).to_vec();
    });
    assert_eq!(epoch(&other_key, 51).as_deref(), Some("e2"));
    let mut by_next = draft(1, &[("e4", 24, 45, 75)]);
    by_next.signing_key = key("s2");
    let spoken = other_key.announce(&signed_by(13, &by_next)).unwrap();
    assert_eq!(epoch(&spoken, 51).as_deref(), Some("e4"), "a version that only a lost key had used is free");
    let same_id = next(|moh| moh.sealing_keys[1].key_id = "e3".to_owned());
    assert_eq!(epoch(&same_id, 51).as_deref(), Some("e3"));
    assert_eq!(same_id.sealing_key(&ap("moh"), day(51)).unwrap().public, [21; 32], "the release's");
}

#[test]
fn what_a_revoked_key_has_said_counts_no_more_in_whatever_order_it_is_heard() {
    let (_, release) = first();
    let (spoken, revoked) = (bulletin(9, &[("e3", 23, 45, 75)]), rescue(&["s1"], 500));
    let one = release.announce(&spoken).unwrap().revoke(&revoked).unwrap();
    let other = release.revoke(&revoked).unwrap();
    assert_eq!(other.announce(&spoken).unwrap_err(), Error::BulletinSignerUnknown);
    for release in [&one, &other] {
        assert_eq!(epoch(release, 50).as_deref(), Some("e2"), "as in the release");
        assert_eq!(release.bulletins().count(), 0);
    }
    assert_eq!(one.notices(), other.notices());
    let heard = release.hear(&notices(&[&spoken], &[&revoked])).unwrap();
    assert_eq!(heard.release.unwrap().notices(), one.notices());
    assert_eq!(heard.refused, []);
}

#[test]
fn revoking_an_epoch_of_a_bulletin_holds_whatever_comes_first_and_after() {
    let (ceremony, release) = first();
    let (spoken, revoked) = (bulletin(1, SECOND), rescue(&["e3", "e2"], 55));
    let one = release.announce(&spoken).unwrap().revoke(&revoked).unwrap();
    let other = release.revoke_known(&revoked).unwrap().announce(&spoken).unwrap();
    assert_eq!(problems(release.revoke(&revoked)), only("keys[0]", Problem::Unresolved), "for whoever types it");
    for release in [&one, &other] {
        assert_eq!((epoch(release, 54).as_deref(), epoch(release, 55)), (Some("e2"), None));
    }
    assert_eq!(one.notices(), other.notices());
    let again = one.announce(&bulletin(2, SECOND)).unwrap();
    assert_eq!(epoch(&again, 60), None, "a newer bulletin does not bring it back");
    let next = ReleaseBuilder::after(&release, day(51), day(90)).with(|wire| wire.parties[0].recovery_keys.clear());
    let next = ceremony.verify(&ceremony.sign(&next), Some(&again)).unwrap();
    assert_eq!(epoch(&next, 60), None, "nor a release that no longer lists who revoked it");
}

#[test]
fn notices_bring_two_together_and_one_bad_entry_keeps_no_other_away() {
    let (_, release) = first();
    let (spoken, older) = (bulletin(2, SECOND), bulletin(1, &[("e3", 23, 45, 75)]));
    let (one, other) = (release.announce(&spoken).unwrap(), release.revoke(&rescue(&["e1"], 3)).unwrap());
    let both = one.hear(other.notices()).unwrap().release.unwrap();
    assert_eq!(both.notices(), other.hear(one.notices()).unwrap().release.unwrap().notices());
    assert_eq!(both.notices_digest(), Some(crate::pae::sha256(both.notices())));
    assert!(both.hear(one.notices()).unwrap().release.is_none());

    let mut forged = spoken.clone();
    *forged.last_mut().unwrap() ^= 1;
    let mixed = notices(&[&forged, &older, &spoken], &[&revoke_forged(), &rescue(&["e1"], 3)]);
    let heard = release.hear(&mixed).unwrap();
    assert_eq!(heard.release.unwrap().notices(), both.notices());
    assert_eq!(heard.refused, [Error::BulletinUnsigned, Error::RevocationUnsigned]);
    let lag = both.hear(&notices(&[&older], &[])).unwrap();
    assert!(lag.release.is_none() && lag.refused.is_empty(), "an older one is no offence");
    assert_eq!(release.hear(&[0xff; 9]).unwrap_err(), Error::Malformed);
    assert_eq!(release.hear(&vec![0; MAX_NOTICES_BYTES + 1]).unwrap_err(), Error::Malformed);
}

#[test]
fn notices_that_would_cost_much_are_refused_before_they_do() {
    let (_, release) = first();
    let (spoken, revoked) = (bulletin(2, SECOND), rescue(&["e1"], 3));
    let most = notices(&vec![spoken.as_slice(); 1024], &vec![revoked.as_slice(); 1024]);
    assert!(release.hear(&most).unwrap().refused.is_empty());
    for more in [notices(&vec![spoken.as_slice(); 1025], &[]), notices(&[], &vec![revoked.as_slice(); 1025])] {
        assert_eq!(release.hear(&more).unwrap_err(), Error::Malformed);
    }
    let padded = rescue(&["e1"; 1100], 3);
    assert!(padded.len() > 4 << 10 && release.revoke(&padded).is_ok(), "who types it may");
    let heard = release.hear(&notices(&[&spoken], &[&padded])).unwrap();
    assert_eq!(heard.refused, [Error::Malformed]);
    assert_eq!(epoch(&heard.release.unwrap(), 55).as_deref(), Some("e3"), "the bulletin beside it is taken");
}

/// A bulletin as a second implementation (Python) first wrote and signed it. Its bytes must be readable for ever.
const GOLDEN: &[u8] = include_bytes!("golden/bulletin-1.binpb");

#[test]
fn the_first_bulletin_ever_written_still_verifies() {
    let (_, release) = first();
    assert_eq!(epoch(&release.announce(GOLDEN).unwrap(), 55).as_deref(), Some("e3"));
    assert_eq!(bulletin(1, SECOND), GOLDEN);
}

fn revoke_forged() -> Vec<u8> {
    let mut bytes = rescue(&["s1"], 3);
    *bytes.last_mut().unwrap() ^= 1;
    bytes
}

#[test]
fn however_many_revocations_are_signed_only_those_that_decide_are_kept() {
    let (_, release) = first();
    let files: Vec<_> = (0..200).map(|n| rescue(&[["s1", "e1", "e2"][n % 3]], 1000 - n as i64)).collect();
    let forth = files.iter().try_fold(release.clone(), |release, file| release.revoke(file)).unwrap();
    let back = files.iter().rev().try_fold(release, |release, file| release.revoke(file)).unwrap();
    assert_eq!(forth.revocations().count(), 3);
    assert_eq!(forth.notices(), back.notices());
}
