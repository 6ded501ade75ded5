//! What the asker and the desk do about placement enquiries in these tests.

use nhipcau_proto::{
    placement::v1::{self as pb, PlacementAnswer, PlacementState, placement_service_server::PlacementService as _},
    referral::v1 as referral,
};
use tonic::Status;

use crate::{deeds::*, world::*};

/// How many persons one enquiry tells of: a number that stands nowhere else.
pub(crate) const COUNT: u32 = 17;

pub(crate) fn asking() -> pb::AskPlacementRequest {
    let unit = |party: &str, unit: &str| Some(referral::UnitRef { party: party.into(), unit: unit.into() });
    let persons = vec![pb::PersonCount {
        age_group: referral::AgeGroup::Adult.into(),
        sex: referral::Sex::Female.into(),
        count: COUNT,
    }];
    pb::AskPlacementRequest {
        request_id: request_id(),
        origin: unit("moh", "111"),
        recipient: unit("hanoi", "health"),
        acting_person: "tv-3".into(),
        purpose: PURPOSE.into(),
        need: Some(pb::PlacementNeed { persons, needs: vec![referral::ServiceType::SafePlace.into()] }),
        ..Default::default()
    }
}

pub(crate) fn answering(
    placement: &pb::Placement,
    answer: PlacementAnswer,
    until: Option<i64>,
) -> pb::AnswerPlacementRequest {
    let code = if answer == PlacementAnswer::No { referral::RejectionCode::NoCapacity.into() } else { 0 };
    pb::AnswerPlacementRequest {
        request_id: request_id(),
        name: placement.name.clone(),
        etag: placement.etag.clone(),
        acting_person: "cb-9".into(),
        answer: answer.into(),
        hold_until_time: until.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
        code,
        ..Default::default()
    }
}

macro_rules! change {
    ($name:ident, $request:ident, $method:ident $(, $field:ident: $value:expr)?) => {
        pub(crate) async fn $name(&self, placement: &pb::Placement) -> Result<pb::Placement, Status> {
            let request = pb::$request {
                request_id: request_id(),
                name: placement.name.clone(),
                etag: placement.etag.clone(),
                acting_person: "tv-3".into(),
                $($field: $value.into(),)?
                ..Default::default()
            };
            Ok(self.nodes[MOH].door.$method(call(request, "moh")).await?.into_inner().placement.unwrap())
        }
    };
}

pub(crate) const REFERRAL: &str = "0197a000-0000-7000-8000-000000000009";

impl World {
    pub(crate) async fn try_ask(&self, request: &pb::AskPlacementRequest) -> Result<pb::AskPlacementResponse, Status> {
        Ok(self.nodes[MOH].door.ask_placement(call(request.clone(), "moh")).await?.into_inner())
    }

    /// Asks the desk, and waits until it is there.
    pub(crate) async fn ask(&mut self) -> pb::Placement {
        let asked = self.try_ask(&asking()).await.unwrap().placement.unwrap();
        self.settle().await;
        asked
    }

    pub(crate) async fn try_answer(&self, request: pb::AnswerPlacementRequest) -> Result<pb::Placement, Status> {
        let answer = self.nodes[HANOI].door.answer_placement(call(request, "hanoi")).await?;
        Ok(answer.into_inner().placement.unwrap())
    }

    /// A person at the desk answers.
    pub(crate) async fn reply(
        &self,
        placement: &pb::Placement,
        answer: PlacementAnswer,
        hours: Option<i64>,
    ) -> Result<pb::Placement, Status> {
        let theirs = self.placement(HANOI, placement).await.unwrap();
        let until = hours.map(|hours| self.seconds() + hours * 3_600);
        self.try_answer(answering(&theirs, answer, until)).await
    }

    change!(confirm, ConfirmPlacementRequest, confirm_placement, referral_uid: REFERRAL);
    change!(release, ReleasePlacementRequest, release_placement);
    change!(withdraw_placement, WithdrawPlacementRequest, withdraw_placement);

    /// As a side sees it, BASIC.
    pub(crate) async fn placement(&self, node: usize, placement: &pb::Placement) -> Result<pb::Placement, Status> {
        let name = format!("parties/{}/placements/{}", NAMES[node], placement.uid);
        let request = pb::GetPlacementRequest { name, ..Default::default() };
        let answer = self.nodes[node].door.get_placement(call(request, NAMES[node])).await?;
        Ok(answer.into_inner().placement.unwrap())
    }

    /// Who needs what, for a person.
    pub(crate) async fn need(&self, node: usize, placement: &pb::Placement) -> Option<pb::PlacementNeed> {
        let request = pb::GetPlacementRequest {
            name: format!("parties/{}/placements/{}", NAMES[node], placement.uid),
            view: referral::ReferralView::Full.into(),
            acting_person: "cb-9".into(),
        };
        let answer = self.nodes[node].door.get_placement(call(request, NAMES[node])).await.unwrap();
        answer.into_inner().placement.unwrap().need
    }

    /// How both sides see it.
    pub(crate) async fn stands(&self, placement: &pb::Placement) -> [PlacementState; 2] {
        let [origin, recipient] = [self.placement(MOH, placement).await, self.placement(HANOI, placement).await];
        [origin.unwrap().state(), recipient.unwrap().state()]
    }
}
