//! What arrives by broadcast: pieces are kept, a published submission is checked, stored and applied with the piece or
//! event that completes it. Everything is checked anew, because a publisher may be wrong.

use std::sync::Arc;

use nhipcau_domain::{
    id::ContractId,
    indicator::{Content, Published, StructureRef},
};
use nhipcau_messaging::{
    engine::RestError,
    handler::{Context, Handler, Refused},
    message::{Correlation, Header, Incoming, MessageId, Outcome, RefusalReason, SkipReason},
    pae,
};
use nhipcau_proto::indicator::v1 as pb;
use prost::Message;
use tokio::sync::watch;

use crate::{
    EVENT_MESSAGE, PIECE_MESSAGE, apply, content,
    metrics::{self, Counters},
    registry::Registry,
    store::{
        NewSubmission, Waiting, drop_pieces, events_waiting, hold_piece, pieces, pieces_held, stop_waiting, wait,
        waiting,
    },
    submit::PIECES_LIMIT,
};

/// This contract's side of messaging. Checks against the newest registry and announces what it stored.
#[derive(Debug)]
pub struct Indicators {
    contract: ContractId,
    registry: watch::Receiver<Arc<Registry>>,
    changes: watch::Sender<()>,
    counters: Arc<Counters>,
}

const INVALID: Refused = Refused::Reason(RefusalReason::Invalid);
const TOO_LARGE: Refused = Refused::Reason(RefusalReason::TooLarge);

/// Most pieces of a publisher that are held for events which have not come: twice what one submission may have.
const PIECES_HELD: u64 = 2 * PIECES_LIMIT as u64;
/// Most events of a publisher that wait for their pieces.
const EVENTS_WAITING: u64 = 1_000;

impl Indicators {
    pub(crate) fn new(
        registry: watch::Receiver<Arc<Registry>>,
        changes: watch::Sender<()>,
        counters: Arc<Counters>,
    ) -> Self {
        Self { contract: crate::contract(), registry, changes, counters }
    }

    fn take(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        let [body] = message.parts else { return Err(INVALID) };
        let sender = message.sender.as_str();
        match message.header.message.as_str() {
            PIECE_MESSAGE => {
                pb::Chunk::decode(body.as_slice()).map_err(|_| INVALID)?;
                if pieces_held(context.tx, sender)? >= PIECES_HELD {
                    return Err(TOO_LARGE);
                }
                hold_piece(context.tx, sender, &pae::sha256(body), body)?;
                for waiting in waiting(context.tx, sender)? {
                    match Self::read(&waiting.event).and_then(|event| self.complete(message, &waiting, event, context))
                    {
                        Ok(false) | Err(Refused::Reason(RefusalReason::NotYet)) => continue,
                        Ok(true) => {}
                        // It was taken before it could be looked at; other events may have use for the piece.
                        Err(Refused::Reason(reason)) => {
                            metrics::add(&self.counters.refused, 1);
                            tracing::warn!(sender, reason = reason.as_str_name(), "A submission in pieces is wrong.");
                        }
                        Err(error) => return Err(error),
                    }
                    stop_waiting(context.tx, sender, &waiting.envelope)?;
                }
                Ok(())
            }
            EVENT_MESSAGE => {
                let published = Self::read(body)?;
                if published.name.party != message.header.sender.party {
                    return Err(INVALID);
                }
                let registry = self.registry.borrow().clone();
                if registry.followed(&published.structure, published.dataflow.as_ref()).is_none() {
                    return Err(Refused::Reason(RefusalReason::NotYet));
                }
                let event = Waiting { envelope: message.id.0, position: message.sequence, event: body.clone() };
                if !self.complete(message, &event, published, context)? {
                    if events_waiting(context.tx, sender)? >= EVENTS_WAITING {
                        return Err(TOO_LARGE);
                    }
                    wait(context.tx, sender, &event)?;
                }
                Ok(())
            }
            _ => Err(INVALID),
        }
    }

