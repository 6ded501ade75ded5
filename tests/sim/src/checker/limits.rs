//! What is held of limits: each question whose answer does not come runs out, once, and none that was answered.
//!
//! When is the engine's and the clock's; that each comes to one of the two is what counts.

use nhipcau_messaging::message::MessageId;

use super::{Checker, Violation};
use crate::history::{Disk, Message};

impl Checker {
    pub(super) fn ran_out(&self, disk: &mut Disk, id: MessageId) -> Result<(), Violation> {
        let point = disk.point;
        let own = self.ledger.messages.get(&id).filter(|message| message.sender == point && message.verb.is_question());
        let Some(asked) = own.filter(|_| disk.sent.contains(&id)) else {
            return Err(Violation::Invented { point, id });
        };
        if disk.answered.contains(&asked.nonce) {
            return Err(Violation::RanOutThoughAnswered { point, id });
        }
        if !disk.ran_out.insert(id) {
            return Err(Violation::RanOutTwice { point, id });
        }
        Ok(())
    }

    /// At the end every question was answered or has run out, but where nothing may be said about it by then.
    pub(super) fn no_limit_is_forgotten(
        &self,
        disks: &[&Disk],
        may_be_said: &dyn Fn(&Message) -> bool,
    ) -> Result<(), Violation> {
        for disk in disks {
            let asked = disk.sent.iter().filter_map(|id| self.ledger.messages.get(id));
            let is_over =
                |message: &Message| disk.answered.contains(&message.nonce) || disk.ran_out.contains(&message.id);
            let is_owed =
                |message: &Message| message.verb.is_question() && message.recipient.is_some() && may_be_said(message);
            let mut forgotten = asked.filter(|message| is_owed(message) && !is_over(message));
            if let Some(message) = forgotten.next() {
                return Err(Violation::LimitForgotten { point: disk.point, id: message.id });
            }
        }
        Ok(())
    }
}
