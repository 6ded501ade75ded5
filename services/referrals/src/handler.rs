//! This contract's side of messaging: what arrives is taken or refused, what became of own messages is noted, and what
//! was ended is not signed any more. Every decision is the domain's.

use nhipcau_domain::{
    id::ContractId,
    referral::{Side, impersonal},
};
use nhipcau_messaging::{
    blob,
    engine::{self, RestError},
    handler::{Context, Due, Handler, Refused},
    message::{BlobRef, Correlation, Header, Incoming, MessageId, Outcome, SkipReason},
    store,
};
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::rosters::Rosters;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    EVENT_MESSAGE, REQUEST_MESSAGE,
    attachment::{sending, upload},
    erase,
    error::Error,
    group, ladder, metrics,
    receive::{self, NotTaken},
    recover, requested,
    store::{
        branch,
        log::{self, Carried},
        succession as way,
    },
    succession, waking,
};

/// Of what becomes due by time alone: time limits, waking, succession, attachments on their way, uploads nobody goes on
/// with, retention.
const KINDS: usize = 6;
/// The turn of succession among them.
const SUCCESSION: usize = 2;

/// The handler. Announces what it stored.
#[derive(Debug)]
pub struct Referrals {
    contract: ContractId,
    shared: crate::Referrals,
    /// The rosters for which whatever waited has been looked at.
    rosters: Rosters,
    /// Of what becomes due by time alone, the kind that was looked at last.
    turn: usize,
    /// What was looked at for succession.
    watch: succession::Watch,
}

impl Referrals {
    pub(crate) fn new(shared: crate::Referrals) -> Self {
        Self {
            contract: crate::contract(),
            shared,
            rosters: Rosters::default(),
            turn: 0,
            watch: succession::Watch::default(),
        }
    }

    /// What became due for waking; first whatever waited when rosters came.
    fn wake(&mut self, context: &mut Context<'_, '_>) -> Result<Option<Due>, store::Error> {
        let Some(duty) = &self.shared.duty else { return Ok(None) };
        let rosters = duty.rosters();
        if !rosters.is(&self.rosters) {
            waking::begin_all(context, (&rosters, &self.rosters))?;
            self.rosters = rosters;
        }
        waking::take_due(context, duty)
    }

    fn conclude(&self, id: MessageId, outcome: Outcome, context: &mut Context<'_, '_>) -> Result<(), Error> {
        let Some((held, ordinal)) = log::carried(context.tx, id)? else {
            succession::concluded(context, &self.shared, id, outcome)?;
            return sending::concluded(context, &self.shared, id, outcome);
        };
        let number = match outcome {
            Outcome::Received => 0,
            Outcome::Refused(reason) => {
                metrics::add(&self.shared.counters.refused_by_peer);
                reason as i32
            }
        };
        let receipt = store::receipt_of(context.tx, id)?;
        log::conclude(context.tx, held, ordinal, number, receipt)?;
        let Some(mut known) = branch::known(context.tx, held)? else { return Ok(()) };
        match held.side {
            Side::Origin if ordinal == 1 => {
                let receipt = receipt.ok_or(store::Error::Corrupt("a message concluded without its receipt"))?;
                group::note(context, &self.shared, &mut known, outcome, receipt)?;
            }
            // What was not erased because an own event was under way.
            Side::Recipient if known.branch.view().state.calls_for_erasure() => {
                erase::case(context, &self.shared, known.branch.ids().case)?;
            }
            Side::Origin | Side::Recipient => {}
        }
        match (held.side, outcome) {
            (Side::Origin, Outcome::Received) => sending::begin(context, &self.shared, &known, ordinal),
            _ => Ok(()),
        }
    }
}

impl Handler for Referrals {
    fn contract(&self) -> &ContractId {
        &self.contract
    }

    fn minor(&self) -> u32 {
        crate::MINOR
    }

    fn outlasts_parties(&self) -> bool {
        true
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        let taken = match message.header.message.as_str() {
            REQUEST_MESSAGE => requested::take(context, &self.shared, message),
            succession::OFFER_MESSAGE => succession::offered(context, &self.shared, message),
            _ => receive::take(context, &self.shared, message),
        };
        match taken {
            Ok(()) => Ok(()),
            Err(refused @ (NotTaken::Reason(reason) | NotTaken::Kept(reason))) => {
                metrics::add(&self.shared.counters.refused);
                let (kind, peer, id) = (&message.header.message, message.sender, hex::encode(message.id.0));
                tracing::warn!(?reason, kind, %peer, id, "A message was refused.");
                if matches!(refused, NotTaken::Reason(_)) {
                    return Err(Refused::Reason(reason));
                }
                context.refuse(reason);
                Ok(())
            }
            Err(NotTaken::Failure(error)) => Ok(failure(error)?),
        }
    }