    fn read(body: &[u8]) -> Result<Published, Refused> {
        let event = pb::IndicatorEvent::decode(body).map_err(|_| INVALID)?;
        if !nhipcau_proto::violations(&event).is_empty() {
            return Err(INVALID);
        }
        match event.event {
            Some(pb::indicator_event::Event::SubmissionPublished(event)) => event.try_into().map_err(|_| INVALID),
            None => Err(INVALID),
        }
    }

    /// Stores and applies a submission if all of it is held.
    fn complete(
        &mut self,
        message: &Incoming<'_>,
        event: &Waiting,
        published: Published,
        context: &mut Context<'_, '_>,
    ) -> Result<bool, Refused> {
        let sender = message.sender.as_str();
        let (datasets, digests) = match published.content {
            Content::Inline(datasets) => (datasets, Vec::new()),
            Content::Chunks(digests) => match pieces(context.tx, sender, &digests)? {
                Some(pieces) => (content::datasets(&pieces).map_err(|_| INVALID)?, digests),
                None => return Ok(false),
            },
        };
        let registry = self.registry.borrow().clone();
        let Some(structure) = registry.followed(&published.structure, published.dataflow.as_ref()) else {
            return Err(Refused::Reason(RefusalReason::NotYet));
        };
        let checked = registry.check(structure, &datasets).map_err(|_| INVALID)?;
        if content::sweeps_too_much(&checked) {
            return Err(TOO_LARGE);
        }
        if content::count(&checked) != published.observation_count {
            return Err(INVALID);
        }
        let new = NewSubmission {
            provider: published.name.party.to_string(),
            id: published.name.id,
            structure: published.structure.to_string(),
            dataflow: published.dataflow.as_ref().map_or_else(String::new, StructureRef::to_string),
            ordinal: published.stamp.ordinal,
            publish_time: published.stamp.publish_time.as_microsecond(),
            observation_count: published.observation_count,
            submitter: String::new(),
            access_point: sender.to_owned(),
            envelope: event.envelope,
            position: event.position,
            store_time: context.now.as_microsecond(),
        };
        apply::store(context.tx, &new, &content::pieces(&checked))?;
        drop_pieces(context.tx, sender, &digests)?;
        metrics::add(&self.counters.held, 1);
        metrics::add(&self.counters.held_observations, published.observation_count);
        // Announced before it is on disk: whoever hears it waits for the writer before reading.
        self.changes.send_replace(());
        Ok(true)
    }
}

impl Handler for Indicators {
    fn contract(&self) -> &ContractId {
        &self.contract
    }

    fn minor(&self) -> u32 {
        crate::MINOR
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        // Figures are public: under this contract nothing is addressed to one access point.
        let taken = if message.broadcast { self.take(message, context) } else { Err(INVALID) };
        if let Err(Refused::Reason(_)) = &taken {
            metrics::add(&self.counters.refused, 1);
        }
        taken
    }

    fn concluded(
        &mut self,
        _: MessageId,
        _: Option<Correlation>,
        outcome: Outcome,
        _: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        if let Outcome::Refused(_) = outcome {
            metrics::add(&self.counters.refused_by_peer, 1);
        }
        Ok(())
    }

    fn recovered(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        metrics::add(&self.counters.recovered, 1);
        match self.take(message, context) {
            Ok(()) => Ok(()),
            Err(Refused::Store(error)) => Err(error.into()),
            Err(Refused::Key(error)) => Err(error.into()),
            Err(refused) => {
                // It was checked before it was sent; what the directory has forgotten since stays in the outbox.
                tracing::error!(error = %refused, "An own submission came back and could not be stored again.");
                Ok(())
            }
        }
    }

    fn may_send(&mut self, _: MessageId, _: &Header, _: &mut Context<'_, '_>) -> Result<Option<SkipReason>, RestError> {
        Ok(None)
    }
}
