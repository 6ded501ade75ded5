//! What is held of blobs: whole and true once every piece has come, not before; gone with their case, and only then.
//!
//! The messages that carry pieces are judged as messages: none of them may be lost, doubled or given up unsaid.

use std::collections::BTreeSet;

use nhipcau_messaging::message::MessageId;

use super::{Checker, Violation, Witness};
use crate::{
    Point,
    history::{Blob, Disk, Piece},
};

impl Checker {
    /// Whether a message carries a piece of a blob.
    #[must_use]
    pub fn is_carrier(&self, id: MessageId) -> bool {
        self.ledger.carried.contains_key(&id)
    }

    /// The blobs that were handed over, and for whom.
    #[must_use]
    pub fn blobs(&self) -> BTreeSet<(Point, Blob)> {
        let carried = self.ledger.carried.iter();
        carried.filter_map(|(id, piece)| Some((self.ledger.messages.get(id)?.recipient?, piece.blob))).collect()
    }

    /// How many blobs of a case have not come wholly to where they were to go.
    #[must_use]
    pub fn on_the_way(&self, case: u32) -> u64 {
        let comes = |(id, piece): &(&MessageId, &Piece)| {
            let recipient = self.ledger.messages.get(*id).and_then(|message| message.recipient);
            piece.blob.case == case && recipient.is_some_and(|to| !self.ledger.effective.contains(&(to, **id)))
        };
        let blobs: BTreeSet<Blob> = self.ledger.carried.iter().filter(comes).map(|(_, piece)| piece.blob).collect();
        blobs.len() as u64
    }

    /// A piece that a peer has returned is there as a message is that it has returned.
    pub(super) fn restored(&mut self, disk: &mut Disk, id: MessageId) -> Result<(), Violation> {
        match self.ledger.messages.get(&id).copied().filter(|message| message.sender == disk.point) {
            Some(message) if self.is_carrier(id) => self.recovered(disk, id, message.digest),
            Some(_) => Ok(()),
            None => Err(Violation::Invented { point: disk.point, id }),
        }
    }

    /// A piece was taken. What is no piece says itself that it had its effect.
    pub(super) fn taken(
        &mut self,
        disk: &mut Disk,
        sender: Point,
        id: MessageId,
        witness: &dyn Witness,
    ) -> Result<(), Violation> {
        let point = disk.point;
        let Some(piece) = self.ledger.carried.get(&id).copied() else { return Ok(()) };
        let Some(message) = self.ledger.messages.get(&id).filter(|message| message.sender == sender) else {
            return Err(Violation::Invented { point, id });
        };
        if message.recipient != Some(point) {
            return Err(Violation::WrongRecipient { point, id });
        }
        if self.ledger.effective.insert((point, id)) && !witness.is_allowed(sender, point) {
            return Err(Violation::Unauthorised { point, id });
        }
        if disk.effects.insert((sender, id), 0).is_some() {
            return Err(Violation::Doubled { point, id });
        }
        if disk.refused.contains_key(&(sender, id)) {
            return Err(Violation::RefusedAndEffective { point, id });
        }
        disk.pieces.entry(piece.blob).or_default().insert(piece.place);
        Ok(())
    }

    /// How many pieces a blob has that was handed over for an access point.
    fn pieces_of(&self, point: Point, blob: &Blob) -> Option<usize> {
        let is_for = |id| self.ledger.messages.get(id).is_some_and(|message| message.recipient == Some(point));
        let (_, piece) = self.ledger.carried.iter().find(|(id, piece)| piece.blob == *blob && is_for(*id))?;
        usize::try_from(piece.of).ok()
    }

    pub(super) fn whole(&mut self, disk: &mut Disk, blob: Blob, is_true: bool) -> Result<(), Violation> {
        let point = disk.point;
        let Some(pieces) = self.pieces_of(point, &blob).filter(|_| is_true) else {
            return Err(Violation::BlobAltered { point, blob });
        };
        if disk.pieces.get(&blob).is_none_or(|places| places.len() < pieces) {
            return Err(Violation::BlobUnfounded { point, blob });
        }
        disk.blobs.insert(blob);
        self.ledger.whole.insert((point, blob));
        Ok(())
    }

    /// What had come of the blobs of a case counts no more.
    pub(super) fn erased(disk: &mut Disk, case: u32) {
        disk.pieces.retain(|blob, _| blob.case != case);
        disk.blobs.retain(|blob| blob.case != case);
    }

    /// Whether each blob of which every piece has come is whole.
    pub(super) fn what_has_come_is_whole(&self, disk: &Disk) -> Result<(), Violation> {
        let point = disk.point;
        for (blob, places) in &disk.pieces {
            if self.pieces_of(point, blob) == Some(places.len()) && !disk.blobs.contains(blob) {
                return Err(Violation::BlobMissing { point, blob: *blob });
            }
        }
        Ok(())
    }
}
