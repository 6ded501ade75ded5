//! On whose word something stands: what a maker repeats, replaces or leaves out, whose clock is wrong, and what the
//! directory does not say any more.

use nhipcau_referrals::evidence::Later;

use super::*;

/// A transfer that a person took over; it waits for the service.
async fn assigned(world: &mut World) -> String {
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    branch
}

/// Told twice, an event would lend its position to the one after it, and its signers with that.
#[tokio::test]
async fn an_event_is_told_once_and_at_its_position() {
    let mut world = World::open().await;
    let branch = world.served().await;
    for node in [MOH, HANOI] {
        let whole = world.evidence(node, &branch).await;
        let refused = |told: &evidence::Evidence, of: Side, at: usize| {
            let judged = world.judge(told, node);
            let is_elsewhere = matches!(&judged, Err(Refused::Event { fault: EventFault::Elsewhere, side, ordinal, .. })
                if (*side, *ordinal) == (of, at as u64 + 2));
            assert!(is_elsewhere, "{} {at} of {}: {judged:?}", of.name(), NAMES[node]);
        };
        for at in 0..whole.branches[0].origin.len() {
            let mut told = whole.clone();
            told.branches[0].origin.insert(at, whole.branches[0].origin[at].clone());
            refused(&told, Side::Origin, at);
        }
        for at in 0..whole.branches[0].recipient.len() {
            let mut told = whole.clone();
            told.branches[0].recipient.insert(at, whole.branches[0].recipient[at].clone());
            refused(&told, Side::Recipient, at);
        }
        // In place of the start, with one that nobody wrote after it.
        let mut told = whole.clone();
        let log = &mut told.branches[0].recipient;
        let mut event = pb::ReferralEvent::decode(log[1].event.as_slice()).unwrap();
        event.event_time.as_mut().unwrap().seconds -= 3_600;
        let forged = evidence::EvidenceEvent { event: event.encode_to_vec(), ..Default::default() };
        *log = vec![log[0].clone(), log[0].clone(), forged];
        told.branches[0].origin.truncate(2);
        refused(&told, Side::Recipient, 0);
    }
}

/// An event that is shown in part may carry the digest of any other.
#[tokio::test]
async fn what_rests_on_an_event_that_is_told_is_told() {
    let mut world = World::open().await;
    let donor = world.served().await;
    let donor = world.evidence(MOH, &donor).await;
    let branch = assigned(&mut world).await;
    world.pass(SignedDuration::from_hours(13));
    let whole = world.evidence(MOH, &branch).await;
    let account = world.judge(&whole, MOH).unwrap();
    let tenures = |account: &Account| account.branches[0].tenures.iter().map(|it| it.told).collect::<Vec<_>>();
    assert_eq!((found(&account), tenures(&account)), (vec![], vec![false, false]));

    // In place of the acknowledgement stands what is left of the end of another service.
    let mut forged = whole.clone();
    let told = &mut forged.branches[0].recipient[0];
    let mut event = pb::ReferralEvent::decode(told.event.as_slice()).unwrap();
    event.event = pb::ReferralEvent::decode(donor.branches[0].recipient[2].event.as_slice()).unwrap().event;
    let digest = Event::read(&told.event).unwrap().digest().as_bytes().to_vec();
    *told = evidence::EvidenceEvent { event: event.encode_to_vec(), digest, ..Default::default() };
    let account = world.judge(&forged, MOH).unwrap();
    assert_eq!(account.branches[0].standing(Side::Origin, 3), Standing::Signed, "the assignment, which follows it");
    let found = found(&account);
    for finding in ["LIMIT_BROKEN", "NO_PERSON", "UNLAWFUL", "NOT_ALL_PROVEN"] {
        assert!(found.contains(&(finding, true)), "{finding}: {found:?}");
    }
    assert!(found.iter().all(|(_, told)| *told), "{found:?}");

    // The acknowledgement on the maker's word: so is who answers after it, by whatever signed event.
    let mut bare = whole.clone();
    bare.branches[0].recipient[0].part_key.clear();
    let account = world.judge(&bare, MOH).unwrap();
    assert_eq!(account.branches[0].standing(Side::Origin, 3), Standing::Signed);
    assert_eq!(tenures(&account), [false, true]);
}

