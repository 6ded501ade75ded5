//! Who makes a release: signatures, their order, and the change of the root.

use prost::Message as _;

use super::*;
use crate::directory::Fingerprint;
use crate::directory::authoring::{merge, review, sign};
use crate::reason;

const NEEDED: usize = 2;

#[test]
fn two_of_three_signers_make_a_release_whichever_they_are() {
    let ceremony = ceremony();
    let builder = programme(&ceremony.root);
    for (a, b) in [(0, 1), (0, 2), (1, 2), (2, 0)] {
        let bytes = builder.signed(&[ceremony.signer(a), ceremony.signer(b)]);
        let release = ceremony.verify(&bytes, None).unwrap();
        assert_eq!(release.version(), 1);
        assert_eq!(release.signed_bytes(), bytes);
    }
}

#[test]
fn one_signature_is_too_few() {
    let ceremony = ceremony();
    let bytes = programme(&ceremony.root).signed(&[ceremony.signer(0)]);
    let refused = ceremony.verify(&bytes, None).unwrap_err();
    assert_eq!(refused, Error::UnderSigned { valid: 1, needed: NEEDED });
    assert_eq!(refused.reason(), reason::DIRECTORY_UNDER_SIGNED);
}

#[test]
fn signing_twice_counts_once() {
    let ceremony = ceremony();
    let bytes = programme(&ceremony.root).signed(&[ceremony.signer(0), ceremony.signer(0)]);
    let refused = ceremony.verify(&bytes, None).unwrap_err();
    assert_eq!(refused, Error::UnderSigned { valid: 1, needed: NEEDED });
}

#[test]
fn a_stranger_counts_for_nothing_under_any_name() {
    let ceremony = ceremony();
    let stranger = pair(99);
    for name in ["stranger", "signer-2"] {
        let bytes = programme(&ceremony.root).signed(&[ceremony.signer(0), (&key(name), &stranger)]);
        let refused = ceremony.verify(&bytes, None).unwrap_err();
        assert_eq!(refused, Error::UnderSigned { valid: 1, needed: NEEDED });
    }
}

#[test]
fn a_changed_byte_voids_every_signature() {
    let ceremony = ceremony();
    let bytes = ceremony.sign(&programme(&ceremony.root));
    let mut signed = pb::SignedRelease::decode(&*bytes).unwrap();
    *signed.release.last_mut().unwrap() ^= 1;
    let refused = ceremony.verify(&signed.encode_to_vec(), None).unwrap_err();
    assert_eq!(refused, Error::UnderSigned { valid: 0, needed: NEEDED });
}

#[test]
fn a_release_of_another_programme_is_refused() {
    let ceremony = ceremony();
    let bytes = ceremony.sign(&programme(&ceremony.root).with(|wire| wire.programme = "other".into()));
    assert_eq!(ceremony.verify(&bytes, None).unwrap_err(), Error::WrongProgramme);
}

#[test]
fn a_later_format_is_refused_by_name() {
    let ceremony = ceremony();
    let bytes = ceremony.sign(&programme(&ceremony.root).with(|wire| wire.format = 2));
    assert_eq!(ceremony.verify(&bytes, None).unwrap_err(), Error::UnknownFormat(2));
}

#[test]
fn the_version_never_falls() {
    let ceremony = ceremony();
    let first = ceremony.release(&programme(&ceremony.root));
    let next = ReleaseBuilder::after(&first, day(1), day(90));
    let second = ceremony.verify(&ceremony.sign(&next), Some(&first)).unwrap();
    let refused = ceremony.verify(first.signed_bytes(), Some(&second)).unwrap_err();
    assert_eq!(refused, Error::RolledBack { offered: 1, current: 2 });
    assert_eq!(refused.reason(), reason::DIRECTORY_ROLLED_BACK);
}

#[test]
fn the_version_in_use_is_accepted_again_and_with_other_signers() {
    let ceremony = ceremony();
    let builder = programme(&ceremony.root);
    let first = ceremony.release(&builder);
    let others = builder.signed(&[ceremony.signer(1), ceremony.signer(2)]);
    let again = ceremony.verify(&others, Some(&first)).unwrap();
    assert_eq!(again.digest(), first.digest());
}

#[test]
fn the_version_in_use_with_other_content_is_a_conflict() {
    let ceremony = ceremony();
    let first = ceremony.release(&programme(&ceremony.root));
    let other = programme(&ceremony.root).publication(&party("vwu"), &indicator());
    let refused = ceremony.verify(&ceremony.sign(&other), Some(&first)).unwrap_err();
    assert_eq!(refused, Error::Conflict(1));
    assert_eq!(refused.reason(), reason::DIRECTORY_CONFLICT);
}

