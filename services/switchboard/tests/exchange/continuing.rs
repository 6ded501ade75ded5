//! Whoever took over goes on with a contact of their own: nobody is asked again, it happens once, and what is given
//! back leaves nothing behind but a referral that was sent.

use jiff::SignedDuration;
use nhipcau_domain::{
    reason,
    referral::{Objection, Personal, Requested},
};
use nhipcau_proto::{
    referral::v1 as referral,
    switchboard::v1::{self as pb, ContactState, HandoverState as S, handover_service_server::HandoverService as _},
};
use nhipcau_runtime::caller::Role;
use nhipcau_switchboard::verify_access;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{deeds::*, handovers::*, unanswered::has_referral, world::*};

const CONTACTS: &str = "SELECT COUNT(*) FROM switchboard_contact";
const RECORDS: &str = "SELECT COUNT(*) FROM switchboard_access";

fn unmet(reason: &str) -> (Code, String) {
    (Code::FailedPrecondition, reason.to_owned())
}

impl World {
    /// What referrals at HANOI were asked for last.
    fn asked_for(&self) -> Requested {
        let told = self.nodes[HANOI].told.lock().unwrap();
        Requested::read(told.asked.last().unwrap()).unwrap()
    }

    /// Whether anything that is known of a contact of HANOI is still there.
    async fn holds(&self, contact: &pb::Contact) -> bool {
        self.full(contact).await.details.is_some()
    }
}

#[tokio::test]
async fn whoever_took_over_refers_the_child_and_nothing_is_typed_again() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let theirs = world.taken(&contact).await;
    // What is told since goes along, and what was told first does not.
    let again = pb::ContactDetails { narrative: personal().narrative, ..Default::default() };
    let mut newer = again.narrative.clone().unwrap();
    newer.actions_taken.as_mut().unwrap().value = "đã gọi công an".into();
    let note = referral::ReferralContent { narrative: Some(newer.clone()), ..Default::default() };
    world.note(&world.seen(MOH, &theirs).await, note).await.unwrap();
    world.settle().await;
    let theirs = world.seen(HANOI, &theirs).await;
    let own = world.go_on(&theirs).await;
    assert_eq!((own.state(), &own.handover, own.details.is_none()), (ContactState::Open, &theirs.name, true));
    assert_ne!(own.case_uid, contact.case_uid, "a case of its own");
    assert_eq!(own.unit.as_ref().unwrap().unit, "health");
    let reception = referral::Reception { officer: OTHER.into(), ..contact.reception.clone().unwrap() };
    assert_eq!(own.reception, Some(reception), "time limits run from the call");
    assert_eq!(world.seen(HANOI, &theirs).await.own_contact, own.name);
    assert_eq!(world.seen(MOH, &theirs).await.own_contact, "", "that stays here");
    assert_eq!(world.count(HANOI, RECORDS).await, 1, "content was read");
    let known = world.full(&own).await.details.unwrap();
    assert_eq!((known.identity, known.narrative), (personal().identity, Some(newer)));
    assert_eq!((known.criteria, known.incident_area), (personal().criteria, personal().incident_area));
    // Everything that there is for contacts works.
    let amended = pb::ContactDetails { risk_level: referral::RiskLevel::High.into(), ..Default::default() };
    let own = world.amend(&own, amended).await.unwrap().contact.unwrap();
    world.send(&sending(&own)).await.unwrap();
    world.settle().await;
    let own = world.get(&own).await;
    assert_eq!((own.state(), own.referral.is_empty()), (ContactState::Referred, false));
    let requested = world.asked_for();
    let content = requested.request.expose().content.clone().unwrap();
    assert_eq!(requested.case.to_string(), own.case_uid);
    assert_eq!(content.identity.unwrap().full_name.unwrap().value, CHILD);
    assert_eq!(content.narrative.unwrap().condition.unwrap().value, STORY);
    assert_eq!(world.both(&theirs).await, [(S::Taken, false), (S::Taken, true)]);
    for word in [CHILD, STORY] {
        assert!(!world.has_on_disk(HANOI, word), "{word}");
    }
    assert!(world.nodes[HANOI].readers.read(|tx| verify_access(&point("hanoi"), tx)).await.is_ok());
}