/// Nobody makes another's event known by signing that it was seen, nor by having somebody else make the file.
#[tokio::test]
async fn what_only_its_teller_names_is_told() {
    let mut world = World::open().await;
    let branch = assigned(&mut world).await;
    for (holder, maker, standing) in
        [(MOH, MOH, Standing::Told), (MOH, VWU, Standing::Told), (HANOI, HANOI, Standing::Named)]
    {
        let mut evidence = world.evidence(holder, &branch).await;
        evidence.access_point = NAMES[maker].to_owned();
        let account = world.judge(&evidence, maker).unwrap();
        assert_eq!(account.branches[0].standing(Side::Recipient, 1), Standing::Named, "by the key of its part");
        evidence.branches[0].recipient[0].part_key.clear();
        let account = world.judge(&evidence, maker).unwrap();
        assert_eq!(account.branches[0].standing(Side::Recipient, 1), standing, "told by {}", NAMES[maker]);
    }
}

#[tokio::test]
async fn nobody_is_named_by_the_access_point_that_speaks_for_both() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Transfer, "hanoi/ba-dinh", &["hanoi/cua-nam"]);
    let branch = world.submit(HANOI, &request).await.remove(0);
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    let evidence = world.evidence(HANOI, &branch).await;
    let account = world.judge(&evidence, HANOI).unwrap();
    for told in &account.branches {
        assert_eq!(told.one_for_both, Some(point("hanoi")));
        assert!(told.lines.len() > 1 && told.lines.iter().all(|line| line.standing == Standing::Signed), "{told:?}");
    }
    // Whatever of one side is left out: the directory says who serves both.
    let mut cut = evidence;
    cut.branches.iter_mut().for_each(|branch| {
        branch.origin.truncate(1);
        branch.recipient.clear();
    });
    let account = world.judge(&cut, HANOI).unwrap();
    assert!(account.branches.iter().all(|told| told.one_for_both == Some(point("hanoi"))));
}

#[tokio::test]
async fn nothing_is_found_missing_that_the_other_side_names() {
    let mut world = World::open().await;
    let (waits, served) = (assigned(&mut world).await, world.served().await);
    world.pass(SignedDuration::from_hours(1));
    let mut waits = world.evidence(MOH, &waits).await;
    waits.receipts.clear();
    // The opening is answered; that the child was assigned, nobody has confirmed.
    let gap = [("RESPONSIBILITY_GAP", false), ("UNRECEIPTED", false)];
    assert_eq!(found(&world.judge(&waits, MOH).unwrap()), gap);
    waits.branches[0].origin[2].part_key.clear();
    // Nor that the acknowledgement came to it, which the assignment named.
    let told = [("RESPONSIBILITY_GAP", true), ("UNRECEIPTED", true), ("UNRECEIPTED", false), ("NOT_ALL_PROVEN", true)];
    assert_eq!(found(&world.judge(&waits, MOH).unwrap()), told);

    // Whoever has begun the service knew of the assignment; the end of the service is named by the closing.
    let mut served = world.evidence(MOH, &served).await;
    served.receipts.clear();
    let account = world.judge(&served, MOH).unwrap();
    assert_eq!(found(&account), [("UNRECEIPTED", true), ("UNRECEIPTED", false), ("NOT_ALL_PROVEN", true)]);
    let unreceipted = account.branches[0].findings.iter().filter_map(|finding| match &finding.what {
        Concern::Broken(Finding::Unreceipted { side, ordinal, .. }) => Some((*side, *ordinal)),
        _ => None,
    });
    assert_eq!(unreceipted.collect::<Vec<_>>(), [(Side::Origin, 4), (Side::Recipient, 2)]);

    // As from before keys were kept: the assignment is signed by what follows it, and no receipt can speak of it.
    served.branches[0].origin[2].part_key.clear();
    served.branches[0].recipient[1].part_key.clear();
    let account = world.judge(&served, MOH).unwrap();
    assert_eq!(account.branches[0].standing(Side::Origin, 3), Standing::Signed);
    let found = found(&account);
    assert!(found.contains(&("RESPONSIBILITY_GAP", true)), "{found:?}");
    assert!(found.iter().all(|(_, told)| *told), "{found:?}");
}

