//! What calling systems do in these tests: requests with what every one of them needs, made at a door.

use std::sync::atomic::{AtomicU64, Ordering};

use nhipcau_domain::id::SystemId;
use nhipcau_proto::referral::v1::{
    self as pb, referral_decision_service_server::ReferralDecisionService as _,
    referral_service_server::ReferralService as _, referral_steering_service_server::ReferralSteeringService as _,
};
use nhipcau_runtime::caller::{Caller, Role};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::world::*;

/// Names that must be seen nowhere but where they were disclosed.
pub(crate) const CHILD: &str = "Nguyễn Thị Canary";
pub(crate) const STORY: &str = "Chuyện Canary kể";
pub(crate) const REPORTER: &str = "Trần Văn Canary";

static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// A request id that nobody has used.
pub(crate) fn request_id() -> String {
    uuid::Uuid::from_u128(0x4000_8000_0000_0000_0000 + u128::from(REQUESTS.fetch_add(1, Ordering::Relaxed))).to_string()
}

/// A call of a party's system with every role.
pub(crate) fn call<T>(message: T, party_name: &str) -> Request<T> {
    call_as(message, party_name, &Role::ALL)
}

pub(crate) fn call_as<T>(message: T, party_name: &str, roles: &[Role]) -> Request<T> {
    let mut request = Request::new(message);
    let system = SystemId::new("desk").unwrap();
    Caller { party: party(party_name), system, roles: roles.iter().copied().collect() }.attach(&mut request);
    request
}

/// Code and reason of a refusal.
pub(crate) fn refusal(status: &Status) -> (Code, String) {
    (status.code(), status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default())
}

pub(crate) fn unit(name: &str) -> pb::UnitRef {
    let (party, unit) = name.split_once('/').unwrap();
    pb::UnitRef { party: party.into(), unit: unit.into() }
}

pub(crate) fn known(value: &str) -> Option<pb::KnownText> {
    Some(pb::KnownText { value: value.into(), unknown: 0 })
}

fn unknown() -> Option<pb::KnownText> {
    Some(pb::KnownText { value: String::new(), unknown: pb::UnknownReason::NotKnown.into() })
}

fn time(second: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: second, nanos: 0 })
}

/// 2026-11-23T07:00:00Z, an hour before these tests begin.
pub(crate) const BEFORE: i64 = 1_795_417_200;

pub(crate) fn duty() -> pb::LawfulBasis {
    let duty = pb::StatutoryDuty { citation: "Decree 56/2017/NĐ-CP art. 26".into() };
    pb::LawfulBasis { statutory_duty: Some(duty), ..Default::default() }
}

pub(crate) fn consent() -> pb::LawfulBasis {
    let consent = pb::Consent {
        giver: pb::ConsentGiver::Mother.into(),
        scopes: vec![
            pb::ConsentScope::Services.into(),
            pb::ConsentScope::Identity.into(),
            pb::ConsentScope::Narrative.into(),
        ],
        consent_time: time(BEFORE),
        expire_time: None,
    };
    pb::LawfulBasis { consent: Some(consent), ..Default::default() }
}

pub(crate) fn content() -> pb::ReferralContent {
    pb::ReferralContent {
        preview: Some(pb::ReferralPreview {
            reception: Some(pb::Reception {
                report_number: "111/2026/77".into(),
                channel: pb::ReportChannel::Phone.into(),
                report_time: time(BEFORE),
                officer: "tv-3".into(),
            }),
            subject: pb::CaseSubject::Abused.into(),
            abuse_types: vec![pb::AbuseType::Violence.into()],
            service_types: vec![pb::ServiceType::Psychosocial.into()],
            response_timeframe: pb::ResponseTimeframe::OneDay.into(),
            risk_level: pb::RiskLevel::High.into(),
            age_group: pb::AgeGroup::AgeGroup6To12.into(),
            sex: pb::Sex::Female.into(),
            ..Default::default()
        }),
        identity: Some(pb::ReferralIdentity {
            full_name: known(CHILD),
            birth: Some(pb::Birth { unknown: pb::UnknownReason::NotKnown.into(), ..Default::default() }),
            sex: pb::Sex::Female.into(),
            home_address: unknown(),
            ..Default::default()
        }),
        narrative: Some(pb::ReferralNarrative {
            incident_place: unknown(),
            incident_time_text: unknown(),
            condition: known(STORY),
            likely_consequences: unknown(),
            family_circumstances: unknown(),
            actions_taken: unknown(),
            request_reason: unknown(),
            suspects: vec![pb::ConsentGiver::Father.into()],
            ..Default::default()
        }),
        reporter: None,
    }
}

