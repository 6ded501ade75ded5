//! What the people of two switchboards do about hand-overs in these tests.

use nhipcau_proto::{
    referral::v1 as referral,
    switchboard::v1::{self as pb, HandoverState, handover_service_server::HandoverService as _},
};
use tonic::Status;

use crate::{deeds::*, world::*};

/// Who answers at the other switchboard.
pub(crate) const OTHER: &str = "cb-9";

pub(crate) fn offering(contact: &pb::Contact) -> pb::OfferHandoverRequest {
    let duty = referral::StatutoryDuty { citation: "Decree 56/2017/NĐ-CP art. 26".into() };
    pb::OfferHandoverRequest {
        request_id: request_id(),
        name: contact.name.clone(),
        etag: contact.etag.clone(),
        acting_person: "tv-3".into(),
        recipient: Some(referral::UnitRef { party: "hanoi".into(), unit: "health".into() }),
        purpose: PURPOSE.into(),
        lawful_basis: Some(referral::LawfulBasis { statutory_duty: Some(duty), ..Default::default() }),
        waiting: true,
        ..Default::default()
    }
}

pub(crate) fn continuing(theirs: &pb::Handover) -> pb::ContinueHandoverRequest {
    pb::ContinueHandoverRequest {
        request_id: request_id(),
        name: theirs.name.clone(),
        etag: theirs.etag.clone(),
        acting_person: OTHER.into(),
        validate_only: false,
    }
}

macro_rules! change {
    ($(#[$doc:meta])* $name:ident, $request:ident, $method:ident, $person:literal $(, $field:ident: $value:expr)?) => {
        $(#[$doc])*
        pub(crate) async fn $name(&self, node: usize, handover: &pb::Handover) -> Result<pb::Handover, Status> {
            let request = pb::$request {
                request_id: request_id(),
                name: handover.name.clone(),
                etag: handover.etag.clone(),
                acting_person: $person.into(),
                $($field: $value.into(),)?
                ..Default::default()
            };
            let answer = self.nodes[node].door.$method(call(request, NAMES[node])).await?.into_inner();
            Ok(answer.handover.unwrap())
        }
    };
}

impl World {
    pub(crate) async fn try_offer(
        &self,
        request: &pb::OfferHandoverRequest,
    ) -> Result<pb::OfferHandoverResponse, Status> {
        Ok(self.nodes[MOH].door.offer_handover(call(request.clone(), "moh")).await?.into_inner())
    }

    pub(crate) async fn offer(&self, contact: &pb::Contact) -> pb::Handover {
        self.try_offer(&offering(contact)).await.unwrap().handover.unwrap()
    }

    change!(accept, AcceptHandoverRequest, accept_handover, "cb-9");
    change!(decline, DeclineHandoverRequest, decline_handover, "cb-9", code: referral::RejectionCode::NoCapacity);
    change!(withdraw, WithdrawHandoverRequest, withdraw_handover, "tv-3", reason: referral::RevocationReason::NeedMet);
    change!(ask_back, AskHandBackRequest, ask_hand_back, "cb-9", reason: referral::HandBackReason::NotCompetent);
    change!(hand_back, HandBackRequest, hand_back, "tv-3");

    pub(crate) async fn try_continue(
        &self,
        request: &pb::ContinueHandoverRequest,
    ) -> Result<pb::ContinueHandoverResponse, Status> {
        Ok(self.nodes[HANOI].door.continue_handover(call(request.clone(), "hanoi")).await?.into_inner())
    }

    /// Whoever took over goes on with a contact of their own.
    pub(crate) async fn go_on(&self, theirs: &pb::Handover) -> pb::Contact {
        self.try_continue(&continuing(theirs)).await.unwrap().contact.unwrap()
    }

    /// Tells something since.
    pub(crate) async fn note(
        &self,
        handover: &pb::Handover,
        content: referral::ReferralContent,
    ) -> Result<pb::Handover, Status> {
        let request = pb::AddContactNoteRequest {
            request_id: request_id(),
            name: handover.name.clone(),
            etag: handover.etag.clone(),
            content: Some(content),
            ..Default::default()
        };
        Ok(self.nodes[MOH].door.add_contact_note(call(request, "moh")).await?.into_inner().handover.unwrap())
    }

    /// As a side sees it, BASIC.
    pub(crate) async fn seen(&self, node: usize, handover: &pb::Handover) -> pb::Handover {
        self.look(node, handover).await.unwrap()
    }

    pub(crate) async fn look(&self, node: usize, handover: &pb::Handover) -> Result<pb::Handover, Status> {
        let name = format!("parties/{}/handovers/{}", NAMES[node], handover.uid);
        let request = pb::GetHandoverRequest { name, ..Default::default() };
        let answer = self.nodes[node].door.get_handover(call(request, NAMES[node])).await?;
        Ok(answer.into_inner().handover.unwrap())
    }

    /// What a side was told, for a person.
    pub(crate) async fn told(&self, node: usize, handover: &pb::Handover) -> referral::ReferralContent {
        let request = pb::GetHandoverRequest {
            name: format!("parties/{}/handovers/{}", NAMES[node], handover.uid),
            view: referral::ReferralView::Full.into(),
            acting_person: OTHER.into(),
        };
        let answer = self.nodes[node].door.get_handover(call(request, NAMES[node])).await.unwrap();
        answer.into_inner().handover.unwrap().content.unwrap()
    }

    /// How both sides see it: their states and whether each answers.
    pub(crate) async fn both(&self, handover: &pb::Handover) -> [(HandoverState, bool); 2] {
        let [origin, recipient] = [self.seen(MOH, handover).await, self.seen(HANOI, handover).await];
        [(origin.state(), origin.answering), (recipient.state(), recipient.answering)]
    }

    /// Takes a contact the whole way until the other switchboard has it.
    pub(crate) async fn taken(&mut self, contact: &pb::Contact) -> pb::Handover {
        let offered = self.offer(contact).await;
        self.settle().await;
        let theirs = self.seen(HANOI, &offered).await;
        self.accept(HANOI, &theirs).await.unwrap();
        self.settle().await;
        self.seen(HANOI, &offered).await
    }
}

/// A narrative that says more.
pub(crate) fn more() -> referral::ReferralContent {
    referral::ReferralContent { narrative: personal().narrative, ..Default::default() }
}