#[tokio::test]
async fn a_file_is_made_after_what_its_maker_signed_and_not_later_than_now() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let whole = world.evidence(MOH, &branch).await;
    let at = |minutes: i64| {
        let made = world.now() + SignedDuration::from_mins(minutes);
        world.judge(&evidence::Evidence { make_time: Some(write_time(made)), ..whole.clone() }, MOH)
    };
    assert!(matches!(at(-6), Err(Refused::Backdated)));
    assert!(matches!(at(6), Err(Refused::Future)));
    for minutes in [-4, 0, 4] {
        let account = at(minutes).unwrap();
        assert_eq!((account.later, account.release, account.issued), (vec![], 1, world.directory().issue_time()));
    }
}

/// Neither another's clock nor that of the directory keeps anybody from proving a case.
#[tokio::test]
async fn what_others_signed_later_than_a_file_is_shown_with_it() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    let made = world.now();
    world.pass(SignedDuration::from_mins(10));
    world.reject(HANOI, &branch, pb::RejectionCode::NoCapacity).await.unwrap();
    world.settle().await;
    let mut evidence = world.evidence(MOH, &branch).await;
    evidence.make_time = Some(write_time(made));
    // The maker's own receipt of the answer.
    assert!(matches!(world.judge(&evidence, MOH), Err(Refused::Backdated)));
    evidence.receipts.clear();
    let account = world.judge(&evidence, MOH).unwrap();
    let is_hanoi = |later: &Later| matches!(later, Later::Signed { by, time } if *by == point("hanoi") && *time > made);
    assert!(account.later.len() == 1 && account.later.iter().all(is_hanoi), "{:?}", account.later);

    world.amend(|_| ()).await;
    evidence.releases = vec![world.directory().signed_bytes().to_vec()];
    let account = world.judge(&evidence, MOH).unwrap();
    let names: Vec<_> = account.later.iter().map(Later::name).collect();
    assert_eq!(names, ["SIGNED_LATER", "ISSUED_LATER"]);
    assert_eq!(account.later[1], Later::Issued { time: account.issued });
}

#[tokio::test]
async fn what_the_directory_does_not_say_any_more_is_not_believed_and_said_so() {
    let mut world = World::open().await;
    let branch = assigned(&mut world).await;
    let whole = world.evidence(MOH, &branch).await;
    // The origin's unit has moved.
    world
        .amend(|release| {
            let hanoi = release.access_points.iter_mut().find(|point| point.access_point == "hanoi").unwrap();
            hanoi.parties.push("moh".to_owned());
            let unit = release.units.iter_mut().find(|unit| unit.party == "moh").unwrap();
            unit.hostings.iter_mut().for_each(|hosting| hosting.access_point = "hanoi".to_owned());
        })
        .await;
    let now = |world: &World| evidence::Evidence {
        releases: vec![world.directory().signed_bytes().to_vec()],
        make_time: Some(write_time(world.now())),
        ..whole.clone()
    };
    let account = world.judge(&now(&world), MOH).unwrap();
    for line in &account.branches[0].lines {
        assert_eq!((line.standing, line.doubt), (Standing::Told, Some(Doubt::NotServed)), "{line:?}");
    }
    assert_eq!(account.branches[0].one_for_both, Some(point("hanoi")));

    // The recipient's key was dropped for another one.
    world
        .amend(|release| {
            let hanoi = release.access_points.iter_mut().find(|point| point.access_point == "hanoi").unwrap();
            let next = SigningKey::from_seed(key_id("s-2"), &seed("hanoi", 9)).unwrap();
            hanoi.signing_keys[0].key_id = "s-2".to_owned();
            hanoi.signing_keys[0].public_key = next.public().to_vec();
        })
        .await;
    let judged = world.judge(&now(&world), MOH);
    let issued = world.directory().issue_time();
    assert!(matches!(judged, Err(Refused::KeyDropped { release: 3, issued: at }) if at == issued), "{judged:?}");
}
