//! Doors of one case: two units of a party were asked, and either may acknowledge. They remember every call, and answer
//! as the real ones do as far as the page sees it: by request id, by etag, by who calls and for whom.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex},
};

use nhipcau_domain::reason;
use nhipcau_proto::referral::v1::{
    self as pb, referral_decision_service_server::ReferralDecisionService, referral_service_server::ReferralService,
};
use nhipcau_runtime::{
    caller::{Role, permit, permit_for},
    status::Refusal,
};
use tonic::{Code, Request, Response, Status};

pub(crate) const REFERRAL: &str = "01a22785-2ba7-8eeb-8000-000000000001";
/// Of Cửa Nam, and of Ba Đình.
pub(crate) const BRANCHES: [&str; 2] = ["01a22785-2ba7-8eeb-8000-00000000000a", "01a22785-2ba7-8eeb-8000-00000000000b"];
pub(crate) const CHILD: &str = "Nguyễn <b>An</b>";
/// As Ba Đình was told, and whoever asks for no branch.
pub(crate) const OTHERWISE: &str = "Trần Thị Khác";

/// The page of a branch.
pub(crate) fn page(branch: &str) -> String {
    format!("/duty/moh/{REFERRAL}/{branch}")
}

#[derive(Clone, Default)]
pub(crate) struct Case(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    calls: Vec<String>,
    /// Changes so far of each branch, which are its etag.
    changes: [u32; 2],
    acknowledged: [bool; 2],
    /// By request id, what was asked and answered.
    answered: BTreeMap<String, String>,
    /// What is refused whatever is asked.
    refusal: Option<Refusal>,
    /// So many more referrals wait.
    more: u32,
}

impl Case {
    /// What was asked of the doors, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().calls.clone()
    }

    /// The other side does something.
    pub(crate) fn change(&self) {
        self.0.lock().unwrap().changes.iter_mut().for_each(|change| *change += 1);
    }

    /// Nothing is carried out or shown any more.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.0.lock().unwrap().refusal = Some(refusal);
    }

    /// So many referrals wait beside the one.
    pub(crate) fn fill(&self, more: u32) {
        self.0.lock().unwrap().more = more;
    }

    /// Writes down who calls, and refuses if it is to.
    fn called(&self, what: &str, person: &str) -> Result<(), Status> {
        let mut state = self.0.lock().unwrap();
        state.calls.push(format!("{what} {person}"));
        state.refusal.clone().map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    fn act(&self, what: &str, id: &str, (name, etag): (&str, &str), validate_only: bool) -> Result<bool, Status> {
        let refused = |code, reason| Status::from(Refusal::new(code, reason, "refused"));
        let place = BRANCHES.iter().position(|branch| name.ends_with(branch)).ok_or_else(Refusal::access_denied)?;
        let asked = format!("{what} {name} {etag}");
        let mut state = self.0.lock().unwrap();
        if let Some(before) = state.answered.get(id) {
            return if *before == asked {
                Ok(true)
            } else {
                Err(refused(Code::AlreadyExists, reason::REQUEST_ID_REUSED))
            };
        }
        if etag != state.changes[place].to_string() {
            return Err(refused(Code::Aborted, reason::ETAG_STALE));
        }
        if validate_only {
            return Ok(false);
        }
        state.changes[place] += 1;
        state.acknowledged[place] |= what == "acknowledge";
        state.answered.insert(id.to_owned(), asked);
        Ok(false)
    }

    /// A referral as a branch got it; without one, as its party does.
    fn referral(&self, number: u32, is_full: bool, branch: Option<usize>) -> pb::Referral {
        let state = self.0.lock().unwrap();
        let name = format!("parties/moh/referrals/{REFERRAL}");
        let branches = BRANCHES.iter().zip(["cua-nam", "ba-dinh"]).zip([0, 1]).map(|((uid, unit), place)| {
            let event = |event: &str| pb::HistoryEntry { event: event.to_owned(), ..Default::default() };
            let changes = (0..state.changes[place]).map(|_| event("disclosure_added"));
            pb::Branch {
                name: format!("{name}/branches/{uid}"),
                kind: pb::ReferralKind::Transfer.into(),
                recipient: Some(pb::UnitRef { party: "hanoi".to_owned(), unit: unit.to_owned() }),
                state: match state.acknowledged[place] {
                    true => pb::BranchState::Acknowledged.into(),
                    false => pb::BranchState::Received.into(),
                },
                etag: state.changes[place].to_string(),
                disclosed_parts: vec![pb::ReferralPart::Identity.into()],
                history: std::iter::once(event("opened")).chain(changes).collect(),
                ..Default::default()
            }
        });
        let value = if branch == Some(0) { CHILD } else { OTHERWISE };
        let identity = pb::ReferralIdentity {
            full_name: Some(pb::KnownText { value: value.to_owned(), unknown: 0 }),
            ..Default::default()
        };
        pb::Referral {
            name: name.clone(),
            kind: pb::ReferralKind::Transfer.into(),
            origin: Some(pb::UnitRef { party: "moh".to_owned(), unit: "111".to_owned() }),
            create_time: Some(prost_types::Timestamp { seconds: 1_795_417_200 + i64::from(number), nanos: 0 }),
            branches: branches
                .enumerate()
                .filter(|(at, _)| branch.is_none_or(|it| it == *at))
                .map(|(_, it)| it)
                .collect(),
            content: is_full.then(|| pb::ReferralContent { identity: Some(identity), ..Default::default() }),
            ..Default::default()
        }
    }
}

