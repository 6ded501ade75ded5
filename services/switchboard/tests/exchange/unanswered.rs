//! What becomes of a contact whose sending nobody answers: it is never locked for good, and a referral that is made
//! after all is not without it.

use std::sync::Arc;

use jiff::SignedDuration;
use nhipcau_domain::{
    id::{Purpose, UnitId},
    reason,
    referral::{Answer, Objection, Refusal},
};
use nhipcau_messaging::{
    engine::Input,
    message::{Address, Cause, Header, Recipient},
};
use nhipcau_proto::{
    directory::v1 as directory,
    referral::v1::{self as referral, ReferralPart},
    switchboard::v1::{self as pb, ContactState},
};
use uuid::Uuid;

use crate::{deeds::*, stand_in, stand_in::Told, world::*};

impl World {
    fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.nodes[MOH].told.lock().unwrap());
    }

    /// Lets the time pass after which it is asked again.
    async fn wait(&mut self) {
        self.pass(SignedDuration::from_mins(11));
        self.settle().await;
        self.settle().await;
    }

    /// Has the access point tell itself that a request of a contact became this referral.
    async fn answer_late(&mut self, contact: &pb::Contact, request_id: &str, referral: Uuid) {
        let case = Uuid::parse_str(&contact.case_uid).unwrap();
        self.answer(contact, request_id, Answer::Submitted { case, referral }).await;
    }

    /// Has the access point answer itself what became of a request of a contact.
    async fn answer(&mut self, contact: &pb::Contact, request_id: &str, answer: Answer) {
        let uid = |text: &str| Uuid::parse_str(text).unwrap();
        let myself = Address { party: party("moh"), unit: Some(UnitId::new("111").unwrap()) };
        let header = Header {
            message: String::new(),
            contract: contract(),
            contract_minor: 0,
            sender: myself.clone(),
            recipient: Some(myself),
            purpose: Purpose::new(PURPOSE).unwrap(),
            legal_basis: String::new(),
            correlation: Some(uid(&contact.case_uid).into_bytes()),
            kind: String::new(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        };
        let bytes = answer.write(uid(&contact.uid), uid(request_id));
        let draft = stand_in::draft(&header, Cause::Timer(request_id.to_owned()), bytes, Recipient::One(point("moh")));
        let handle = self.nodes[MOH].handle();
        let work = handle.call(move |tx, submitter, _| submitter.submit(draft, tx).map(drop));
        work.await.map_err(|error| error.to_string()).unwrap();
        self.settle().await;
    }

    /// Sends what nobody answers, until that is not waited for any more; gives the request.
    async fn send_unanswered(&mut self, contact: &pb::Contact) -> pb::SendContactRequest {
        self.tell(|told| told.silent = true);
        let request = sending(contact);
        self.send(&request).await.unwrap();
        for _ in 0..3 {
            self.wait().await;
        }
        assert_eq!(stands(&self.get(contact).await), (ContactState::Open, false, vec![reason::CONTACT_UNANSWERED]));
        request
    }

    /// Has the store of the switchboard run a statement.
    pub(crate) async fn execute(&self, sql: &'static str) {
        let handle = self.nodes[MOH].handle();
        let work = handle.call(move |tx, _, _| tx.execute(sql, &[]).map(drop));
        work.await.map_err(|error| error.to_string()).unwrap();
    }
}

/// Has another access point serve the party of the switchboard.
fn moved(wire: &mut directory::Release) {
    wire.access_points.iter_mut().for_each(|point| point.parties = NAMES.map(str::to_owned).to_vec());
    let party = wire.parties.iter_mut().find(|party| party.party == "moh").unwrap();
    party.hostings.iter_mut().for_each(|hosting| hosting.access_point = "hanoi".into());
}

pub(crate) fn has_referral() -> Vec<Objection> {
    Refusal::one("case_uid", reason::CASE_HAS_REFERRAL).violations().iter().map(Objection::from).collect()
}

fn stands(contact: &pb::Contact) -> (ContactState, bool, Vec<&str>) {
    let reasons = contact.violations.iter().map(|violation| violation.reason.as_str()).collect();
    (contact.state(), !contact.sending_request_id.is_empty(), reasons)
}

#[tokio::test]
async fn a_sending_that_was_refused_for_good_ends_with_the_reason_and_is_sent_again() {
    let mut world = World::open().await;
    world.tell(|told| told.refuses = true);
    let contact = world.record(placed()).await;
    world.send(&sending(&contact)).await.unwrap();
    world.settle().await;
    assert_eq!(stands(&world.get(&contact).await), (ContactState::Open, true, vec![]));
    world.wait().await;
    let refused = world.get(&contact).await;
    assert_eq!(stands(&refused), (ContactState::Open, false, vec!["INVALID"]));
    assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM switchboard_sending").await, 0);
    world.tell(|told| told.refuses = false);
    world.send(&sending(&refused)).await.unwrap();
    world.settle().await;
    assert_eq!(stands(&world.get(&contact).await), (ContactState::Referred, false, vec![]));
}

