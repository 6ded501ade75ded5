//! What becomes due by time alone. Services keep their own times; the engine asks for what has come, in the transaction
//! of what is then done. Each is done once, by whoever writes the store, and never before peers had time to give back
//! what a store that was put back had lost: an answer that is on its way back is no silence.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::id::ContractId;

use super::{Engine, Error};
use crate::{
    handler::{Context, Refused},
    store::Tx,
};

/// How often is asked.
const EVERY: SignedDuration = SignedDuration::from_secs(1);
/// Of one contract at a time: a clock that jumps ahead does not set everything off at once.
const AT_ONCE: usize = 4;
/// How long a start waits for peers that say nothing: a dead peer gives no answer, and somebody may wait for one.
const PATIENCE: SignedDuration = SignedDuration::from_secs(120);

impl Engine {
    /// Has services do what has become due.
    pub(super) fn act_on_due(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        let is_recovered = self.is_open() || time.duration_since(self.started) >= PATIENCE;
        if time < self.next_due || !is_recovered {
            return Ok(());
        }
        self.next_due = time + EVERY;
        let contracts: Vec<ContractId> = self.handlers.keys().cloned().collect();
        for contract in contracts {
            for _ in 0..AT_ONCE {
                if !self.act_on_next(now, &contract, tx)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Has a service do the next thing; false when nothing is due.
    fn act_on_next(&mut self, now: Timestamp, contract: &ContractId, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let Some((contract, mut handler)) = self.handlers.remove_entry(contract) else { return Ok(false) };
        let result = (|| {
            let mut context = Context::new(now, tx, &self.case_keys, &self.keys.id_key, self.entropy.as_mut());
            let Some(due) = handler.take_due(&mut context)? else { return Ok(false) };
            tx.savepoint(|tx| {
                let mut context = Context::new(now, tx, &self.case_keys, &self.keys.id_key, self.entropy.as_mut());
                handler.act_on(due, &mut context)?;
                let wishes = context.finish();
                self.fulfil(now, wishes, tx)
            })?;
            Ok(true)
        })();
        self.handlers.insert(contract, handler);
        match result {
            Ok(is_done) => Ok(is_done),
            Err(Refused::Store(error)) => Err(error.into()),
            Err(Refused::Key(error)) => Err(error.into()),
            // What it wanted to send cannot go; it is asked again at the time to which it was put off.
            Err(Refused::Reason(_)) => Ok(true),
        }
    }
}
