//! The doors of the access point's own services, opened as any calling system opens them: named, with roles, for a
//! person. The doors check and record, and give what one branch got; which branches are of one unit is looked at here.
//!
//! A branch is looked for without content first, so that nothing of another unit's is read and no access record says
//! that it was.

use std::sync::Arc;

use nhipcau_domain::{id::SystemId, referral::Side};
use nhipcau_messaging::pae;
use nhipcau_proto::{
    placement::v1::{self as placement, PlacementState, placement_service_server::PlacementService},
    referral::v1::{
        self as pb, referral_decision_service_server::ReferralDecisionService, referral_service_server::ReferralService,
    },
};
use nhipcau_runtime::{
    caller::{Caller, DUTY_PAGE, Role},
    status::Refusal,
};
use tonic::{Request, Status};
use uuid::Uuid;

use super::{
    act::Act,
    enquiry,
    person::Person,
    shown::{self, Name},
    work::Done,
};

/// Referrals that are asked for at a time.
const PAGE: i32 = 500;
/// How many pages are looked at for a list.
const PAGES: usize = 20;
/// The same of enquiries, which are beside the list: whoever floods another unit of the party holds up nobody's page.
const ENQUIRY_PAGES: usize = 2;

/// What the page asks of the services.
#[derive(Clone)]
pub struct Doors {
    /// Reads.
    pub referrals: Arc<dyn ReferralService>,
    /// Decides.
    pub decisions: Arc<dyn ReferralDecisionService>,
    /// Shows placement enquiries, where they are served.
    pub placements: Option<Arc<dyn PlacementService>>,
}

/// What somebody asks for, and of what.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) name: Name,
    pub(crate) act: Act,
    /// What is said with it, as the contract has it; 0 where nothing has to be.
    pub(crate) choice: i32,
    /// What was done, and as what they did it, where that is to be recorded.
    pub(crate) done: Option<(Box<Done>, String)>,
    /// Whether it is only looked at if the door would do it.
    pub(crate) validate_only: bool,
    /// As the form has it.
    pub(crate) request_id: Uuid,
    pub(crate) etag: String,
}

