//! Placement enquiries on the page: those of the unit, and nothing of who needs what.

use std::sync::{Arc, Mutex};

use nhipcau_domain::referral::Side;
use nhipcau_proto::{
    placement::v1::{self as pb, PlacementState, placement_service_server::PlacementService},
    referral::v1 as referral,
};
use nhipcau_runtime::caller::{Role, permit};
use tonic::{Request, Response, Status};

use crate::{
    doors::{Answering, unasked},
    world::World,
};

/// A door that has these enquiries and answers nothing else.
#[derive(Clone, Default)]
pub(crate) struct Enquiries(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    placements: Vec<pb::Placement>,
    /// Behind each page is another one.
    is_endless: bool,
    is_broken: bool,
    pages: usize,
}

#[tonic::async_trait]
impl PlacementService for Enquiries {
    async fn list_placements(
        &self,
        request: Request<pb::ListPlacementsRequest>,
    ) -> Result<Response<pb::ListPlacementsResponse>, Status> {
        let caller = permit(&request, Role::ReadMetadata)?.caller.name();
        assert_eq!((caller.to_string(), &*request.get_ref().parent), ("hanoi/duty-page".to_owned(), "parties/hanoi"));
        let mut held = self.0.lock().unwrap();
        held.pages += 1;
        if held.is_broken {
            return Err(Status::internal("a fault"));
        }
        let next_page_token = if held.is_endless { "next".to_owned() } else { String::new() };
        Ok(Response::new(pb::ListPlacementsResponse { placements: held.placements.clone(), next_page_token }))
    }

    unasked! {
        ask_placement: AskPlacementRequest -> AskPlacementResponse,
        answer_placement: AnswerPlacementRequest -> AnswerPlacementResponse,
        confirm_placement: ConfirmPlacementRequest -> ConfirmPlacementResponse,
        release_placement: ReleasePlacementRequest -> ReleasePlacementResponse,
        withdraw_placement: WithdrawPlacementRequest -> WithdrawPlacementResponse,
        get_placement: GetPlacementRequest -> GetPlacementResponse,
    }
}

fn enquiry(unit: &str, uid: &str) -> pb::Placement {
    let of = |party: &str, unit: &str| Some(referral::UnitRef { party: party.into(), unit: unit.into() });
    pb::Placement {
        uid: uid.into(),
        origin: of("moh", "111"),
        recipient: of("hanoi", unit),
        side: Side::Recipient.to_wire(),
        state: PlacementState::Asked.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn whoever_is_woken_sees_what_is_asked_of_their_unit_and_of_no_other() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let empty = browser.get("/duty").await.body;
    assert!(!empty.contains("Hỏi chỗ tiếp nhận"), "{empty}");
    let asked = [enquiry("cua-nam", "own-enquiry"), enquiry("ba-dinh", "other-enquiry")];
    world.enquiries.0.lock().unwrap().placements.extend(asked);
    let list = browser.get("/duty").await.body;
    assert!(list.contains("Hỏi chỗ tiếp nhận: 1") && list.contains("own-enquiry"), "{list}");
    assert!(!list.contains("other-enquiry"), "{list}");
    assert!(list.contains("Chờ trả lời"), "{list}");
}

#[tokio::test]
async fn children_are_shown_whatever_becomes_of_enquiries_and_what_may_be_missing_is_said() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    for is_broken in [false, true] {
        let other = vec![enquiry("ba-dinh", "other-enquiry")];
        *world.enquiries.0.lock().unwrap() = Held { placements: other, is_endless: true, is_broken, pages: 0 };
        let list = browser.get("/duty").await;
        assert_eq!(list.status, 200);
        assert!(list.body.contains("Chờ xác nhận: 1"), "{}", list.body);
        assert!(list.body.contains("Danh sách câu hỏi chưa đủ"), "{}", list.body);
        assert!(world.enquiries.0.lock().unwrap().pages <= 2, "others' enquiries hold up nobody's page");
    }
}
