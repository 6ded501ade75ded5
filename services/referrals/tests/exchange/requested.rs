//! Referrals that another service of the same access point asks for: taken from oneself alone, by the rules of any
//! request, once, and always answered.

use std::sync::{Arc, Mutex};

use nhipcau_domain::{
    id::{ContractId, Purpose, SystemId},
    reason,
    referral::{Actor, Answer, PersonRef, Personal, Requested},
};
use nhipcau_messaging::{
    engine::RestError,
    handler::{Context, Handler, Refused},
    message::{Cause, Correlation, Draft, Header, Incoming, Lane, MessageId, Outcome, Recipient, SkipReason},
};
use nhipcau_proto::referral::v1::{self as pb, BranchState, ReferralKind};
use uuid::Uuid;

use crate::{
    attacks::{INVALID, RECEIVED, outcome, unit_ref},
    deeds::*,
    world::*,
};

/// Answers in the order in which they came: to which contact and request, and how.
pub(crate) type Answers = Arc<Mutex<Vec<(Uuid, Uuid, Answer)>>>;

/// The contract of the service that asks.
pub(crate) fn asking() -> ContractId {
    ContractId::new("nhipcau.switchboard.v1").unwrap()
}

/// A stand-in for the service that asks: it keeps what it is answered.
pub(crate) struct Asker {
    contract: ContractId,
    answers: Answers,
}

impl Asker {
    pub(crate) fn new(answers: Answers) -> Self {
        Self { contract: asking(), answers }
    }
}

impl Handler for Asker {
    fn contract(&self) -> &ContractId {
        &self.contract
    }

    fn minor(&self) -> u32 {
        0
    }

    fn receive(&mut self, message: &Incoming<'_>, _: &mut Context<'_, '_>) -> Result<(), Refused> {
        assert!(message.own);
        self.answers.lock().unwrap().push(Answer::read(&message.parts[0]).unwrap());
        Ok(())
    }

    fn concluded(
        &mut self,
        _: MessageId,
        _: Option<Correlation>,
        _: Outcome,
        _: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        Ok(())
    }

    fn recovered(&mut self, _: &Incoming<'_>, _: &mut Context<'_, '_>) -> Result<(), RestError> {
        Ok(())
    }

    fn may_send(&mut self, _: MessageId, _: &Header, _: &mut Context<'_, '_>) -> Result<Option<SkipReason>, RestError> {
        Ok(None)
    }
}

const CONTACT: Uuid = Uuid::from_u128(0xC0);
const CASE: Uuid = Uuid::from_u128(0xCA5E);

fn asked(request: pb::SubmitReferralRequest) -> Requested {
    Requested {
        contact: CONTACT,
        case: CASE,
        actor: Actor { system: SystemId::new("desk").unwrap(), person: PersonRef::new("tv-3").ok() },
        request_id: Uuid::parse_str(&request.request_id).unwrap(),
        request: Personal::new(request),
    }
}

impl World {
    /// Has a node send a request, from one unit to another, wherever that is.
    async fn ask(&self, (from, to): (usize, usize), (sender, recipient): (&str, &str), requested: &Requested) {
        let address = |name: &str| {
            let unit = unit_ref(name);
            nhipcau_messaging::message::Address { party: unit.party, unit: Some(unit.unit) }
        };
        let draft = Draft {
            header: Header {
                message: "nhipcau.referral.v1.SubmissionRequested".into(),
                contract: contract(),
                contract_minor: 0,
                sender: address(sender),
                recipient: Some(address(recipient)),
                purpose: Purpose::new(PURPOSE).unwrap(),
                legal_basis: String::new(),
                correlation: Some(requested.case.into_bytes()),
                kind: String::new(),
                corrected: None,
                traceparent: String::new(),
                blobs: Vec::new(),
            },
            recipient: Recipient::One(point(NAMES[to])),
            lane: Lane::Messages,
            parts: vec![requested.write()],
            cause: Cause::Timer(request_id()),
            ordinal: 0,
        };
        let handle = self.nodes[from].handle();
        let work = handle.call(move |tx, submitter, _| submitter.submit(draft, tx).map(drop));
        work.await.map_err(|error| error.to_string()).unwrap();
    }

