//! How trust ends: expiry freezes what is new and carries on what is known; a party revokes its own keys alone.

use proptest::prelude::*;

use super::*;
use crate::directory::authoring::revoke;
use crate::directory::{EXPIRY_WARNING, Freshness, Revocation, RevocationSigner};
use crate::reason;

const INSTANT: SignedDuration = SignedDuration::from_nanos(1);

#[test]
fn freshness_turns_at_the_warning_and_at_the_expiry() {
    let ceremony = ceremony();
    let release = ceremony.release(&programme(&ceremony.root));
    let warning = day(90) - EXPIRY_WARNING;
    assert_eq!(release.freshness(day(0)), Freshness::Current);
    assert_eq!(release.freshness(warning - INSTANT), Freshness::Current);
    assert_eq!(release.freshness(warning), Freshness::ExpiresSoon);
    assert_eq!(release.freshness(day(90) - INSTANT), Freshness::ExpiresSoon);
    assert_eq!(release.freshness(day(90)), Freshness::Expired);
}

#[test]
fn trust_does_not_begin_with_an_expired_release() {
    let ceremony = ceremony();
    let release = ceremony.release(&programme(&ceremony.root));
    assert_eq!(release.may_succeed(None, day(89)), Ok(()));
    let refused = release.may_succeed(None, day(90)).unwrap_err();
    assert_eq!(refused.reason(), reason::DIRECTORY_EXPIRED);
    let next = ReleaseBuilder::after(&release, day(1), day(80));
    let second = ceremony.verify(&ceremony.sign(&next), Some(&release)).unwrap();
    assert_eq!(second.may_succeed(Some(&release), day(90)), Ok(()));
}

#[test]
fn no_key_and_no_agreement_starts_once_the_release_has_expired() {
    let ceremony = ceremony();
    let late = Validity::between(day(90), day(120));
    let refuse = |builder: ReleaseBuilder| problems(ceremony.verify(&ceremony.sign(&builder), None));
    let (moh, vwu) = (party("moh"), party("vwu"));

    let builder = programme(&ceremony.root).signing_key(&ap("moh"), &key("s9"), [90; 32], late);
    let path = "access_points[0].signing_keys[1]";
    assert_eq!(refuse(builder), only(path, Problem::StartsExpired));
    let builder = programme(&ceremony.root).sealing_key(&ap("moh"), &key("e9"), [90; 32], late);
    let path = "access_points[0].sealing_keys[2]";
    assert_eq!(refuse(builder), only(path, Problem::StartsExpired));
    let builder = programme(&ceremony.root).agreement(&moh, &referral(), &vwu, &purpose("protection"), late);
    assert_eq!(refuse(builder), only("agreements[2]", Problem::StartsExpired));
}

#[test]
fn a_known_key_that_outlives_its_release_carries_cases_on() {
    let ceremony = ceremony();
    let epoch = Validity::between(day(55), day(95));
    let builder = programme(&ceremony.root).sealing_key(&ap("moh"), &key("e3"), [22; 32], epoch);
    let release = ceremony.release(&builder);
    let epoch_at = |release: &Release, at| release.sealing_key(&ap("moh"), at).map(|epoch| epoch.id.to_string());
    assert_eq!(epoch_at(&release, day(500)).as_deref(), Some("e3"));
    assert!(release.signing_key(&ap("moh"), &key("s1")).unwrap().usable(day(500)));
    let agreed = |at| release.allows(&party("moh"), &referral(), &party("hanoi"), &purpose("protection"), at);
    assert!(agreed(day(500)));

    let revoked = ceremony.release(&builder.revoke(&ap("moh"), &key("e3"), day(100)));
    assert_eq!(epoch_at(&revoked, day(99)).as_deref(), Some("e3"));
    assert_eq!(epoch_at(&revoked, day(100)), None);
}

#[test]
fn sealing_uses_the_newest_epoch_in_use() {
    let ceremony = ceremony();
    let release = ceremony.release(&programme(&ceremony.root));
    let epoch = |at| release.sealing_key(&ap("moh"), at).map(|epoch| epoch.id.to_string());
    assert_eq!(epoch(day(0) - INSTANT), None);
    assert_eq!(epoch(day(0)).as_deref(), Some("e1"));
    assert_eq!(epoch(day(25) - INSTANT).as_deref(), Some("e1"));
    assert_eq!(epoch(day(25)).as_deref(), Some("e2"));
    assert_eq!(epoch(day(60) - INSTANT).as_deref(), Some("e2"));
    assert_eq!(epoch(day(60)), None, "expires before its release and is not carried on");
    assert_eq!(release.sealing_key(&ap("nowhere"), day(1)), None);
}