/// A submission of everything that is known.
pub(crate) fn submission(kind: pb::ReferralKind, from: &str, to: &[&str]) -> pb::SubmitReferralRequest {
    pb::SubmitReferralRequest {
        request_id: request_id(),
        origin: Some(unit(from)),
        recipients: to.iter().map(|to| unit(to)).collect(),
        kind: kind.into(),
        purpose: PURPOSE.into(),
        lawful_basis: Some(duty()),
        content: Some(content()),
        acting_person: "cb-17".into(),
        ..Default::default()
    }
}

/// The child's name in a content.
pub(crate) fn name_in(content: &pb::ReferralContent) -> &str {
    &content.identity.as_ref().unwrap().full_name.as_ref().unwrap().value
}

/// The name of a referral whose branch has this name.
pub(crate) fn referral_of(branch: &str) -> String {
    branch.split_once("/branches/").unwrap().0.to_owned()
}

/// Calls on one branch: each takes the etag from what the caller's party sees at that moment.
macro_rules! transitions {
    ($($name:ident = $method:ident($request:ident { $($field:ident: $kind:ty),* });)*) => {
        impl World {$(
            pub(crate) async fn $name(&self, node: usize, branch: &str $(, $field: $kind)*) -> Result<pb::Branch, Status> {
                let message = pb::$request {
                    request_id: request_id(),
                    name: branch.to_owned(),
                    etag: self.branch(node, branch).await.etag,
                    acting_person: "cb-17".into(),
                    validate_only: false,
                    $($field: $field.into()),*
                };
                let answer = self.nodes[node].door.$method(call(message, NAMES[node])).await?;
                Ok(answer.into_inner().branch.unwrap())
            }
        )*}
    };
}

transitions! {
    acknowledge = acknowledge_branch(AcknowledgeBranchRequest {});
    accept = accept_branch(AcceptBranchRequest {});
    reject = reject_branch(RejectBranchRequest { code: pb::RejectionCode });
    redirect = redirect_branch(RedirectBranchRequest { reason: pb::RedirectReason, advised_unit: Option<pb::UnitRef> });
    begin = start_branch_service(StartBranchServiceRequest {});
    complete = complete_branch(CompleteBranchRequest { outcome: pb::Outcome });
    answer_revocation = answer_revocation(AnswerRevocationRequest { granted: bool });
    erase = erase_branch(EraseBranchRequest {});
    hand_back = hand_back_branch(HandBackBranchRequest { reason: pb::HandBackReason });
    record_work = record_work(RecordWorkRequest {
        work: Option<pb::Work>, criteria: Vec<pb::RiskCriterion>, note: &str
    });
    telephone = note_telephone_acknowledgement(NoteTelephoneAcknowledgementRequest {
        acknowledgement: Option<pb::TelephoneAcknowledgement>
    });
    take_hand_back = take_hand_back(TakeHandBackRequest {});
    revoke = revoke_branch(RevokeBranchRequest { reason: pb::RevocationReason });
    assign = assign_branch(AssignBranchRequest {});
    close = close_branch(CloseBranchRequest {});
    disclose = disclose_branch(DiscloseBranchRequest { content: Option<pb::ReferralContent>, emergency: Option<pb::VitalInterest> });
}

impl World {
    /// Submits at a node and gives the names of the branches, one for each unit in the order of the request.
    pub(crate) async fn submit(&self, node: usize, request: &pb::SubmitReferralRequest) -> Vec<String> {
        let answer = self.try_submit(node, request).await.unwrap();
        let branches = answer.referral.unwrap().branches;
        let named = |to: &pb::UnitRef| branches.iter().find(|branch| branch.recipient.as_ref() == Some(to)).unwrap();
        request.recipients.iter().map(|to| named(to).name.clone()).collect()
    }

    pub(crate) async fn try_submit(
        &self,
        node: usize,
        request: &pb::SubmitReferralRequest,
    ) -> Result<pb::SubmitReferralResponse, Status> {
        let answer = self.nodes[node].door.submit_referral(call(request.clone(), NAMES[node])).await?;
        Ok(answer.into_inner())
    }