#[tokio::test]
async fn a_hand_over_goes_on_in_one_contact_however_often_it_is_asked_and_whatever_crashes() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let theirs = world.taken(&contact).await;
    let request = continuing(&theirs);
    let copy = world.copy(HANOI);
    world.settle().await;
    let first = world.try_continue(&request).await.unwrap();
    world.crash(HANOI);
    world.settle().await;
    let again = world.try_continue(&request).await.unwrap();
    assert_eq!((again.contact.as_ref(), again.replayed), (first.contact.as_ref(), true));
    let own = first.contact.unwrap();
    world.amend(&own, pb::ContactDetails { area_unknown: true, ..Default::default() }).await.unwrap();
    let refused = world.try_continue(&continuing(&theirs)).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::AlreadyExists, reason::HANDOVER_HAS_CONTACT.into()));
    let named = refused.get_error_details().error_info().unwrap().metadata.get("contact").cloned();
    assert_eq!(named.as_ref(), Some(&own.name), "the refusal says which");
    let other = pb::ContinueHandoverRequest { acting_person: "cb-8".into(), ..request.clone() };
    let refused = world.try_continue(&other).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()));
    assert_eq!((world.count(HANOI, CONTACTS).await, world.count(HANOI, RECORDS).await), (1, 1));
    assert_eq!(world.get(&own).await.etag, "2", "it stands as it was amended");
    // An older store, and another request: the same contact, so that there can be no second referral.
    world.put_back(HANOI, &copy);
    world.settle_slowly().await;
    assert_eq!((world.count(HANOI, CONTACTS).await, world.seen(HANOI, &theirs).await.own_contact.as_str()), (0, ""));
    let anew = world.go_on(&theirs).await;
    assert_eq!((anew.uid, anew.case_uid), (own.uid, own.case_uid));
}

#[tokio::test]
async fn nobody_goes_on_from_what_is_not_taken_not_theirs_or_not_as_they_read_it() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    world.settle().await;
    let theirs = world.seen(HANOI, &offered).await;
    let refused = |error: Status| refusal(&error);
    assert_eq!(refused(world.try_continue(&continuing(&theirs)).await.unwrap_err()), unmet(reason::WRONG_STATE));
    let theirs = world.accept(HANOI, &theirs).await.unwrap();
    assert_eq!(refused(world.try_continue(&continuing(&theirs)).await.unwrap_err()), unmet(reason::WRONG_STATE));
    world.settle().await;
    let stale = refused(world.try_continue(&continuing(&theirs)).await.unwrap_err());
    assert_eq!(stale, (Code::Aborted, reason::ETAG_STALE.into()));
    let theirs = world.seen(HANOI, &offered).await;
    let valid = continuing(&theirs);
    let denied = (Code::PermissionDenied, reason::ACCESS_DENIED.to_owned());
    // Another party's hand-over, the origin's own side, and one that is not there.
    assert_eq!(refused(world.try_continue(&continuing(&offered)).await.unwrap_err()), denied);
    let door = &world.nodes[MOH].door;
    let origin = continuing(&world.seen(MOH, &offered).await);
    assert_eq!(refused(door.continue_handover(call(origin, "moh")).await.unwrap_err()), denied);
    let unknown =
        pb::ContinueHandoverRequest { name: format!("parties/hanoi/handovers/{}", request_id()), ..valid.clone() };
    assert_eq!(refused(world.try_continue(&unknown).await.unwrap_err()), denied);
    // Whoever may record and not read, read and not record, or names nobody.
    let door = &world.nodes[HANOI].door;
    for roles in [&[Role::Submit, Role::Decide][..], &[Role::ReadContent, Role::Decide]] {
        let refused = door.continue_handover(call_as(valid.clone(), "hanoi", roles)).await.unwrap_err();
        assert_eq!(refusal(&refused), (Code::PermissionDenied, reason::ROLE_MISSING.into()));
    }
    let nobody = pb::ContinueHandoverRequest { acting_person: String::new(), ..valid.clone() };
    assert!(world.try_continue(&nobody).await.is_err());
    let trial = pb::ContinueHandoverRequest { validate_only: true, ..valid.clone() };
    assert_eq!(world.try_continue(&trial).await.unwrap(), Default::default());
    assert_eq!((world.count(HANOI, CONTACTS).await, world.count(HANOI, RECORDS).await), (0, 0), "nothing was shown");
    world.try_continue(&valid).await.unwrap();
}

#[tokio::test]
async fn nothing_is_made_up_where_what_was_told_is_gone() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let theirs = world.taken(&contact).await;
    // As after the key of the hand-over was destroyed.
    world.nodes[HANOI]
        .handle()
        .call(|tx, _, _| tx.execute("DELETE FROM switchboard_handover_part", &[]).map(drop))
        .await
        .unwrap();
    let refused = world.try_continue(&continuing(&theirs)).await.unwrap_err();
    assert_eq!(refusal(&refused), unmet(reason::HANDOVER_CONTENT_GONE));
    assert_eq!((world.count(HANOI, CONTACTS).await, world.count(HANOI, RECORDS).await), (0, 0));
}