#[test]
fn a_revoked_key_is_known_but_not_usable() {
    let ceremony = ceremony();
    let builder = programme(&ceremony.root).revoke(&ap("moh"), &key("s1"), day(7));
    let release = ceremony.release(&builder);
    let signing = release.signing_key(&ap("moh"), &key("s1")).unwrap();
    assert_eq!(signing.revoked, Some(day(7)));
    assert!(signing.usable(day(7) - INSTANT));
    assert!(!signing.usable(day(7)));
}

#[test]
fn a_key_id_never_stands_for_another_key() {
    let ceremony = ceremony();
    let first = ceremony.release(&programme(&ceremony.root));
    let next = ReleaseBuilder::after(&first, day(1), day(90))
        .with(|wire| wire.access_points[0].signing_keys[0].public_key = vec![77; 32]);
    let found = problems(ceremony.verify(&ceremony.sign(&next), Some(&first)));
    assert_eq!(found, only("access_points[0]", Problem::Reused));
}

/// Also when a release between the two has left it out.
#[test]
fn a_key_that_comes_again_is_the_same_and_as_revoked_as_it_was() {
    let ceremony = ceremony();
    let first = ceremony.release(&programme(&ceremony.root).revoke(&ap("moh"), &key("s1"), day(7)));
    let next = |before: &Release, id: &str, public: Vec<u8>| {
        ReleaseBuilder::after(before, day(1), day(90)).with(move |wire| {
            let key = &mut wire.access_points[0].signing_keys[0];
            (key.key_id, key.public_key, key.revoke_time) = (id.to_owned(), public, None);
        })
    };
    let listed = first.signing_key(&ap("moh"), &key("s1")).unwrap().public.to_vec();
    let without = ceremony.verify(&ceremony.sign(&next(&first, "s2", vec![77; 32])), Some(&first)).unwrap();
    assert!(without.signing_key(&ap("moh"), &key("s1")).is_none());
    let again = ceremony.verify(&ceremony.sign(&next(&without, "s1", listed)), Some(&without)).unwrap();
    assert_eq!(again.signing_key(&ap("moh"), &key("s1")).unwrap().revoked, Some(day(7)));
    let other = ceremony.verify(&ceremony.sign(&next(&without, "s1", vec![78; 32])), Some(&without));
    assert_eq!(problems(other), only("access_points[0]", Problem::Reused));
}

fn revocation(keys: &[&str], signer: RevocationSigner) -> Revocation {
    Revocation {
        party: party("moh"),
        access_point: ap("moh"),
        keys: keys.iter().map(|text| key(text)).collect(),
        revoke_time: day(3),
        signer,
    }
}

fn recovery() -> RevocationSigner {
    RevocationSigner::Recovery(key("rescue"))
}

#[test]
fn a_party_revokes_its_own_keys_alone_and_at_once() {
    let ceremony = ceremony();
    let release = ceremony.release(&programme(&ceremony.root));
    let by_key = RevocationSigner::Signing(ap("moh"), key("s1"));
    let cases = [(recovery(), pair(40)), (by_key, pair(10))];
    for (signer, secret) in cases {
        let bytes = revoke("trial", &revocation(&["s1", "e1"], signer), &secret);
        let revoked = release.revoke(&bytes).unwrap();
        assert!(!revoked.signing_key(&ap("moh"), &key("s1")).unwrap().usable(day(3)));
        assert_eq!(revoked.sealing_key(&ap("moh"), day(3)), None);
        assert!(revoked.signing_key(&ap("vwu"), &key("s1")).unwrap().usable(day(3)));
        assert_eq!(revoked.digest(), release.digest());
    }
}