pub(crate) type Answering<'f, T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send + 'f>>;

/// Nothing that the page asks for.
macro_rules! unasked {
    ($($method:ident: $request:ident -> $response:ident,)*) => {
        $(fn $method<'s, 'f>(&'s self, _: Request<pb::$request>) -> Answering<'f, pb::$response>
        where
            's: 'f,
            Self: 'f,
        {
            Box::pin(async { Err(Status::unimplemented(stringify!($method))) })
        })*
    };
}

pub(crate) use unasked;

#[tonic::async_trait]
impl ReferralService for Case {
    async fn list_referrals(
        &self,
        request: Request<pb::ListReferralsRequest>,
    ) -> Result<Response<pb::ListReferralsResponse>, Status> {
        let caller = permit(&request, Role::ReadMetadata)?.caller.name();
        assert_eq!((caller.to_string(), &*request.get_ref().parent), ("hanoi/duty-page".to_owned(), "parties/hanoi"));
        self.called("list", "")?;
        let more = self.0.lock().unwrap().more;
        let referrals = (0..=more).map(|number| self.referral(number, false, None)).collect();
        Ok(Response::new(pb::ListReferralsResponse { referrals, next_page_token: String::new() }))
    }

    async fn get_referral(
        &self,
        request: Request<pb::GetReferralRequest>,
    ) -> Result<Response<pb::GetReferralResponse>, Status> {
        let message = request.get_ref();
        let is_full = message.view() == pb::ReferralView::Full;
        if is_full {
            permit_for(&request, Role::ReadContent, &message.acting_person)?;
        }
        self.called(if is_full { "full" } else { "basic" }, &message.acting_person)?;
        let name = format!("parties/moh/referrals/{REFERRAL}");
        let branch = BRANCHES.iter().position(|uid| message.branch == format!("{name}/branches/{uid}"));
        if message.name != name || (branch.is_none() && !message.branch.is_empty()) {
            return Err(Refusal::access_denied().into());
        }
        Ok(Response::new(pb::GetReferralResponse { referral: Some(self.referral(0, is_full, branch)) }))
    }

    unasked! {
        submit_referral: SubmitReferralRequest -> SubmitReferralResponse,
        explain_time_limits: ExplainTimeLimitsRequest -> ExplainTimeLimitsResponse,
        withdraw_consent: WithdrawConsentRequest -> WithdrawConsentResponse,
        enter_referral_in_error: EnterReferralInErrorRequest -> EnterReferralInErrorResponse,
    }
}

/// A decision, as the page asks for it.
macro_rules! decide {
    ($self:ident, $request:ident, $response:ident, $what:expr) => {{
        let message = $request.get_ref();
        permit_for(&$request, Role::Decide, &message.acting_person)?;
        let what = $what(message);
        $self.called(if message.validate_only { "check" } else { &what }, &message.acting_person)?;
        let of = (message.name.as_str(), message.etag.as_str());
        let replayed = $self.act(&what, &message.request_id, of, message.validate_only)?;
        Ok(Response::new(pb::$response { branch: None, replayed }))
    }};
}

#[tonic::async_trait]
impl ReferralDecisionService for Case {
    async fn acknowledge_branch(
        &self,
        request: Request<pb::AcknowledgeBranchRequest>,
    ) -> Result<Response<pb::AcknowledgeBranchResponse>, Status> {
        decide!(self, request, AcknowledgeBranchResponse, |_: &pb::AcknowledgeBranchRequest| "acknowledge".to_owned())
    }

    async fn start_branch_service(
        &self,
        request: Request<pb::StartBranchServiceRequest>,
    ) -> Result<Response<pb::StartBranchServiceResponse>, Status> {
        decide!(self, request, StartBranchServiceResponse, |_: &pb::StartBranchServiceRequest| "start".to_owned())
    }

    async fn redirect_branch(
        &self,
        request: Request<pb::RedirectBranchRequest>,
    ) -> Result<Response<pb::RedirectBranchResponse>, Status> {
        decide!(self, request, RedirectBranchResponse, |it: &pb::RedirectBranchRequest| format!(
            "redirect-{}",
            it.reason
        ))
    }

    async fn record_work(
        &self,
        request: Request<pb::RecordWorkRequest>,
    ) -> Result<Response<pb::RecordWorkResponse>, Status> {
        decide!(self, request, RecordWorkResponse, |it: &pb::RecordWorkRequest| {
            let work = it.work.clone().unwrap_or_default();
            format!("record-{}-{}-{}-{}", work.kind, work.role, it.criteria.len(), it.note.len())
        })
    }

    async fn accept_branch(
        &self,
        request: Request<pb::AcceptBranchRequest>,
    ) -> Result<Response<pb::AcceptBranchResponse>, Status> {
        decide!(self, request, AcceptBranchResponse, |_: &pb::AcceptBranchRequest| "accept".to_owned())
    }

    async fn reject_branch(
        &self,
        request: Request<pb::RejectBranchRequest>,
    ) -> Result<Response<pb::RejectBranchResponse>, Status> {
        decide!(self, request, RejectBranchResponse, |it: &pb::RejectBranchRequest| format!("reject-{}", it.code))
    }

    async fn complete_branch(
        &self,
        request: Request<pb::CompleteBranchRequest>,
    ) -> Result<Response<pb::CompleteBranchResponse>, Status> {
        let what = |it: &pb::CompleteBranchRequest| format!("complete-{}", it.outcome);
        decide!(self, request, CompleteBranchResponse, what)
    }

    async fn hand_back_branch(
        &self,
        request: Request<pb::HandBackBranchRequest>,
    ) -> Result<Response<pb::HandBackBranchResponse>, Status> {
        let what = |it: &pb::HandBackBranchRequest| format!("hand-back-{}", it.reason);
        decide!(self, request, HandBackBranchResponse, what)
    }

    unasked! {
        answer_revocation: AnswerRevocationRequest -> AnswerRevocationResponse,
        hand_over_branch: HandOverBranchRequest -> HandOverBranchResponse,
        erase_branch: EraseBranchRequest -> EraseBranchResponse,
    }
}
