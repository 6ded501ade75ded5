//! Releases of the directory: what is taken verifies again, on top of itself too, and no longer when a byte is another;
//! what is refused is refused with a bounded list of violations.

use nhipcau_domain::directory::{Error, LISTED_VIOLATIONS, Release, TrustedRoot, authoring::review};
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use crate::ceremony::{file, release, root, signed};

/// As it is, and as two of the signers could have signed it, with and without a release in use.
pub fn property(bytes: &[u8]) {
    if let Ok(claimed) = TrustedRoot::claimed(bytes) {
        assert_eq!(claimed.signers().count(), 3);
        assert!(claimed.fingerprint().to_string().parse() == Ok(claimed.fingerprint()));
    }
    holds(bytes);
    if let Ok(wire) = pb::SignedRelease::decode(bytes) {
        holds(&signed(wire.release));
    }
}

fn holds(bytes: &[u8]) {
    for current in [None, Some(release())] {
        // What can be signed and what is taken differ only by the signatures.
        let reviewed = review(bytes, current);
        match Release::verify(bytes, root(), current) {
            Ok(taken) => {
                assert_eq!(reviewed, Ok(()));
                assert_eq!(taken.signed_bytes(), bytes);
                let again =
                    Release::verify(taken.signed_bytes(), root(), Some(&taken)).expect("the same is taken again");
                assert_eq!((again.version(), again.digest()), (taken.version(), taken.digest()));
                assert!(!again.supersedes(&taken));
                let wire = pb::Release::decode(taken.wire().encode_to_vec().as_slice());
                assert_eq!(wire.as_ref(), Ok(taken.wire()));
                let mut other = pb::SignedRelease::decode(bytes).expect("it was read");
                *other.release.last_mut().expect("a release has bytes") ^= 1;
                assert!(Release::verify(&other.encode_to_vec(), root(), None).is_err());
            }
            Err(Error::Invalid(found)) => {
                assert!(found.total() > 0 && found.listed().len() <= LISTED_VIOLATIONS);
            }
            Err(_) => {}
        }
    }
}

/// A release, and the same with more in it.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let next = |wire: &mut pb::Release| {
        wire.version = 2;
        wire.previous_digest = release().digest().to_vec();
        wire.units.clear();
        wire.agreements.clear();
    };
    vec![release().signed_bytes().to_vec(), file(next)]
}
