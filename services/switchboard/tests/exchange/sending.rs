//! From the call to the referral: who gets it, what keeps it from being sent, and that no crash loses either.

use jiff::SignedDuration;
use nhipcau_domain::{
    id::Purpose,
    reason,
    referral::{Answer, Objection, Personal, Refusal, Requested},
};
use nhipcau_messaging::message::{Address, Cause, Header, Recipient};
use nhipcau_proto::{
    referral::v1::{self as referral, ReferralPart},
    switchboard::v1::{
        self as pb, ContactState, RouteQuestion, UnitVerdict, contact_service_server::ContactService as _,
    },
};
use tonic::Code;
use uuid::Uuid;

use crate::{deeds::*, stand_in, world::*};

impl World {
    /// How often the stand-in was asked.
    pub(crate) fn asked(&self) -> usize {
        self.nodes[MOH].told.lock().unwrap().asked.len()
    }

    async fn route(&self, contact: &pb::Contact) -> pb::ContactRoute {
        let request = pb::GetContactRouteRequest {
            name: contact.name.clone(),
            service: "child-protection".into(),
            acting_person: "tv-4".into(),
        };
        self.nodes[MOH].door.get_contact_route(call(request, "moh")).await.unwrap().into_inner().route.unwrap()
    }
}

fn reasons(contact: &pb::Contact) -> Vec<&str> {
    contact.violations.iter().map(|violation| violation.reason.as_str()).collect()
}

#[tokio::test]
async fn a_call_becomes_a_referral_to_the_unit_that_serves() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let request = sending(&contact);
    let sent = world.send(&request).await.unwrap();
    let route = sent.route.unwrap();
    assert_eq!(route.unit.unwrap().unit, "ba-dinh");
    assert_eq!(route.considered[0].verdict(), UnitVerdict::Fits);
    let on_the_way = sent.contact.unwrap();
    assert_eq!((on_the_way.state(), &on_the_way.sending_request_id), (ContactState::Open, &request.request_id));
    world.settle().await;
    let referred = world.get(&contact).await;
    let referral = stand_in::referral(Uuid::parse_str(&request.request_id).unwrap());
    assert_eq!(
        (referred.state(), referred.referral),
        (ContactState::Referred, format!("parties/moh/referrals/{referral}"))
    );
    assert!(referred.sending_request_id.is_empty());
    // What was asked for is everything that is known, for that unit and under the contact's case.
    let asked = Requested::read(&world.nodes[MOH].told.lock().unwrap().asked[0]).unwrap();
    assert_eq!((asked.contact.to_string(), asked.case.to_string()), (contact.uid, contact.case_uid));
    let submission = asked.request.expose();
    assert_eq!(submission.recipients[0].unit, "ba-dinh");
    let identity = submission.content.clone().unwrap().identity.unwrap();
    assert_eq!(identity.full_name.unwrap().value, CHILD);
    // A repetition of the call is answered as it stands now, and sends nothing.
    let again = world.send(&request).await.unwrap();
    assert!(again.replayed && again.route.is_some());
    assert_eq!(again.contact.unwrap().state(), ContactState::Referred);
    world.settle().await;
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn a_crash_between_the_contact_and_the_referral_loses_neither() {
    let mut world = World::open().await;
    world.nodes[MOH].told.lock().unwrap().silent = true;
    let contact = world.record(placed()).await;
    let request = sending(&contact);
    world.send(&request).await.unwrap();
    // The process ends before anything was submitted, and again before anything was answered.
    world.crash(MOH);
    world.settle().await;
    assert_eq!(world.asked(), 1, "what was sent is on disk with the contact");
    world.crash(MOH);
    world.settle().await;
    let waiting = world.get(&contact).await;
    assert_eq!((waiting.state(), &waiting.sending_request_id), (ContactState::Open, &request.request_id));
    assert_eq!(refusal(&world.close(&waiting).await.unwrap_err()).1, reason::CONTACT_BEING_SENT);
    assert_eq!(refusal(&world.send(&sending(&waiting)).await.unwrap_err()).1, reason::CONTACT_BEING_SENT);
    // Nobody answered: it is asked again for the very same, until somebody does.
    world.pass(SignedDuration::from_mins(11));
    world.settle().await;
    world.settle().await;
    world.nodes[MOH].told.lock().unwrap().silent = false;
    world.pass(SignedDuration::from_mins(11));
    world.settle().await;
    world.settle().await;
    assert_eq!(world.get(&contact).await.state(), ContactState::Referred);
    let asked = world.nodes[MOH].told.lock().unwrap().asked.clone();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| *request == asked[0]), "one request id stands for one referral");
    world.pass(SignedDuration::from_mins(30));
    world.settle().await;
    assert_eq!(world.asked(), 3, "what was answered is asked no more");
}

#[tokio::test]
async fn without_an_area_the_switchboard_stays_the_owner_until_a_person_chooses() {
    let mut world = World::open().await;
    let contact = world.record(least()).await;
    let refused = world.send(&sending(&contact)).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::AREA_MISSING.into()));
    assert_eq!(world.route(&contact).await.question(), RouteQuestion::AreaMissing);
    // Whoever called does not know where it is.
    let unknown = pb::ContactDetails { area_unknown: true, ..Default::default() };
    let contact = world.amend(&contact, unknown).await.unwrap().contact.unwrap();
    let refused = world.send(&sending(&contact)).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::AREA_MISSING.into()));
    assert_eq!(world.get(&contact).await.state(), ContactState::Open);
    let chosen = vec![referral::UnitRef { party: "hanoi".into(), unit: "health".into() }];
    let sent = world.send(&pb::SendContactRequest { recipients: chosen, ..sending(&contact) }).await.unwrap();
    assert_eq!(sent.route, None, "a person chose");
    world.settle().await;
    assert_eq!(world.get(&contact).await.state(), ContactState::Referred);
}