#[test]
fn the_next_version_names_the_one_in_use() {
    let ceremony = ceremony();
    let first = ceremony.release(&programme(&ceremony.root));
    let next = ReleaseBuilder::after(&first, day(1), day(90)).with(|wire| wire.previous_digest = vec![7; 32]);
    let refused = ceremony.verify(&ceremony.sign(&next), Some(&first)).unwrap_err();
    assert_eq!(refused, Error::Forked(2));
}

#[test]
fn a_missed_release_is_caught_up_by_any_later_one() {
    let ceremony = ceremony();
    let first = ceremony.release(&programme(&ceremony.root));
    let second =
        ceremony.verify(&ceremony.sign(&ReleaseBuilder::after(&first, day(1), day(90))), Some(&first)).unwrap();
    let third = ceremony.sign(&ReleaseBuilder::after(&second, day(2), day(90)));
    assert_eq!(ceremony.verify(&third, Some(&first)).unwrap().version(), 3);
}

#[test]
fn a_peer_one_release_behind_lacks_the_new_key_until_it_catches_up() {
    let ceremony = ceremony();
    let first = ceremony.release(&programme(&ceremony.root));
    let validity = Validity::between(day(1), day(300));
    let next = ReleaseBuilder::after(&first, day(1), day(90)).signing_key(
        &ap("moh"),
        &key("s2"),
        public_key(&pair(50)),
        validity,
    );
    assert!(first.signing_key(&ap("moh"), &key("s2")).is_none());
    let second = ceremony.verify(&ceremony.sign(&next), Some(&first)).unwrap();
    assert!(second.signing_key(&ap("moh"), &key("s2")).unwrap().usable(day(2)));
}

#[test]
fn a_new_root_needs_the_old_root_and_itself() {
    let (old, new) = (Ceremony::new(1, [1, 2, 3]), Ceremony::new(2, [4, 5, 3]));
    let first = old.release(&programme(&old.root));
    let next = ReleaseBuilder::after(&first, day(1), day(90)).root(&new.root);

    let by_old = next.signed(&[old.signer(0), old.signer(1)]);
    let refused = old.verify(&by_old, Some(&first)).unwrap_err();
    assert_eq!(refused, Error::RootUnderSigned { valid: 0, needed: NEEDED });
    let by_new = next.signed(&[new.signer(0), new.signer(1)]);
    let refused = old.verify(&by_new, Some(&first)).unwrap_err();
    assert_eq!(refused, Error::UnderSigned { valid: 0, needed: NEEDED });

    // The office keeps its key and so counts under both roots.
    let by_both = next.signed(&[old.signer(0), new.signer(0), old.signer(2)]);
    let second = old.verify(&by_both, Some(&first)).unwrap();
    assert_eq!(second.root(), &new.root);
}

#[test]
fn after_a_change_the_old_root_signs_nothing_more() {
    let (old, new) = (Ceremony::new(1, [1, 2, 3]), Ceremony::new(2, [4, 5, 6]));
    let first = old.release(&programme(&old.root));
    let change = ReleaseBuilder::after(&first, day(1), day(90)).root(&new.root);
    let signers = [old.signer(0), old.signer(1), new.signer(0), new.signer(1)];
    let second = old.verify(&change.signed(&signers), Some(&first)).unwrap();

    let third = ReleaseBuilder::after(&second, day(2), day(90));
    let refused = old.verify(&old.sign(&third), Some(&second)).unwrap_err();
    assert_eq!(refused, Error::UnderSigned { valid: 0, needed: NEEDED });
    assert_eq!(old.verify(&new.sign(&third), Some(&second)).unwrap().version(), 3);
    // One that missed the change cannot jump over it.
    let refused = old.verify(&new.sign(&third), Some(&first)).unwrap_err();
    assert_eq!(refused, Error::UnderSigned { valid: 0, needed: NEEDED });
}

#[test]
fn a_root_changes_only_with_a_higher_version() {
    let (old, new) = (Ceremony::new(5, [1, 2, 3]), Ceremony::new(5, [4, 5, 6]));
    let first = old.release(&programme(&old.root));
    let change = ReleaseBuilder::after(&first, day(1), day(90)).root(&new.root);
    let signers = [old.signer(0), old.signer(1), new.signer(0), new.signer(1)];
    let refused = old.verify(&change.signed(&signers), Some(&first)).unwrap_err();
    assert_eq!(refused, Error::RootRolledBack);
    assert_eq!(refused.reason(), reason::DIRECTORY_ROOT_REFUSED);
}

#[test]
fn a_root_is_two_parties_and_the_office_each_with_its_own_key() {
    let ceremony = ceremony();
    let signers: Vec<Signer> = ceremony.root.signers().cloned().collect();
    let refused = |change: fn(&mut Vec<Signer>)| {
        let mut signers = signers.clone();
        change(&mut signers);
        TrustedRoot::new("trial", 1, &signers).is_err()
    };
    assert!(refused(|signers| signers.truncate(2)));
    assert!(refused(|signers| signers[1].public = signers[0].public));
    assert!(refused(|signers| signers[1].id = signers[0].id.clone()));
    assert!(refused(|signers| signers[1].holder = signers[0].holder.clone()));
    assert!(refused(|signers| signers[0].role = SignerRole::ProgrammeOffice));
    assert!(TrustedRoot::new("trial", 0, &signers).is_err());
}

