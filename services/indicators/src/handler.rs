//! What arrives by broadcast: pieces are kept, a published submission is checked, stored and applied with the piece or
//! event that completes it. Everything is checked anew, because a publisher may be wrong.

use std::sync::Arc;

use nhipcau_domain::{
    id::ContractId,
    indicator::{Content, InvalidPublished, Published, StructureRef},
};
use nhipcau_messaging::{
    engine::RestError,
    handler::{Context, Handler, Refused},
    message::{Correlation, Header, Incoming, MessageId, Outcome, RefusalReason, SkipReason},
    pae,
    store::{self, Tx},
};
use nhipcau_proto::indicator::v1 as pb;
use prost::Message;
use tokio::sync::watch;

use crate::{
    EVENT_MESSAGE, PIECE_MESSAGE, apply, content,
    metrics::{self, Counters},
    registry::Registry,
    store::{
        NewSubmission, Waiting, drop_pieces, hold_piece, holds_piece, names_piece, piece, pieces_held, pieces_named,
        purge_pieces, stop_waiting, wait, whole,
    },
};

/// Most pieces of a sender that wait for an event to name them, and most that its waiting events name: those of two of
/// the largest submissions each.
pub(crate) const WAITING_LIMIT: u64 = 2 * content::PIECES_LIMIT as u64;
/// After how long a piece that no event names gives way to another, in microseconds. It stays as long as there is room,
/// because its event may be refused for now until a newer release is here.
const KEPT: i64 = 30 * 24 * 3_600 * 1_000_000;

/// This contract's side of messaging. Checks against the newest registry and announces what it stored.
#[derive(Debug)]
pub struct Indicators {
    contract: ContractId,
    registry: watch::Receiver<Arc<Registry>>,
    changes: watch::Sender<()>,
    counters: Arc<Counters>,
}

/// Why a message has no effect.
#[derive(Debug)]
enum NotTaken {
    /// What the sender is told, and what of the message does not fit, for the log here.
    Reason(RefusalReason, &'static str),
    /// The store failed.
    Store(store::Error),
}

impl From<store::Error> for NotTaken {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

fn invalid(field: &'static str) -> NotTaken {
    NotTaken::Reason(RefusalReason::Invalid, field)
}

impl Indicators {
    pub(crate) fn new(
        registry: watch::Receiver<Arc<Registry>>,
        changes: watch::Sender<()>,
        counters: Arc<Counters>,
    ) -> Self {
        Self { contract: crate::contract(), registry, changes, counters }
    }

    /// Takes a message. Own ones that come back are not counted against a limit: this store had them before.
    fn take(&mut self, message: &Incoming<'_>, is_own: bool, context: &mut Context<'_, '_>) -> Result<(), NotTaken> {
        let [body] = message.parts else { return Err(invalid("parts")) };
        match message.header.message.as_str() {
            PIECE_MESSAGE => self.take_piece(message, body, is_own, context),
            EVENT_MESSAGE => self.take_event(message, body, is_own, context),
            _ => Err(invalid("message")),
        }
    }

    fn take_piece(
        &mut self,
        message: &Incoming<'_>,
        body: &[u8],
        is_own: bool,
        context: &mut Context<'_, '_>,
    ) -> Result<(), NotTaken> {
        let (sender, now) = (message.sender.as_str(), context.now.as_microsecond());
        pb::Chunk::decode(body).map_err(|_| invalid("chunk"))?;
        let digest = pae::sha256(body);
        hold_piece(context.tx, sender, &digest, body, now)?;
        if !names_piece(context.tx, sender, &digest)? {
            if !is_own && pieces_held(context.tx, sender)? > WAITING_LIMIT {
                purge_pieces(context.tx, sender, now.saturating_sub(KEPT))?;
                if pieces_held(context.tx, sender)? > WAITING_LIMIT {
                    return Err(NotTaken::Reason(RefusalReason::TooLarge, "pieces that no event names"));
                }
            }
            return Ok(());
        }
        for event in whole(context.tx, sender, &digest)? {
            match self.complete(message, &event, Self::read(&event.event)?, context) {
                Ok(()) => {}
                // Of no use, whatever comes: the piece itself is in order.
                Err(NotTaken::Reason(reason, field)) if reason != RefusalReason::NotYet => {
                    let (id, reason) = (MessageId(event.envelope), reason.as_str_name());
                    tracing::warn!(reason, field, peer = %message.sender, %id, "What waited for its pieces is given up.");
                    metrics::add(&self.counters.refused, 1);
                }
                Err(refused) => return Err(refused),
            }
            // Its pieces stay as long as there is room: who publishes one again is likely to publish all.
            stop_waiting(context.tx, sender, &event.envelope)?;
        }
        Ok(())
    }

    fn take_event(
        &mut self,
        message: &Incoming<'_>,
        body: &[u8],
        is_own: bool,
        context: &mut Context<'_, '_>,
    ) -> Result<(), NotTaken> {
        let sender = message.sender.as_str();
        let published = Self::read(body)?;
        if published.name.party != message.header.sender.party {
            return Err(invalid("data_provider"));
        }
        let mut event = Waiting { envelope: message.id.0, position: message.sequence, event: Vec::new() };
        let mut pieces = Vec::new();
        if let Content::Chunks(digests) = &published.content {
            for digest in digests {
                pieces.push((*digest, holds_piece(context.tx, sender, digest)?));
            }
        }
        if pieces.iter().all(|(_, held)| *held) {
            self.complete(message, &event, published, context)?;
            let digests: Vec<_> = pieces.into_iter().map(|(digest, _)| digest).collect();
            return Ok(drop_pieces(context.tx, sender, &digests)?);
        }
        self.followed(&published)?;
        if !is_own && pieces_named(context.tx, sender)? + pieces.len() as u64 > WAITING_LIMIT {
            return Err(NotTaken::Reason(RefusalReason::TooLarge, "chunks that are not held"));
        }
        // Written anew, so that only what the contract knows takes up room.
        let said = pb::indicator_event::Event::SubmissionPublished(published.into());
        event.event = pb::IndicatorEvent { event: Some(said) }.encode_to_vec();
        Ok(wait(context.tx, sender, &event, &pieces)?)
    }

