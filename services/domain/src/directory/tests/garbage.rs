//! Whatever the bytes, the answer is a refusal and never a panic.

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::directory::MAX_RELEASE_BYTES;
use crate::directory::authoring::{merge, review, sign};

#[test]
fn more_than_the_limit_is_not_even_read() {
    let bytes = vec![0; MAX_RELEASE_BYTES + 1];
    assert_eq!(ceremony().verify(&bytes, None).unwrap_err(), Error::Malformed);
}

#[test]
fn more_signatures_than_any_root_needs_are_refused() {
    let ceremony = ceremony();
    let bytes = programme(&ceremony.root).signed(&[ceremony.signer(0); 17]);
    assert_eq!(ceremony.verify(&bytes, None).unwrap_err(), Error::Malformed);
}

/// Signs whatever the bytes are.
fn signed(ceremony: &Ceremony, release: Vec<u8>) -> Vec<u8> {
    let unsigned = pb::SignedRelease { release, signatures: Vec::new() }.encode_to_vec();
    let ((a, first), (b, second)) = (ceremony.signer(0), ceremony.signer(1));
    sign(&sign(&unsigned, a, first).unwrap(), b, second).unwrap()
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(bytes: Vec<u8>) {
        let ceremony = ceremony();
        let release = ceremony.release(&programme(&ceremony.root));
        prop_assert!(ceremony.verify(&bytes, None).is_err());
        prop_assert!(ceremony.verify(&bytes, Some(&release)).is_err());
        prop_assert!(release.revoke(&bytes).is_err());
        prop_assert!(release.code_list_file(&bytes).is_err());
        prop_assert!(release.crosswalk_file(&bytes, &[]).is_err());
        prop_assert!(TrustedRoot::claimed(&bytes).is_err());
        prop_assert!(TrustedRoot::pin(&bytes, &ceremony.root.fingerprint()).is_err());
        prop_assert!(review(&bytes, None).is_err());
        if let Ok(merged) = merge(&bytes, &bytes) {
            prop_assert!(ceremony.verify(&merged, None).is_err());
        }
    }

    #[test]
    fn arbitrary_signed_bytes_are_refused(bytes: Vec<u8>) {
        let ceremony = ceremony();
        prop_assert!(ceremony.verify(&signed(&ceremony, bytes), None).is_err());
    }

    // Two signers have signed it, so the content rules alone stand between a damaged release and its use.
    #[test]
    fn a_damaged_release_never_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        truncate: bool,
    ) {
        let ceremony = ceremony();
        let file = programme(&ceremony.root).build();
        let mut release = pb::SignedRelease::decode(&*file).unwrap().release;
        for (at, byte) in edits {
            let at = at.index(release.len());
            release[at] = byte;
        }
        if truncate {
            let length = cut.index(release.len());
            release.truncate(length);
        }
        if let Ok(release) = ceremony.verify(&signed(&ceremony, release), None) {
            for access_point in release.access_points() {
                prop_assert!(release.access_point(&access_point.id).is_some());
                let epoch = release.sealing_key(&access_point.id, day(5));
                prop_assert!(epoch.is_none_or(|epoch| epoch.usable(day(5))));
            }
            for unit in release.units() {
                let host = release.access_point_for(&unit.party, &unit.id, &referral());
                prop_assert!(host.is_none_or(|host| release.access_point(host).is_some()));
            }
        }
    }
}
