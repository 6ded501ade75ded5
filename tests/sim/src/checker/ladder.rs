//! What is held of levels: the one above is asked only when nobody had answered in time, and then it is; and who is
//! asked too and has not answered is told that another has, and only then.

use std::collections::BTreeSet;

use super::{Checker, Violation};
use crate::{
    history::{Disk, Message},
    ladder::above,
    payload::{CLIMB, ENOUGH, Verb},
};

impl Checker {
    /// A message that comes of time alone, when it is new on this line of history.
    pub(super) fn comes_in_time(&self, disk: &Disk, message: &Message) -> Result<(), Violation> {
        let (point, id) = (disk.point, message.id);
        if disk.sent.contains(&id) {
            return Ok(());
        }
        match message.verb {
            Verb::Climb => {
                let below = message.nonce ^ CLIMB;
                let ran_out = disk.ran_out.iter().filter_map(|id| self.ledger.messages.get(id));
                let is_late = ran_out.into_iter().any(|asked| asked.nonce == below && asked.verb == Verb::Ask);
                let is_due = is_late && !disk.answered.contains(&below);
                if is_due { Ok(()) } else { Err(Violation::ClimbedInVain { point, id }) }
            }
            Verb::Enough => {
                let told = message.nonce ^ ENOUGH;
                let mut asked = self.sent_on(disk).filter(|asked| asked.verb.is_question() && asked.nonce == told);
                let is_asked = asked.any(|asked| asked.recipient == message.recipient);
                let is_due = disk.answered.contains(&(told ^ CLIMB)) && !disk.answered.contains(&told);
                if is_asked && is_due { Ok(()) } else { Err(Violation::ExcusedInVain { point, id }) }
            }
            _ => Ok(()),
        }
    }

    fn sent_on(&self, disk: &Disk) -> impl Iterator<Item = &Message> {
        disk.sent.iter().filter_map(|id| self.ledger.messages.get(id))
    }

    /// At the end each question that nobody answered in time stands at both levels, and where one has answered the
    /// other was told; but where that may not be said by then.
    pub(super) fn no_level_is_forgotten(
        &self,
        disks: &[&Disk],
        may_be_said: &dyn Fn(&Message) -> bool,
    ) -> Result<(), Violation> {
        for disk in disks {
            let point = disk.point;
            let said: BTreeSet<(Verb, u64)> = self.sent_on(disk).map(|message| (message.verb, message.nonce)).collect();
            let is_answered = |nonce| disk.answered.contains(&nonce);
            for asked in self.sent_on(disk) {
                let above = asked.recipient.and_then(|below| above(point, below, disks.len()));
                let ran_out = asked.verb == Verb::Ask && disk.ran_out.contains(&asked.id) && !is_answered(asked.nonce);
                let may_climb = above.is_some() && may_be_said(&Message { recipient: above, ..*asked });
                if ran_out && may_climb && !said.contains(&(Verb::Climb, asked.nonce ^ CLIMB)) {
                    return Err(Violation::NotClimbed { point, id: asked.id });
                }
                let other = match asked.verb {
                    Verb::Climb => (Verb::Ask, asked.nonce ^ CLIMB),
                    Verb::Ask => (Verb::Climb, asked.nonce ^ CLIMB),
                    _ => continue,
                };
                let is_over = said.contains(&other) && is_answered(other.1) && !is_answered(asked.nonce);
                if is_over && may_be_said(asked) && !said.contains(&(Verb::Enough, asked.nonce ^ ENOUGH)) {
                    return Err(Violation::NotExcused { point, id: asked.id });
                }
            }
        }
        Ok(())
    }
}