#[test]
fn the_first_root_is_pinned_by_a_fingerprint_people_can_read_aloud() {
    let (ceremony, other) = (ceremony(), Ceremony::new(1, [1, 2, 4]));
    let bytes = ceremony.sign(&programme(&ceremony.root));
    let shown = TrustedRoot::claimed(&bytes).unwrap().fingerprint().to_string();
    assert_eq!(shown.split(' ').count(), 16);
    assert!(shown.split(' ').all(|group| group.len() == 4));

    let compared: Fingerprint = shown.to_uppercase().parse().unwrap();
    assert_eq!(TrustedRoot::pin(&bytes, &compared).unwrap(), ceremony.root);
    let refused = TrustedRoot::pin(&bytes, &other.root.fingerprint()).unwrap_err();
    assert_eq!(refused, Error::FingerprintMismatch);
    let unsigned = programme(&ceremony.root).build();
    let refused = TrustedRoot::pin(&unsigned, &compared).unwrap_err();
    assert_eq!(refused, Error::UnderSigned { valid: 0, needed: NEEDED });
    assert!("12".parse::<Fingerprint>().is_err());
}

#[test]
fn a_fingerprint_stands_for_the_whole_root() {
    let base = ceremony().root;
    let signers: Vec<Signer> = base.signers().cloned().collect();
    let mut renamed = signers.clone();
    renamed[0].holder = "other".into();
    let others = [
        TrustedRoot::new("trial", 2, &signers).unwrap(),
        TrustedRoot::new("other", 1, &signers).unwrap(),
        TrustedRoot::new("trial", 1, &renamed).unwrap(),
    ];
    assert!(others.iter().all(|other| other.fingerprint() != base.fingerprint()));
    let mut reversed = signers;
    reversed.reverse();
    let same = TrustedRoot::new("trial", 1, &reversed).unwrap();
    assert_eq!(same.fingerprint(), base.fingerprint());
}

/// Computed by a second implementation (Python) from the contract's description.
const FINGERPRINT: &str = "d366 8ae8 3d9e f810 af24 66eb f76f e99d 5056 0a0a 7de3 7e3e d825 b026 bb8b 4e5f";

#[test]
fn the_fingerprint_is_what_the_contract_describes() {
    assert_eq!(ceremony().root.fingerprint().to_string(), FINGERPRINT);
}

/// A release file as it was first written. Its bytes must be readable for ever, whatever becomes of the builder.
const GOLDEN: &[u8] = include_bytes!("golden/release-1.binpb");
/// Computed by a second implementation (Python), which also verified both signatures.
const GOLDEN_DIGEST: &str = "ccda42826ec6d35bc50204652a54062694f49408c209f5d4337b4cf4ea5d40ba";

#[test]
fn the_first_release_file_ever_written_still_verifies() {
    let fingerprint = FINGERPRINT.parse().unwrap();
    let root = TrustedRoot::pin(GOLDEN, &fingerprint).unwrap();
    let release = Release::verify(GOLDEN, &root, None).unwrap();
    assert_eq!(hex::encode(release.digest()), GOLDEN_DIGEST);
    assert!(release.hosts(&ap("hanoi"), &party("vwu"), Some(&unit("commune")), &referral()));
}

#[test]
fn signers_sign_apart_and_their_files_are_merged() {
    let ceremony = ceremony();
    let draft = programme(&ceremony.root).build();
    review(&draft, None).unwrap();
    let ((a, first), (b, second)) = (ceremony.signer(0), ceremony.signer(2));
    let (one, other) = (sign(&draft, a, first).unwrap(), sign(&draft, b, second).unwrap());
    assert!(ceremony.verify(&one, None).is_err());
    assert_eq!(sign(&one, a, first).unwrap(), one);
    let merged = merge(&one, &other).unwrap();
    assert!(ceremony.verify(&merged, None).is_ok());
    assert_eq!(merge(&merged, &other).unwrap(), merged);

    let different = programme(&ceremony.root).publication(&party("vwu"), &referral()).build();
    assert_eq!(merge(&merged, &different).unwrap_err(), Error::DifferentReleases);
}

#[test]
fn a_review_finds_before_signing_what_verification_would_refuse() {
    let ceremony = ceremony();
    let draft = programme(&ceremony.root).with(|wire| wire.units[0].party = "nobody".into());
    assert!(matches!(review(&draft.build(), None), Err(Error::Invalid(_))));
    let first = ceremony.release(&programme(&ceremony.root));
    let stale = programme(&ceremony.root).publication(&party("vwu"), &referral());
    assert_eq!(review(&stale.build(), Some(&first)).unwrap_err(), Error::Conflict(1));
}