#[tokio::test]
async fn what_goes_on_is_given_back_only_after_it_was_closed_and_never_once_it_was_sent() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let theirs = world.taken(&contact).await;
    let own = world.go_on(&theirs).await;
    let held = unmet(reason::HANDOVER_CONTINUED);
    assert_eq!(refusal(&world.ask_back(HANOI, &theirs).await.unwrap_err()), held);
    // While it is offered on.
    let door = world.nodes[HANOI].door.clone();
    let to = referral::UnitRef { party: "moh".into(), unit: "111".into() };
    let on = pb::OfferHandoverRequest { recipient: Some(to), ..offering(&own) };
    let on = door.offer_handover(call(on, "hanoi")).await.unwrap().into_inner().handover.unwrap();
    assert_eq!(refusal(&world.ask_back(HANOI, &theirs).await.unwrap_err()), held);
    world.withdraw(HANOI, &on).await.unwrap();
    // Closed and not sent: it may go back, and nothing of it is left then.
    world.close(&own).await.unwrap();
    let asked = world.ask_back(HANOI, &theirs).await.unwrap();
    assert!(world.holds(&own).await, "the line answers until it was taken back");
    world.settle_slowly().await;
    world.hand_back(MOH, &world.seen(MOH, &asked).await).await.unwrap();
    world.settle().await;
    assert_eq!(world.both(&theirs).await, [(S::HandedBack, true), (S::HandedBack, false)]);
    assert!(!world.holds(&own).await);
    assert_eq!(world.get(&own).await.state(), ContactState::Closed);
    let refused = world.amend(&own, placed()).await.unwrap_err();
    assert_eq!(refusal(&refused), unmet(reason::WRONG_STATE));
    // Sent: it is the duty of whoever sent it, also once the contact is closed.
    let again = world.record(personal()).await;
    let theirs = world.taken(&again).await;
    let own = world.go_on(&theirs).await;
    world.nodes[HANOI].told.lock().unwrap().silent = true;
    world.send(&sending(&own)).await.unwrap();
    assert_eq!(refusal(&world.ask_back(HANOI, &theirs).await.unwrap_err()), held);
    world.nodes[HANOI].told.lock().unwrap().silent = false;
    world.pass(SignedDuration::from_mins(11));
    world.settle_slowly().await;
    let own = world.get(&own).await;
    assert_eq!(own.state(), ContactState::Referred);
    world.close(&own).await.unwrap();
    assert_eq!(refusal(&world.ask_back(HANOI, &theirs).await.unwrap_err()), held);
}

/// A hand-over that is being given back, and the contact that its recipient goes on in all the same: the origin may
/// never take it back, and somebody has to act.
async fn asked_and_continued(world: &mut World) -> (pb::Handover, pb::Contact) {
    let contact = world.record(personal()).await;
    let theirs = world.taken(&contact).await;
    let theirs = world.ask_back(HANOI, &theirs).await.unwrap();
    world.settle().await;
    let own = world.go_on(&theirs).await;
    (theirs, own)
}

#[tokio::test]
async fn what_comes_back_all_the_same_leaves_nothing_where_nothing_was_sent() {
    let mut world = World::open().await;
    let (theirs, own) = asked_and_continued(&mut world).await;
    world.hand_back(MOH, &world.seen(MOH, &theirs).await).await.unwrap();
    world.crash(HANOI);
    world.settle_slowly().await;
    assert_eq!(world.both(&theirs).await, [(S::HandedBack, true), (S::HandedBack, false)]);
    let ended = world.get(&own).await;
    assert_eq!((ended.state(), ended.close_reason()), (ContactState::Closed, pb::ContactCloseReason::Other));
    assert!(!world.holds(&own).await);
    let refused = world.try_continue(&continuing(&world.seen(HANOI, &theirs).await)).await.unwrap_err();
    assert_eq!(refusal(&refused).1, reason::HANDOVER_HAS_CONTACT);
    let keys = "SELECT COUNT(*) FROM case_key k JOIN switchboard_contact c ON c.case_uid = k.correlation";
    assert_eq!(world.count(HANOI, keys).await, 0, "its key is gone");
}

#[tokio::test]
async fn what_comes_back_all_the_same_leaves_a_referral_to_whoever_sent_it() {
    let mut world = World::open().await;
    let (theirs, own) = asked_and_continued(&mut world).await;
    world.send(&sending(&own)).await.unwrap();
    world.settle().await;
    world.hand_back(MOH, &world.seen(MOH, &theirs).await).await.unwrap();
    world.settle().await;
    assert_eq!(world.both(&theirs).await, [(S::HandedBack, true), (S::HandedBack, false)]);
    assert_eq!(world.get(&own).await.state(), ContactState::Referred);
    assert!(world.holds(&own).await);
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM switchboard_handover_part").await, 0);
}