    /// Opens a further branch after another one, at the origin of these tests.
    pub(crate) async fn further(
        &self,
        after: &str,
        to: &str,
        change: impl FnOnce(&mut pb::OpenBranchRequest),
    ) -> Result<pb::Branch, Status> {
        let mut request = pb::OpenBranchRequest {
            request_id: request_id(),
            name: referral_of(after),
            etag: self.get(MOH, &referral_of(after)).await?.etag,
            acting_person: "cb-17".into(),
            recipient: Some(unit(to)),
            cause_branch: after.to_owned(),
            ..Default::default()
        };
        change(&mut request);
        let answer = self.nodes[MOH].door.open_branch(call(request, "moh")).await?;
        Ok(answer.into_inner().branch.unwrap())
    }

    /// A referral of kind and basis to one unit.
    pub(crate) async fn refer(&mut self, kind: pb::ReferralKind, basis: pb::LawfulBasis) -> String {
        let request =
            pb::SubmitReferralRequest { lawful_basis: Some(basis), ..submission(kind, "moh/111", &["hanoi/ba-dinh"]) };
        self.submit(MOH, &request).await.remove(0)
    }

    pub(crate) async fn get(&self, node: usize, name: &str) -> Result<pb::Referral, Status> {
        let request = pb::GetReferralRequest { name: name.into(), ..Default::default() };
        let answer = self.nodes[node].door.get_referral(call(request, NAMES[node])).await?;
        Ok(answer.into_inner().referral.unwrap())
    }

    /// What a node may show of the content.
    pub(crate) async fn content(&self, node: usize, branch: &str) -> pb::ReferralContent {
        let request = pb::GetReferralRequest {
            name: referral_of(branch),
            view: pb::ReferralView::Full.into(),
            acting_person: "cb-17".into(),
            ..Default::default()
        };
        let answer = self.nodes[node].door.get_referral(call(request, NAMES[node])).await.unwrap();
        answer.into_inner().referral.unwrap().content.unwrap_or_default()
    }

    pub(crate) async fn branch(&self, node: usize, name: &str) -> pb::Branch {
        let referral = self.get(node, &referral_of(name)).await.unwrap();
        referral.branches.into_iter().find(|branch| branch.name == name).unwrap()
    }

    /// The state of a branch at a node.
    pub(crate) async fn state(&self, node: usize, name: &str) -> pb::BranchState {
        self.branch(node, name).await.state()
    }

    /// The states of a branch at two nodes.
    pub(crate) async fn states_at(&self, name: &str, nodes: [usize; 2]) -> [pb::BranchState; 2] {
        [self.state(nodes[0], name).await, self.state(nodes[1], name).await]
    }

    /// The states at both sides.
    pub(crate) async fn states(&self, name: &str) -> [pb::BranchState; 2] {
        [self.state(MOH, name).await, self.state(HANOI, name).await]
    }

    pub(crate) async fn withdraw(&self, node: usize, branch: &str) -> Result<pb::Referral, Status> {
        self.withdraw_at(node, branch, time(BEFORE + 60)).await
    }

    pub(crate) async fn withdraw_at(
        &self,
        node: usize,
        branch: &str,
        withdraw_time: Option<prost_types::Timestamp>,
    ) -> Result<pb::Referral, Status> {
        let message = pb::WithdrawConsentRequest {
            request_id: request_id(),
            name: referral_of(branch),
            acting_person: "cb-17".into(),
            withdraw_time,
            validate_only: false,
        };
        let answer = self.nodes[node].door.withdraw_consent(call(message, NAMES[node])).await?;
        Ok(answer.into_inner().referral.unwrap())
    }

    pub(crate) async fn recall(&self, node: usize, branch: &str) -> Result<pb::Referral, Status> {
        let message = pb::EnterReferralInErrorRequest {
            request_id: request_id(),
            name: referral_of(branch),
            acting_person: "cb-17".into(),
            reason: pb::ErrorReason::WrongPerson.into(),
            validate_only: false,
        };
        let answer = self.nodes[node].door.enter_referral_in_error(call(message, NAMES[node])).await?;
        Ok(answer.into_inner().referral.unwrap())
    }
}
