//! Branches made by the rules and put into a store as the service puts them, for the tests of reading.

use jiff::Timestamp;
use nhipcau_domain::{
    id::{PartyId, Purpose, SystemId, UnitId},
    referral::{
        Actor, Basis, Branch, Cause, Command, Danger, Draft, Event, Ids, Kind, Mistake, NewBranch, Opening, Outcome,
        Part, PartDigest, PersonRef, ReceiptRef, Redirection, Refusal, Rejection, Request, Revocation, Salt, Side,
        Stop, Text, TimeLimit, UnitRef, decide, open,
    },
};
use nhipcau_messaging::store::Tx;
use uuid::Uuid;

use crate::store::{
    branch::add,
    log::{self, Bytes, Carried},
    reading::{self, Held},
};

/// A name that no BASIC answer may hold.
pub(crate) const CANARY: &str = "Nguyễn Thị Chim Yến";

pub(crate) fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

pub(crate) fn party(name: &str) -> PartyId {
    PartyId::new(name).unwrap()
}

pub(crate) fn unit(party: &str, unit: &str) -> UnitRef {
    UnitRef { party: PartyId::new(party).unwrap(), unit: UnitId::new(unit).unwrap() }
}

pub(crate) fn parts(parts: &[Part]) -> Vec<PartDigest> {
    parts.iter().map(|part| PartDigest { part: *part, digest: [7; 32] }).collect()
}

fn actor() -> Actor {
    Actor { system: SystemId::new("desk").unwrap(), person: Some(PersonRef::new("cb-17").unwrap()) }
}

fn salt() -> Salt {
    Salt::new([5; 32])
}

fn text(value: &str) -> Text {
    Text::read(value, 200, "citation", &mut Refusal::default()).unwrap()
}

/// A branch that is to be opened: by unit 111 of moh to ba-dinh of hanoi, unless a test says otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) case: u128,
    pub(crate) referral: u128,
    pub(crate) branch: u128,
    pub(crate) recipient: (&'static str, &'static str),
    /// When, in seconds.
    pub(crate) second: i64,
    /// Second at which its legal limit is passed.
    pub(crate) due: i64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            kind: Kind::Referral,
            case: 1,
            referral: 2,
            branch: 100,
            recipient: ("hanoi", "ba-dinh"),
            second: 0,
            due: 1_000_000,
        }
    }
}

impl Plan {
    pub(crate) fn open(self) -> Branch {
        let ids = Ids {
            case: Uuid::from_u128(self.case),
            referral: Uuid::from_u128(self.referral),
            branch: Uuid::from_u128(self.branch),
        };
        let first = match self.kind {
            Kind::Transfer => parts(&[Part::Preview, Part::Identity, Part::Narrative]),
            _ => parts(&[Part::Preview]),
        };
        let (start, due) = (time(self.second), time(self.due));
        let limit = TimeLimit {
            rule: "intake".into(),
            citation: text("Decree 56/2017/NĐ-CP art. 26.3"),
            stop: Stop::ServiceStarted,
            start,
            acknowledge_due: due,
            warn: due,
            escalate: due,
            due,
            steps: Vec::new(),
            confirmation: None,
        };
        let draft = open(NewBranch {
            ids,
            origin: unit("moh", "111"),
            recipient: unit(self.recipient.0, self.recipient.1),
            basis: Basis::VitalInterest { citation: text("Law 91/2025/QH15 art. 19.1"), danger: Danger::Life },
            opening: Opening {
                kind: self.kind,
                group: Uuid::from_u128(3),
                cause: Cause::Initial,
                cause_branch: None,
                time_limits: vec![limit],
                limit_refusals: Vec::new(),
            },
            parts: first,
            suspects: Vec::new(),
            actor: actor(),
            now: start,
        });
        Branch::open(Event::write(draft.unwrap().salted(salt)).0).unwrap()
    }
}

/// The branch after further events.
pub(crate) fn after(mut branch: Branch, commands: &[(Side, Command)]) -> Branch {
    for (side, command) in commands {
        let request = Request { command: command.clone(), etag: None, actor: actor(), now: time(60) };
        branch.record(Event::write(decide(&branch, *side, request).unwrap().salted(salt)).0).unwrap();
    }
    branch
}

/// One of several branches of a referral, opened one second after another.
pub(crate) fn opened(number: u128) -> Branch {
    Plan { branch: 100 + number, second: i64::try_from(number).unwrap(), ..Plan::default() }.open()
}

/// Branches that together have been in every state.
pub(crate) fn lives() -> Vec<Branch> {
    use Side::{Origin, Recipient};
    let receipt = ReceiptRef { number: 1, digest: [9; 32] };
    let served = [
        (Origin, Command::NoteReceipt(receipt)),
        (Recipient, Command::Acknowledge),
        (Recipient, Command::Accept),
        (Origin, Command::Assign(parts(&[Part::Identity, Part::Narrative]))),
        (Recipient, Command::StartService),
        (Recipient, Command::Complete { outcome: Outcome::Resolved }),
        (Origin, Command::Close),
    ];
    let mut lives: Vec<Branch> = (0..=served.len()).map(|length| after(opened(0), &served[..length])).collect();
    let advice = Some(unit("hanoi", "cua-nam"));
    let ends = [
        (Recipient, Command::Reject { code: Rejection::NoCapacity }),
        (Recipient, Command::Redirect { reason: Redirection::OutsideArea, advice }),
        (Origin, Command::Relieve),
        (Origin, Command::Revoke { reason: Revocation::NeedMet }),
        (Origin, Command::NoteReturn { reason: "NOT_AGREED".into(), receipt }),
        (Origin, Command::EnterInError { reason: Mistake::WrongPerson }),
    ];
    lives.extend(ends.map(|end| after(opened(0), &[end])));
    lives
}

/// Stores what a side does not hold yet of a branch, as one change.
pub(crate) fn put(tx: &mut Tx<'_>, side: Side, branch: &Branch) {
    let held = Held { branch: branch.ids().branch, side };
    let purpose = Purpose::new("child-protection").unwrap();
    add(tx, held, branch.log(Side::Origin).at(1).unwrap(), &purpose, Some(branch)).unwrap();
    for writer in Side::ALL {
        let stored = log::all(tx, held, writer).unwrap().len();
        for event in branch.log(writer).events().iter().skip(stored) {
            let (again, bytes) = Event::write(Draft::clone(event));
            assert_eq!(again.digest(), event.digest());
            // As at a desk whose bodies lie open.
            let bytes = match event.masked(&bytes) {
                None => Bytes::Travelled(bytes),
                Some(masked) => Bytes::Masked { masked, digest: event.digest(), sealed: bytes },
            };
            log::add(tx, held, event, &bytes, (None, Carried::Whole), time(60)).unwrap();
        }
    }
    reading::changed(tx, side, branch).unwrap();
}