#[tokio::test]
async fn of_an_area_that_was_split_a_person_is_told_the_parts_and_chooses() {
    let mut world = World::open().await;
    let contact = world.record(pb::ContactDetails { incident_area: area("00019", "VN-63"), ..least() }).await;
    let route = world.route(&contact).await;
    assert_eq!(route.question(), RouteQuestion::AreaSplit);
    let parts: Vec<_> = route.candidate_areas.iter().map(|area| area.code.as_str()).collect();
    assert_eq!(parts, ["00004", "00070"]);
    let refused = world.send(&sending(&contact)).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::AREA_SPLIT.into()));
    let told = fields(&refused);
    assert_eq!(told.len(), 1);
    assert!(
        !told[0].1.contains("00004") && !told[0].1.contains("00070"),
        "the route tells it, with a record: {told:?}"
    );
    let placed = pb::ContactDetails { incident_area: area("00070", "VN-34"), ..Default::default() };
    let contact = world.amend(&contact, placed).await.unwrap().contact.unwrap();
    // No unit of its own there: the department above it.
    let trial = world.send(&pb::SendContactRequest { validate_only: true, ..sending(&contact) }).await.unwrap();
    assert_eq!(trial.route.unwrap().unit.unwrap().unit, "health");
    world.settle().await;
    assert_eq!((world.get(&contact).await, world.asked()), (contact, 0), "a trial changes nothing");
}

#[tokio::test]
async fn what_stands_against_the_referral_comes_back_to_the_contact_and_it_can_be_sent_again() {
    let mut world = World::open().await;
    let contact = world.record(placed()).await;
    let mut broken = Refusal::one("recipients[0]", reason::UNIT_CLOSED);
    broken.add("content.identity.current_area", reason::AREA_SPLIT);
    let mut objections: Vec<_> = broken.violations().iter().map(Objection::from).collect();
    objections[1].candidates = Personal::new(vec!["00004@VN-34".parse().unwrap(), "00070@VN-34".parse().unwrap()]);
    world.nodes[MOH].told.lock().unwrap().objections = objections;
    world.send(&sending(&contact)).await.unwrap();
    world.settle().await;
    let refused = world.get(&contact).await;
    assert_eq!(
        (refused.state(), reasons(&refused)),
        (ContactState::Open, vec![reason::UNIT_CLOSED, reason::AREA_SPLIT])
    );
    assert!(refused.sending_request_id.is_empty());
    assert!(refused.violations[1].candidates.is_empty(), "where it may be is personal");
    assert_eq!(world.full(&contact).await.violations[1].candidates.len(), 2);
    world.nodes[MOH].told.lock().unwrap().objections.clear();
    world.send(&sending(&refused)).await.unwrap();
    world.settle().await;
    let sent = world.get(&contact).await;
    assert_eq!((sent.state(), sent.violations.len()), (ContactState::Referred, 0));
}

#[tokio::test]
async fn nobody_answers_for_a_contact_but_its_own_access_point() {
    let mut world = World::open().await;
    world.nodes[MOH].told.lock().unwrap().silent = true;
    let contact = world.record(placed()).await;
    let request = sending(&contact);
    world.send(&request).await.unwrap();
    world.settle().await;
    let uid = |text: &str| Uuid::parse_str(text).unwrap();
    let answer = Answer::Submitted { case: uid(&contact.case_uid), referral: Uuid::from_u128(9) };
    let forged = answer.write(uid(&contact.uid), uid(&request.request_id));
    let address = |name: &str, unit: &str| Address {
        party: party(name),
        unit: Some(nhipcau_domain::id::UnitId::new(unit).unwrap()),
    };
    let header = Header {
        message: String::new(),
        contract: contract(),
        contract_minor: 0,
        sender: address("hanoi", "ba-dinh"),
        recipient: Some(address("moh", "111")),
        purpose: Purpose::new(PURPOSE).unwrap(),
        legal_basis: String::new(),
        correlation: Some(uid(&contact.case_uid).into_bytes()),
        kind: String::new(),
        corrected: None,
        traceparent: String::new(),
        blobs: Vec::new(),
    };
    let draft = stand_in::draft(&header, Cause::Timer("forged".into()), forged, Recipient::One(point("moh")));
    let handle = world.nodes[HANOI].handle();
    let work = handle.call(move |tx, submitter, _| submitter.submit(draft, tx).map(drop));
    work.await.map_err(|error| error.to_string()).unwrap();
    world.settle().await;
    let outcome = "SELECT outcome FROM received WHERE sender = 'hanoi' ORDER BY sequence DESC LIMIT 1";
    assert_eq!(world.count(MOH, outcome).await, 6, "INVALID");
    let waiting = world.get(&contact).await;
    assert_eq!((waiting.state(), waiting.referral.as_str()), (ContactState::Open, ""));
}

#[tokio::test]
async fn what_is_learned_later_is_named_for_disclosure_and_changes_nothing_that_was_sent() {
    let mut world = World::open().await;
    let contact = world.record(placed()).await;
    world.send(&sending(&contact)).await.unwrap();
    world.settle().await;
    let referred = world.get(&contact).await;
    let given = pb::ContactDetails { narrative: personal().narrative, ..Default::default() };
    let amended = world.amend(&referred, given).await.unwrap();
    assert_eq!(amended.undisclosed_parts, [i32::from(ReferralPart::Narrative)]);
    world.settle().await;
    assert_eq!(world.asked(), 1);
    assert_eq!(world.full(&contact).await.details.unwrap().narrative, personal().narrative);
}