    /// Has the switchboard ask for a referral, and gives what it was answered.
    async fn answered(&mut self, requested: &Requested) -> Answer {
        self.ask((MOH, MOH), ("moh/111", "moh/111"), requested).await;
        self.settle().await;
        let (contact, request, answer) = self.nodes[MOH].answers.lock().unwrap().pop().unwrap();
        assert_eq!((contact, request), (CONTACT, requested.request_id));
        assert_eq!(self.nodes[MOH].answers.lock().unwrap().len(), 0, "answered once");
        answer
    }

    async fn referrals(&self, node: usize) -> i64 {
        self.count(node, "SELECT COUNT(DISTINCT referral) FROM referral_branch").await
    }
}

fn reasons(answer: &Answer) -> Vec<(&str, &str)> {
    match answer {
        Answer::Refused(objections) | Answer::Standing { objections, .. } => {
            objections.iter().map(|one| (&*one.subject, &*one.reason)).collect()
        }
        Answer::Submitted { .. } => Vec::new(),
    }
}

#[tokio::test]
async fn what_the_switchboard_asks_for_is_submitted_under_the_case_that_it_began_and_answered() {
    let mut world = World::open().await;
    let requested = asked(submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]));
    let Answer::Submitted { case, referral } = world.answered(&requested).await else { panic!("it is submitted") };
    assert_eq!(case, CASE);
    let referral = world.get(MOH, &format!("parties/moh/referrals/{referral}")).await.unwrap();
    assert_eq!(referral.case_uid, CASE.to_string());
    let branch = &referral.branches[0];
    assert_eq!(world.states(&branch.name).await, [BranchState::Received; 2]);
    assert_eq!(name_in(&world.content(HANOI, &branch.name).await), CHILD);
}

#[tokio::test]
async fn asked_again_it_is_answered_again_and_nothing_is_submitted_twice() {
    let mut world = World::open().await;
    let requested = asked(submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]));
    let first = world.answered(&requested).await;
    world.stop(MOH);
    world.restart(MOH);
    world.settle().await;
    assert_eq!(world.answered(&requested).await, first);
    assert_eq!((world.referrals(MOH).await, world.referrals(HANOI).await), (1, 1));
    // The same id for something else.
    let mut other = requested.request.expose().clone();
    other.recipients = vec![unit("vwu/desk")];
    let other = asked(pb::SubmitReferralRequest { request_id: requested.request_id.to_string(), ..other });
    assert_eq!(reasons(&world.answered(&other).await), [("request", reason::REQUEST_ID_REUSED)]);
    assert_eq!(world.referrals(MOH).await, 1);
}

#[tokio::test]
async fn everything_that_stands_against_it_is_answered_and_nothing_is_kept() {
    let mut world = World::open().await;
    let mut request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh", "hanoi/west"]);
    let preview = request.content.as_mut().unwrap().preview.as_mut().unwrap();
    let level = pb::AdminLevel::Commune.into();
    preview.incident_area = Some(pb::AdminUnitRef { code: "00019".into(), code_list_version: "VN-63".into(), level });
    let answer = world.answered(&asked(request.clone())).await;
    let Answer::Refused(objections) = &answer else { panic!("an area that was split is certain nowhere") };
    let [split] = objections.as_slice() else { panic!("{objections:?}") };
    assert_eq!(&*split.reason, reason::AREA_SPLIT);
    assert_eq!(split.candidates.expose().len(), 2, "a person chooses of these");
    request.content.as_mut().unwrap().preview.as_mut().unwrap().incident_area = None;
    world.close_units(&["hanoi/ba-dinh"]).await;
    let refused = world.answered(&asked(request)).await;
    let expected = [("recipients[0]", reason::UNIT_CLOSED), ("recipients[1]", reason::NOT_HOSTED)];
    assert_eq!(reasons(&refused), expected, "both at once");
    let mut broken = submission(ReferralKind::Transfer, "moh/111", &["hanoi/cua-nam"]);
    broken.purpose = "Not a label".into();
    assert_eq!(reasons(&world.answered(&asked(broken)).await), [("purpose", reason::FIELD_FORMAT)]);
    assert_eq!((world.referrals(MOH).await, world.referrals(HANOI).await), (0, 0));
    // Only when the branch is opened it shows that a suspect was asked: what was written on the way is undone.
    let mut suspect = submission(ReferralKind::Transfer, "moh/111", &["hanoi/cua-nam"]);
    let mut asked_for = consent();
    asked_for.consent.as_mut().unwrap().giver = pb::ConsentGiver::Father.into();
    suspect.lawful_basis = Some(asked_for);
    let refused = world.answered(&asked(suspect)).await;
    assert_eq!(reasons(&refused)[0].1, reason::BASIS_SUSPECT_ASKED);
    assert_eq!((world.referrals(MOH).await, world.referrals(HANOI).await), (0, 0));
    assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM referral_content").await, 0);
}