impl Doors {
    /// Referrals with a branch of the person's unit that is not at its end; and whether there may be more.
    pub(crate) async fn waiting(&self, person: &Person) -> Result<(Vec<pb::Referral>, bool), Status> {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        for _ in 0..PAGES {
            let message = pb::ListReferralsRequest {
                parent: format!("parties/{}", person.unit.party),
                page_size: PAGE,
                page_token,
                states: shown::open_states(),
                side: Side::Recipient.to_wire(),
                ..Default::default()
            };
            let answer = self.referrals.list_referrals(named(person, message)?).await?.into_inner();
            let of_unit = |referral: &pb::Referral| referral.branches.iter().any(|it| shown::is_of(it, &person.unit));
            found.extend(answer.referrals.into_iter().filter(of_unit));
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok((found, false));
            }
        }
        Ok((found, true))
    }

    /// Placement enquiries at the person's unit that are not over, without who needs what; and whether there may be
    /// more.
    pub(crate) async fn asked(&self, person: &Person) -> Result<(Vec<placement::Placement>, bool), Status> {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        let Some(door) = &self.placements else { return Ok((found, false)) };
        for _ in 0..ENQUIRY_PAGES {
            let message = placement::ListPlacementsRequest {
                parent: format!("parties/{}", person.unit.party),
                page_size: PAGE,
                page_token,
                states: [PlacementState::Asked, PlacementState::CallWanted, PlacementState::Held]
                    .map(i32::from)
                    .to_vec(),
            };
            let answer = door.list_placements(named(person, message)?).await?.into_inner();
            found.extend(answer.placements.into_iter().filter(|it| enquiry::is_of(it, &person.unit)));
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok((found, false));
            }
        }
        Ok((found, true))
    }

    /// The referral as a branch of the person's unit got it, with its content; that is recorded.
    pub(crate) async fn open(&self, person: &Person, name: &Name) -> Result<pb::Referral, Status> {
        self.known(person, name).await?;
        self.get(person, name, pb::ReferralView::Full).await
    }

    /// Does what somebody asks of a branch of their unit, and says of which referral it is.
    pub(crate) async fn act(&self, person: &Person, asked: Asked) -> Result<pb::Referral, Status> {
        let referral = self.known(person, &asked.name).await?;
        let Asked { name, act, choice, done, validate_only, request_id: form, etag } = asked;
        macro_rules! ask {
            ($method:ident($request:ident { $($field:ident: $value:expr),* })) => {{
                let (request_id, name) = (request_id(person, form), name.branch());
                let acting_person = person.person.as_str().to_owned();
                let message =
                    pb::$request { request_id, name, etag, acting_person, validate_only, $($field: $value),* };
                self.decisions.$method(named(person, message)?).await.map(drop)
            }};
        }
        match act {
            Act::Acknowledge => ask!(acknowledge_branch(AcknowledgeBranchRequest {})),
            Act::Accept => ask!(accept_branch(AcceptBranchRequest {})),
            Act::Start => ask!(start_branch_service(StartBranchServiceRequest {})),
            Act::Record => {
                let pb::RecordWorkRequest { work, criteria, note, .. } =
                    done.map(|(done, role)| done.request(&role)).unwrap_or_default();
                ask!(record_work(RecordWorkRequest { work: work, criteria: criteria, note: note }))
            }
            Act::Complete => ask!(complete_branch(CompleteBranchRequest { outcome: choice })),
            Act::Redirect => ask!(redirect_branch(RedirectBranchRequest { reason: choice, advised_unit: None })),
            Act::Reject => ask!(reject_branch(RejectBranchRequest { code: choice })),
            Act::HandBack => ask!(hand_back_branch(HandBackBranchRequest { reason: choice })),
        }?;
        Ok(referral)
    }

    /// The referral without content, if the branch is there and of the person's unit; if not, it is not said which.
    async fn known(&self, person: &Person, name: &Name) -> Result<pb::Referral, Status> {
        let referral = self.get(person, name, pb::ReferralView::Basic).await?;
        shown::find(&referral, name, &person.unit).ok_or_else(Refusal::access_denied)?;
        Ok(referral)
    }

    async fn get(&self, person: &Person, name: &Name, view: pb::ReferralView) -> Result<pb::Referral, Status> {
        let (acting_person, branch) = (person.person.as_str().to_owned(), name.branch());
        let message = pb::GetReferralRequest { name: name.referral(), view: view.into(), acting_person, branch };
        let answer = self.referrals.get_referral(named(person, message)?).await?.into_inner();
        answer.referral.ok_or_else(|| Refusal::access_denied().into())
    }
}

/// A call in the name of the duty page, of the person's party.
fn named<T>(person: &Person, message: T) -> Result<Request<T>, Status> {
    let system = SystemId::new(DUTY_PAGE).map_err(|_| Refusal::internal())?;
    let roles = [Role::ReadMetadata, Role::ReadContent, Role::Decide].into_iter().collect();
    let mut request = Request::new(message);
    Caller { party: person.unit.party.clone(), system, roles }.attach(&mut request);
    Ok(request)
}

/// The id of a request for the door: of the form, and of the person, since the page asks for people of several parties
/// under one name and nobody shall be able to take another's.
fn request_id(person: &Person, form: Uuid) -> String {
    let Person { unit, person } = person;
    let digest = pae::digest_of(&[
        b"nhipcau/1/duty-request",
        unit.party.as_str().as_bytes(),
        unit.unit.as_str().as_bytes(),
        person.as_str().as_bytes(),
        form.as_bytes(),
    ]);
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::{super::person::tests::person, *};

    #[test]
    fn a_form_is_one_request_of_its_person_and_of_nobody_else() {
        let form = Uuid::from_u128(1);
        let id = request_id(&person("cb-17"), form);
        assert_eq!(id, request_id(&person("cb-17"), form));
        assert!(Uuid::try_parse(&id).is_ok());
        assert_ne!(id, request_id(&person("cb-18"), form));
        assert_ne!(id, request_id(&Person::read("moh/cua-nam", "cb-17").unwrap(), form));
        assert_ne!(id, request_id(&person("cb-17"), Uuid::from_u128(2)));
    }
}