    fn read(body: &[u8]) -> Result<Published, NotTaken> {
        let event = pb::IndicatorEvent::decode(body).map_err(|_| invalid("event"))?;
        if !nhipcau_proto::violations(&event).is_empty() {
            return Err(invalid("event"));
        }
        match event.event {
            Some(pb::indicator_event::Event::SubmissionPublished(event)) => {
                event.try_into().map_err(|error: InvalidPublished| invalid(error.0))
            }
            None => Err(invalid("event")),
        }
    }

    /// The registry, if it knows what the submission follows.
    fn followed(&self, published: &Published) -> Result<Arc<Registry>, NotTaken> {
        let registry = self.registry.borrow().clone();
        match registry.followed(&published.structure, published.dataflow.as_ref()) {
            Some(_) => Ok(registry),
            None => Err(NotTaken::Reason(RefusalReason::NotYet, "structure")),
        }
    }

    /// Stores and applies a submission of which all is held, or leaves nothing of it.
    fn complete(
        &mut self,
        message: &Incoming<'_>,
        event: &Waiting,
        published: Published,
        context: &mut Context<'_, '_>,
    ) -> Result<(), NotTaken> {
        let registry = self.followed(&published)?;
        let sender = message.sender.as_str();
        let count = published.observation_count;
        let new = NewSubmission {
            provider: published.name.party.to_string(),
            id: published.name.id,
            structure: published.structure.to_string(),
            dataflow: published.dataflow.as_ref().map_or_else(String::new, StructureRef::to_string),
            ordinal: published.stamp.ordinal,
            publish_time: published.stamp.publish_time.as_microsecond(),
            observation_count: count,
            submitter: String::new(),
            access_point: sender.to_owned(),
            envelope: event.envelope,
            position: event.position,
            store_time: context.now.as_microsecond(),
        };
        context.tx.savepoint(|tx| {
            apply::store(tx, &new, |tx, stored| write(tx, stored, sender, &published, &registry)).map(|_| ())
        })?;
        metrics::add(&self.counters.held, 1);
        metrics::add(&self.counters.held_observations, count);
        // Announced before it is on disk: whoever hears it waits for the writer before reading.
        self.changes.send_replace(());
        Ok(())
    }
}

/// Checks what a submission says, piece by piece, and adds it as its content in canonical form.
fn write(
    tx: &mut Tx<'_>,
    stored: &mut apply::Intake<'_>,
    sender: &str,
    published: &Published,
    registry: &Registry,
) -> Result<(), NotTaken> {
    let structure = registry.followed(&published.structure, published.dataflow.as_ref());
    let structure = structure.ok_or(NotTaken::Reason(RefusalReason::NotYet, "structure"))?;
    let (mut count, mut swept) = (0, 0);
    let mut add = |tx: &mut Tx<'_>, datasets: &[pb::Dataset]| {
        let checked = registry.check(structure, datasets).map_err(|_| invalid("datasets"))?;
        count += content::count(&checked);
        swept += content::sweeps(&checked);
        if swept > content::SWEEPS_LIMIT {
            return Err(NotTaken::Reason(RefusalReason::TooLarge, "open deletions"));
        }
        for piece in content::pieces(&checked) {
            let bytes = piece.encode_to_vec();
            stored.add(tx, piece, &bytes)?;
        }
        Ok::<_, NotTaken>(())
    };
    match &published.content {
        Content::Inline(datasets) => add(tx, datasets)?,
        Content::Chunks(digests) => {
            for digest in digests {
                let bytes = piece(tx, sender, digest)?.ok_or(store::Error::Corrupt("a piece that is not held"))?;
                add(tx, &content::chunk(&bytes).map_err(|_| invalid("chunk"))?.datasets)?;
            }
        }
    }
    if count == published.observation_count { Ok(()) } else { Err(invalid("observation_count")) }
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
        let taken = if message.broadcast { self.take(message, false, context) } else { Err(invalid("recipient")) };
        match taken {
            Ok(()) => Ok(()),
            Err(NotTaken::Store(error)) => Err(error.into()),
            Err(NotTaken::Reason(reason, field)) => {
                metrics::add(&self.counters.refused, 1);
                tracing::warn!(?reason, field, peer = %message.sender, id = %message.id, "A message was refused.");
                Err(Refused::Reason(reason))
            }
        }
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
        match self.take(message, true, context) {
            Ok(()) => Ok(()),
            Err(NotTaken::Store(error)) => Err(error.into()),
            Err(NotTaken::Reason(reason, field)) => {
                // It was checked before it was sent; what the directory has forgotten since stays in the outbox.
                tracing::error!(?reason, field, "An own submission came back and could not be stored again.");
                Ok(())
            }
        }
    }

    fn may_send(&mut self, _: MessageId, _: &Header, _: &mut Context<'_, '_>) -> Result<Option<SkipReason>, RestError> {
        Ok(None)
    }
}
