//! What is held of holds: on each line of history what was asked for is held until it is taken or let go, and is one of
//! the two at the end; who comes later is refused, and nobody else.

use nhipcau_messaging::message::{MessageId, RefusalReason};

use super::{Checker, Violation};
use crate::{
    history::{Disk, Message},
    payload::Verb,
};

/// The question for the place that a message takes.
const fn hold(taking: &Message) -> u64 {
    taking.nonce.wrapping_sub(2)
}

fn holds(disk: &Disk, nonce: u64) -> bool {
    disk.held.contains(&nonce) && !disk.freed.contains(&nonce) && !disk.taken.contains(&nonce)
}

impl Checker {
    /// Whether a message takes what is held.
    #[must_use]
    pub fn takes(&self, id: MessageId) -> bool {
        self.ledger.messages.get(&id).is_some_and(|message| message.verb == Verb::Take)
    }

    /// A message had its effect.
    pub(super) fn held_or_taken(disk: &mut Disk, message: &Message) -> Result<(), Violation> {
        match message.verb {
            Verb::Place => {
                disk.held.insert(message.nonce);
            }
            Verb::Take if holds(disk, hold(message)) => {
                disk.taken.insert(hold(message));
            }
            Verb::Take => return Err(Violation::TakenInVain { point: disk.point, id: message.id }),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn freed(&mut self, disk: &mut Disk, id: MessageId) -> Result<(), Violation> {
        let asked = self.ledger.messages.get(&id).filter(|asked| asked.verb == Verb::Place);
        let Some(asked) = asked.filter(|asked| holds(disk, asked.nonce)) else {
            return Err(Violation::FreedInVain { point: disk.point, id });
        };
        disk.freed.insert(asked.nonce);
        self.ledger.freed.insert((disk.point, asked.nonce));
        Ok(())
    }

    /// A message was refused for good. What one line of history has let go, another may have to stand by.
    pub(super) fn not_taken(&mut self, disk: &Disk, id: MessageId, reason: RefusalReason) -> Result<(), Violation> {
        let taking = self.ledger.messages.get(&id).filter(|message| message.verb == Verb::Take);
        let Some(taking) = taking.filter(|_| reason == RefusalReason::WrongState) else { return Ok(()) };
        let nonce = hold(taking);
        if holds(disk, nonce) && !self.ledger.freed.contains(&(disk.point, nonce)) {
            return Err(Violation::HeldAndRefused { point: disk.point, id });
        }
        self.ledger.came_late.insert(id);
        Ok(())
    }

    pub(super) fn no_hold_is_forgotten(&self, disks: &[&Disk]) -> Result<(), Violation> {
        let holding = disks.iter().find(|disk| disk.held.iter().any(|nonce| holds(disk, *nonce)));
        holding.map_or(Ok(()), |disk| Err(Violation::HeldForEver { point: disk.point }))
    }
}
