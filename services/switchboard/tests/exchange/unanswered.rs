//! What becomes of a contact whose sending nobody answers: it is never locked for good, and a referral that is made
//! after all is not without it.

use jiff::SignedDuration;
use nhipcau_domain::{
    id::{Purpose, UnitId},
    reason,
    referral::Answer,
};
use nhipcau_messaging::message::{Address, Cause, Header, Recipient};
use nhipcau_proto::switchboard::v1::{self as pb, ContactState};
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
        let uid = |text: &str| Uuid::parse_str(text).unwrap();
        let answer = Answer::Submitted { case: uid(&contact.case_uid), referral };
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
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        };
        let bytes = answer.write(uid(&contact.uid), uid(request_id));
        let draft = stand_in::draft(&header, Cause::Timer("late".into()), bytes, Recipient::One(point("moh")));
        let handle = self.nodes[MOH].handle();
        let work = handle.call(move |tx, submitter, _| submitter.submit(draft, tx).map(drop));
        work.await.map_err(|error| error.to_string()).unwrap();
        self.settle().await;
    }
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
        world.tell(|told| told.silent = true);
        let contact = world.record(placed()).await;
        let first = sending(&contact);
        world.send(&first).await.unwrap();
        for _ in 0..3 {
            world.wait().await;
        }
        let ended = world.get(&contact).await;
        assert_eq!(stands(&ended), (ContactState::Open, false, vec![reason::CONTACT_UNANSWERED]));
        if is_sent_anew {
            world.send(&sending(&ended)).await.unwrap();
            world.settle().await;
        }
        let referral = Uuid::from_u128(9);
        world.answer_late(&contact, &first.request_id, referral).await;
        let referred = world.get(&contact).await;
        assert_eq!(stands(&referred), (ContactState::Referred, false, vec![]));
        assert_eq!(referred.referral, format!("parties/moh/referrals/{referral}"));
        assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM switchboard_sending").await, 0);
    }
}