    fn concluded(
        &mut self,
        id: MessageId,
        _: Option<Correlation>,
        outcome: Outcome,
        context: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        self.conclude(id, outcome, context).or_else(failure)
    }

    fn recovered(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        recover::take(context, &self.shared, message).or_else(failure)
    }

    fn may_send(
        &mut self,
        id: MessageId,
        header: &Header,
        context: &mut Context<'_, '_>,
    ) -> Result<Option<SkipReason>, RestError> {
        if header.message == blob::MESSAGE {
            return sending::may_send(id, header, context).or_else(|error| failure(error).map(|()| None));
        }
        if header.message != EVENT_MESSAGE {
            return Ok(None);
        }
        // The event no longer stands, or goes in another message without its parts.
        let Some((held, ordinal)) = log::carried(context.tx, id)? else {
            let hands_over = way::carried(context.tx, id)?.is_some();
            return Ok((!hands_over).then_some(SkipReason::Withdrawn));
        };
        let stored = log::at(context.tx, held, held.side, ordinal)?;
        let discloses = |stored: &log::Stored| stored.carried == Carried::Whole && !stored.event.parts.is_empty();
        let Some(stored) = stored.filter(discloses) else { return Ok(None) };
        let Some(known) = branch::known(context.tx, held)? else { return Ok(None) };
        let view = known.branch.view();
        let basis = stored.event.basis.as_ref().unwrap_or(&view.basis);
        if basis.objections(&[], context.now).is_empty() && !view.state.calls_for_erasure() {
            return Ok(None);
        }
        log::hold_back(context.tx, held, ordinal)?;
        Ok(Some(SkipReason::Withdrawn))
    }

    fn awaits(&mut self, header: &Header, blob: BlobRef, context: &mut Context<'_, '_>) -> Result<bool, RestError> {
        sending::awaits(header, blob, context).or_else(|error| failure(error).map(|()| false))
    }

    fn keeps_proof(&self, header: &Header, part: &[u8]) -> bool {
        let is_impersonal = |event: pb::ReferralEvent| impersonal(event).encode_to_vec() == part;
        header.message == EVENT_MESSAGE && pb::ReferralEvent::decode(part).is_ok_and(is_impersonal)
    }

    fn take_due(&mut self, context: &mut Context<'_, '_>) -> Result<Option<Due>, RestError> {
        // In turn: however much one of them has to do, it holds up none of the others.
        for _ in 0..KINDS {
            self.turn = (self.turn + 1) % KINDS;
            let due = match self.turn {
                0 => ladder::take_due(context)?,
                1 => self.wake(context)?,
                SUCCESSION => succession::take_due(context, &self.shared, &mut self.watch)?,
                3 => due(sending::take_due(context))?,
                4 => due(upload::take_due(context))?,
                _ => due(erase::next(context))?,
            };
            if due.is_some() {
                return Ok(due);
            }
        }
        Ok(None)
    }

    fn act_on(&mut self, due: Due, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        if self.turn == SUCCESSION {
            return context.attempt(|context| succession::act_on(context, &self.shared, due)).or_else(failure);
        }
        // A branch may be held on both sides here, and each is looked at for its own reasons.
        ladder::act_on(context, &self.shared, due).or_else(failure)?;
        waking::act_on(context, &self.shared, due).or_else(failure)?;
        let uid = Uuid::from_bytes(due);
        erase::look(context, &self.shared, uid).or_else(failure)?;
        sending::go_on(context, &self.shared, uid).or_else(failure)?;
        upload::give_up(context, uid).or_else(failure)
    }
}

fn due(uid: Result<Option<Uuid>, Error>) -> Result<Option<Due>, RestError> {
    uid.map(|uid| uid.map(Uuid::into_bytes)).or_else(|error| failure(error).map(|()| None))
}

/// Passes on what must end the process. What else fails was written by the rules alone, and leaves the branch as it
/// stands for a person to see.
fn failure(error: Error) -> Result<(), RestError> {
    match error {
        Error::Store(error) | Error::Engine(engine::Error::Store(error)) => Err(error.into()),
        Error::Rest(error) => Err(error),
        Error::Engine(engine::Error::Key(error)) => Err(error.into()),
        error => {
            tracing::error!(reason = error.reason(), "An event could not be followed up.");
            Ok(())
        }
    }
}