#[tokio::test]
async fn without_an_agreement_any_more_the_sending_ends_and_the_contact_can_be_closed() {
    let mut world = World::open().await;
    world.tell(|told| told.silent = true);
    let contact = world.record(placed()).await;
    world.send(&sending(&contact)).await.unwrap();
    world.settle().await;
    world.amend_release(|wire| wire.agreements.retain(|it| it.sender_party != it.recipient_party)).await;
    world.wait().await;
    let ended = world.get(&contact).await;
    let (state, is_sent, reasons) = stands(&ended);
    assert_eq!((state, is_sent), (ContactState::Open, false));
    assert!(!reasons.is_empty() && reasons.iter().all(|it| *it == reason::NOT_AGREED), "{reasons:?}");
    assert_eq!(world.close(&ended).await.unwrap().state(), ContactState::Closed);
}

#[tokio::test]
async fn where_nobody_serves_referrals_the_sending_ends_within_the_hour_and_a_person_sees_it() {
    let mut world = World::open().await;
    world.tell(|told| told.absent = true);
    world.crash(MOH);
    world.settle().await;
    let contact = world.record(placed()).await;
    world.send(&sending(&contact)).await.unwrap();
    world.settle().await;
    for _ in 0..2 {
        world.wait().await;
        assert_eq!(stands(&world.get(&contact).await), (ContactState::Open, true, vec![]));
    }
    world.wait().await;
    let ended = world.get(&contact).await;
    assert_eq!(stands(&ended), (ContactState::Open, false, vec![reason::CONTACT_UNANSWERED]));
    world.amend(&ended, least()).await.unwrap();
}

#[tokio::test]
async fn a_referral_that_is_made_after_all_is_taken_and_none_is_without_its_contact() {
    for is_sent_anew in [false, true] {
        let mut world = World::open().await;
        let contact = world.record(placed()).await;
        let first = world.send_unanswered(&contact).await;
        if is_sent_anew {
            world.send(&sending(&world.get(&contact).await)).await.unwrap();
            world.settle().await;
        }
        let referral = Uuid::from_u128(9);
        world.answer_late(&contact, &first.request_id, referral).await;
        let referred = world.get(&contact).await;
        assert_eq!(stands(&referred), (ContactState::Referred, false, vec![reason::CONTACT_SENT_EARLIER]));
        assert_eq!(referred.referral, format!("parties/moh/referrals/{referral}"));
        assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM switchboard_sending").await, 0);
    }
}

#[tokio::test]
async fn an_earlier_sending_that_stands_is_never_taken_for_the_amended_one() {
    for is_answered_first in [false, true] {
        let mut world = World::open().await;
        let contact = world.record(placed()).await;
        let first = world.send_unanswered(&contact).await;
        // A person learns more, and sends it to another unit.
        let learned = pb::ContactDetails { narrative: personal().narrative, ..Default::default() };
        let amended = world.amend(&world.get(&contact).await, learned).await.unwrap().contact.unwrap();
        let recipients = vec![referral::UnitRef { party: "hanoi".into(), unit: "health".into() }];
        let second = pb::SendContactRequest { recipients, ..sending(&amended) };
        world.send(&second).await.unwrap();
        world.settle().await;
        let referral = Uuid::from_u128(9);
        let refused = Answer::Standing { referral, objections: has_referral() };
        let mut says = vec![reason::CONTACT_SENT_EARLIER];
        if is_answered_first {
            says.push(reason::CASE_HAS_REFERRAL);
            world.answer(&contact, &second.request_id, refused).await;
            world.answer_late(&contact, &first.request_id, referral).await;
        } else {
            world.answer_late(&contact, &first.request_id, referral).await;
            world.answer(&contact, &second.request_id, refused).await;
        }
        let referred = world.get(&contact).await;
        assert_eq!(stands(&referred), (ContactState::Referred, false, says.clone()));
        assert_eq!(referred.referral, format!("parties/moh/referrals/{referral}"));
        assert_eq!(stands(&world.full(&contact).await).2, says);
        // What the first one said is not what the contact says: every part is to be compared and disclosed.
        let again = world.amend(&referred, pb::ContactDetails::default()).await.unwrap();
        let parts = [ReferralPart::Preview, ReferralPart::Identity, ReferralPart::Narrative].map(i32::from);
        assert_eq!(again.undisclosed_parts, parts);
        assert_eq!(stands(&again.contact.unwrap()).2, says);
    }
}