#[tokio::test]
async fn nobody_asks_for_a_party_but_that_party_at_its_own_access_point() {
    let mut world = World::open().await;
    let requested = asked(submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]));
    // Another access point, in its own name.
    world.ask((VWU, MOH), ("vwu/desk", "moh/111"), &requested).await;
    world.settle().await;
    assert_eq!(outcome(&world, MOH).await, INVALID);
    // A party that is served by the same access point.
    let theirs = asked(submission(ReferralKind::Transfer, "hanoi/ba-dinh", &["vwu/desk"]));
    world.ask((HANOI, HANOI), ("dolisa/desk", "hanoi/ba-dinh"), &theirs).await;
    world.settle().await;
    assert_eq!(outcome(&world, HANOI).await, INVALID);
    // One's own unit for another one.
    let other = asked(submission(ReferralKind::Transfer, "hanoi/ba-dinh", &["vwu/desk"]));
    assert_eq!(reasons(&world.answered(&other).await), [("request", reason::ACCESS_DENIED)]);
    for node in [MOH, HANOI, VWU] {
        assert_eq!(world.referrals(node).await, 0);
    }
    assert_eq!(outcome(&world, MOH).await, RECEIVED);
}

#[tokio::test]
async fn a_case_of_others_is_not_taken_for_a_new_one() {
    let mut world = World::open().await;
    // At the same access point, but another party's.
    let branch =
        world.submit(HANOI, &submission(ReferralKind::Referral, "hanoi/ba-dinh", &["vwu/desk"])).await.remove(0);
    world.settle().await;
    let case = world.get(HANOI, &referral_of(&branch)).await.unwrap().case_uid;
    let mut requested = asked(submission(ReferralKind::Transfer, "dolisa/desk", &["vwu/desk"]));
    requested.case = Uuid::parse_str(&case).unwrap();
    world.ask((HANOI, HANOI), ("dolisa/desk", "dolisa/desk"), &requested).await;
    world.settle().await;
    let (_, _, answer) = world.nodes[HANOI].answers.lock().unwrap().pop().unwrap();
    assert_eq!(reasons(&answer), [("request", reason::ACCESS_DENIED)]);
    assert_eq!(world.referrals(HANOI).await, 1);
}

#[tokio::test]
async fn a_contact_that_an_older_store_has_forgotten_gets_no_second_referral_of_its_case() {
    let mut world = World::open().await;
    let copy = world.copy(MOH);
    world.settle_slowly().await;
    let first = asked(submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]));
    let Answer::Submitted { referral, .. } = world.answered(&first).await else { panic!("it is submitted") };
    world.settle().await;
    world.restore(MOH, &copy);
    world.settle_slowly().await;
    // The contact stands as before it was sent, and a person sends it once more.
    let second = asked(submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"]));
    let refused = world.answered(&second).await;
    assert_eq!(reasons(&refused), [("case_uid", reason::CASE_HAS_REFERRAL)]);
    assert_eq!(refused.referral(), Some(referral), "the one that stands is named");
    assert_eq!((world.referrals(MOH).await, world.referrals(HANOI).await), (1, 1));
    // Nor is another one named when the need goes on in a second referral of the case.
    let mut further = submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"]);
    further.case_uid = CASE.to_string();
    world.submit(MOH, &further).await;
    world.settle().await;
    assert_eq!(world.answered(&second).await.referral(), Some(referral), "the oldest one");
    assert_eq!((world.referrals(MOH).await, world.referrals(HANOI).await), (2, 1));
    // What the first request made is what it is answered with, however often it comes.
    assert_eq!(world.answered(&first).await, Answer::Submitted { case: CASE, referral });
    assert_eq!((world.referrals(MOH).await, world.referrals(HANOI).await), (2, 1));
}