/// Whoever took it over in turn gives it back after the first hand-over has ended.
#[tokio::test]
async fn what_a_third_has_is_left_to_them_and_leaves_nothing_once_it_is_given_back_too() {
    let mut world = World::open().await;
    let (theirs, own) = asked_and_continued(&mut world).await;
    let to_them = Some(referral::UnitRef { party: "moh".into(), unit: "111".into() });
    let offer = pb::OfferHandoverRequest { acting_person: OTHER.into(), recipient: to_them, ..offering(&own) };
    let offered = world.nodes[HANOI].door.offer_handover(call(offer, "hanoi")).await.unwrap().into_inner();
    let third = offered.handover.unwrap();
    world.settle().await;
    world.accept(MOH, &world.seen(MOH, &third).await).await.unwrap();
    world.settle().await;
    assert_eq!(world.get(&own).await.state(), ContactState::HandedOver);
    world.hand_back(MOH, &world.seen(MOH, &theirs).await).await.unwrap();
    world.settle_slowly().await;
    assert!(world.holds(&own).await, "somebody has it");
    world.ask_back(MOH, &world.seen(MOH, &third).await).await.unwrap();
    world.settle().await;
    world.hand_back(HANOI, &world.seen(HANOI, &third).await).await.unwrap();
    world.settle_slowly().await;
    assert_eq!((world.get(&own).await.state(), world.holds(&own).await), (ContactState::Closed, false));
}

/// What is being sent is decided by its answer, and not before.
#[tokio::test]
async fn what_comes_back_while_it_is_being_sent_waits_for_the_answer() {
    for is_referred in [false, true] {
        let mut world = World::open().await;
        let (theirs, own) = asked_and_continued(&mut world).await;
        world.nodes[HANOI].told.lock().unwrap().silent = true;
        world.send(&sending(&own)).await.unwrap();
        world.settle().await;
        world.hand_back(MOH, &world.seen(MOH, &theirs).await).await.unwrap();
        world.settle_slowly().await;
        assert_eq!(world.seen(HANOI, &theirs).await.state(), S::HandedBack);
        assert!(world.holds(&own).await, "a referral may stand");
        let objection =
            Objection { subject: "purpose".into(), reason: "X".into(), candidates: Personal::new(Vec::new()) };
        {
            let mut told = world.nodes[HANOI].told.lock().unwrap();
            told.silent = false;
            told.objections = if is_referred { Vec::new() } else { vec![objection] };
        }
        world.pass(SignedDuration::from_mins(11));
        world.settle_slowly().await;
        world.pass(SignedDuration::from_mins(2));
        world.settle_slowly().await;
        let state = if is_referred { ContactState::Referred } else { ContactState::Closed };
        assert_eq!((world.get(&own).await.state(), world.holds(&own).await), (state, is_referred));
    }
}

#[tokio::test]
async fn an_older_store_at_the_origin_takes_nothing_from_whoever_goes_on() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let copy = world.copy(MOH);
    world.settle().await;
    let theirs = world.taken(&contact).await;
    let own = world.go_on(&theirs).await;
    world.put_back(MOH, &copy);
    world.settle_slowly().await;
    assert_eq!(world.both(&theirs).await, [(S::Taken, false), (S::Taken, true)]);
    assert!(world.holds(&own).await);
    let theirs = world.seen(HANOI, &theirs).await;
    assert_eq!((&theirs.own_contact, &own.handover), (&own.name, &theirs.name));
    assert_eq!(refusal(&world.ask_back(HANOI, &theirs).await.unwrap_err()), unmet(reason::HANDOVER_CONTINUED));
    world.send(&sending(&own)).await.unwrap();
    world.settle().await;
    assert_eq!(world.get(&own).await.state(), ContactState::Referred);
}

/// The store of whoever goes on is put back to before they did: the referral is there, and gets no second one.
#[tokio::test]
async fn an_older_store_of_whoever_goes_on_makes_no_second_referral() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let theirs = world.taken(&contact).await;
    let copy = world.copy(HANOI);
    world.settle().await;
    let own = world.go_on(&theirs).await;
    let first = sending(&own);
    world.send(&first).await.unwrap();
    world.settle().await;
    let referral = world.get(&own).await.referral;
    world.put_back(HANOI, &copy);
    world.settle_slowly().await;
    {
        let mut told = world.nodes[HANOI].told.lock().unwrap();
        (told.stands, told.objections) = (first.request_id.parse().ok(), has_referral());
    }
    let anew = world.go_on(&world.seen(HANOI, &theirs).await).await;
    assert_eq!((&anew.uid, &anew.case_uid), (&own.uid, &own.case_uid), "the referral is found by its case");
    world.send(&sending(&anew)).await.unwrap();
    world.settle_slowly().await;
    let anew = world.get(&anew).await;
    assert_eq!((anew.state(), anew.referral), (ContactState::Referred, referral));
    assert_eq!(anew.violations[0].reason, reason::CONTACT_SENT_EARLIER);
}