#[tokio::test]
async fn after_a_store_was_put_back_the_contact_names_the_referral_that_stands() {
    let mut world = World::open().await;
    let contact = world.record(placed()).await;
    let copy = world.copy(MOH);
    world.settle().await;
    let first = sending(&contact);
    world.send(&first).await.unwrap();
    world.settle().await;
    let referral = world.get(&contact).await.referral;
    assert!(!referral.is_empty());
    world.put_back(MOH, &copy);
    world.settle().await;
    let forgotten = world.get(&contact).await;
    assert_eq!((stands(&forgotten), forgotten.referral.as_str()), ((ContactState::Open, false, vec![]), ""));
    // The referral came back from the other side, and the contact is sent once more.
    let uid = Uuid::parse_str(&first.request_id).unwrap();
    world.tell(|told| (told.stands, told.objections) = (Some(uid), has_referral()));
    world.send(&sending(&forgotten)).await.unwrap();
    world.settle().await;
    let referred = world.get(&contact).await;
    let says = vec![reason::CONTACT_SENT_EARLIER, reason::CASE_HAS_REFERRAL];
    assert_eq!(stands(&referred), (ContactState::Referred, false, says));
    assert_eq!(referred.referral, referral);
    assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM switchboard_sending").await, 0);
}

#[tokio::test]
async fn where_another_access_point_serves_the_unit_now_the_sending_ends_and_the_contact_can_be_closed() {
    let mut world = World::open().await;
    world.tell(|told| told.silent = true);
    let contact = world.record(placed()).await;
    world.send(&sending(&contact)).await.unwrap();
    world.settle().await;
    world.amend_release(moved).await;
    world.wait().await;
    let ended = world.get(&contact).await;
    assert_eq!(stands(&ended), (ContactState::Open, false, vec![reason::NOT_HOSTED; 2]));
    assert_eq!(refusal(&world.send(&sending(&ended)).await.unwrap_err()).1, reason::NOT_HOSTED);
    assert_eq!(world.close(&ended).await.unwrap().state(), ContactState::Closed);
}

#[tokio::test]
async fn where_even_asking_is_refused_the_sending_ends_within_the_hour() {
    let mut world = World::open().await;
    world.tell(|told| told.silent = true);
    let contact = world.record(placed()).await;
    world.send(&sending(&contact)).await.unwrap();
    world.settle().await;
    // Messaging goes by another release than the service, and takes nothing.
    let release = world.amended_release(moved);
    for node in &world.nodes {
        node.handle().input(Input::Release(Arc::clone(&release))).await.unwrap();
    }
    for _ in 0..2 {
        world.wait().await;
        assert_eq!((stands(&world.get(&contact).await).1, world.asked()), (true, 1));
    }
    world.wait().await;
    let ended = world.get(&contact).await;
    assert_eq!(stands(&ended), (ContactState::Open, false, vec![reason::CONTACT_UNANSWERED]));
    assert_eq!(world.close(&ended).await.unwrap().state(), ContactState::Closed);
}

#[tokio::test]
async fn nothing_is_asked_for_that_the_contact_does_not_wait_for() {
    for is_sent_anew in [false, true] {
        let mut world = World::open().await;
        world.tell(|told| told.silent = true);
        let contact = world.record(placed()).await;
        let first = sending(&contact);
        world.send(&first).await.unwrap();
        world.settle().await;
        world.execute("CREATE TABLE kept AS SELECT * FROM switchboard_sending").await;
        let refused = Answer::Refused(has_referral());
        world.answer(&contact, &first.request_id, refused).await;
        if is_sent_anew {
            world.send(&sending(&world.get(&contact).await)).await.unwrap();
            world.settle().await;
            world.execute("DELETE FROM switchboard_sending").await;
        }
        let asked = world.asked();
        world.execute("INSERT INTO switchboard_sending SELECT * FROM kept").await;
        world.wait().await;
        let says = if is_sent_anew { reason::CONTACT_UNANSWERED } else { reason::CASE_HAS_REFERRAL };
        assert_eq!(stands(&world.get(&contact).await), (ContactState::Open, false, vec![says]));
        assert_eq!(world.asked(), asked, "what was ended is asked for no more");
        assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM switchboard_sending").await, 0);
    }
}

#[tokio::test]
async fn what_was_put_off_by_a_clock_that_was_ahead_is_asked_for_all_the_same() {
    let mut world = World::open().await;
    world.tell(|told| told.silent = true);
    let contact = world.record(placed()).await;
    world.send(&sending(&contact)).await.unwrap();
    world.settle().await;
    world.execute("UPDATE switchboard_sending SET ask_time = 9000000000000000").await;
    let asked = world.asked();
    world.wait().await;
    assert_eq!(world.asked(), asked + 1);
}