#[test]
fn nobody_else_revokes_a_partys_keys() {
    let ceremony = ceremony();
    let release = ceremony.release(&programme(&ceremony.root));
    let unsigned = |revocation: &Revocation, secret: u8| {
        let refused = release.revoke(&revoke("trial", revocation, &pair(secret))).unwrap_err();
        assert_eq!(refused.reason(), reason::DIRECTORY_REVOCATION_REFUSED);
    };
    unsigned(&revocation(&["s1"], recovery()), 41);
    unsigned(&revocation(&["s1"], RevocationSigner::Signing(ap("vwu"), key("s1"))), 11);
    unsigned(&revocation(&["s1"], RevocationSigner::Recovery(key("unknown"))), 40);

    let mut foreign = revocation(&["s1"], recovery());
    foreign.access_point = ap("vwu");
    let bytes = revoke("trial", &foreign, &pair(40));
    assert_eq!(problems(release.revoke(&bytes)), only("access_point", Problem::Unresolved));
    let bytes = revoke("trial", &revocation(&["s1", "s7"], recovery()), &pair(40));
    assert_eq!(problems(release.revoke(&bytes)), only("keys[1]", Problem::Unresolved));
    let bytes = revoke("trial", &revocation(&[], recovery()), &pair(40));
    assert_eq!(problems(release.revoke(&bytes)), only("keys", Problem::Missing));
    let bytes = revoke("other", &revocation(&["s1"], recovery()), &pair(40));
    assert_eq!(release.revoke(&bytes).unwrap_err(), Error::WrongProgramme);
}

#[test]
fn a_key_that_the_release_revokes_revokes_no_more() {
    let ceremony = ceremony();
    let builder = programme(&ceremony.root).revoke(&ap("moh"), &key("s1"), day(1));
    let release = ceremony.release(&builder);
    let by_key = revocation(&["e1"], RevocationSigner::Signing(ap("moh"), key("s1")));
    let refused = release.revoke(&revoke("trial", &by_key, &pair(10))).unwrap_err();
    assert_eq!(refused, Error::RevocationSignerUnknown);
}

#[test]
fn a_later_release_does_not_bring_a_revoked_key_back() {
    let ceremony = ceremony();
    let first = ceremony.release(&programme(&ceremony.root));
    let revoked = first.revoke(&revoke("trial", &revocation(&["s1"], recovery()), &pair(40))).unwrap();
    let next = ReleaseBuilder::after(&first, day(4), day(90));
    let second = ceremony.verify(&ceremony.sign(&next), Some(&revoked)).unwrap();
    assert_eq!(second.signing_key(&ap("moh"), &key("s1")).unwrap().revoked, Some(day(3)));
}

proptest! {
    #[test]
    fn revocations_apply_in_any_order(
        drafts in prop::collection::vec((prop::sample::subsequence(vec!["s1", "e1", "e2"], 1..=3), any::<bool>(), 0..50_i64), 1..5),
    ) {
        let ceremony = ceremony();
        let release = ceremony.release(&programme(&ceremony.root));
        let files: Vec<Vec<u8>> = drafts
            .iter()
            .map(|(keys, by_recovery, from)| {
                let by_key = RevocationSigner::Signing(ap("moh"), key("s1"));
                let (signer, secret) = if *by_recovery { (recovery(), 40) } else { (by_key, 10) };
                let draft = Revocation { revoke_time: day(*from), ..revocation(keys, signer) };
                revoke("trial", &draft, &pair(secret))
            })
            .collect();
        let forth = files.iter().try_fold(release.clone(), |release, file| release.revoke(file)).unwrap();
        let back = files.iter().rev().try_fold(release, |release, file| release.revoke(file)).unwrap();
        prop_assert_eq!(forth.access_point(&ap("moh")), back.access_point(&ap("moh")));
    }

    #[test]
    fn validity_contains_exactly_what_lies_between(start in -1000..1000_i64, length in 1..1000_i64, at in -3000..3000_i64) {
        let validity = Validity::between(day(start), day(start + length));
        prop_assert_eq!(validity.contains(day(at)), (start..start + length).contains(&at));
        prop_assert_eq!(Validity::from(day(start)).contains(day(at)), at >= start);
    }
}

#[test]
fn a_release_with_more_revoked_supersedes_itself_and_a_later_one_every_earlier() {
    let ceremony = ceremony();
    let first = ceremony.release(&programme(&ceremony.root));
    let second =
        ceremony.verify(&ceremony.sign(&ReleaseBuilder::after(&first, day(1), day(90))), Some(&first)).unwrap();
    let bytes = revoke("trial", &revocation(&["s1"], recovery()), &pair(40));
    let revoked = first.revoke(&bytes).unwrap();
    assert!(revoked.supersedes(&first) && !first.supersedes(&revoked));
    assert!(!revoked.supersedes(&revoked) && !revoked.revoke(&bytes).unwrap().supersedes(&revoked));
    assert!(second.supersedes(&first) && second.supersedes(&revoked));
    assert!(!first.supersedes(&second) && !revoked.supersedes(&second));
}
