//! The service behind every access point of a test: it writes down what happens to it.

use std::time::Duration;

use nhipcau_domain::id::ContractId;
use nhipcau_messaging::{
    engine::RestError,
    handler::{Context, Due, Handler, Refused},
    message::{Cause, Correlation, Draft, Header, Incoming, MessageId, Outcome, RefusalReason, SkipReason},
};

use super::sending::to_the_union;

pub(super) const TABLES: &str = "CREATE TABLE IF NOT EXISTS effect (serial INTEGER, id BLOB, sender TEXT, body BLOB);
    CREATE TABLE IF NOT EXISTS concluded (serial INTEGER, id BLOB, outcome INTEGER);
    CREATE TABLE IF NOT EXISTS own (id BLOB);
    CREATE TABLE IF NOT EXISTS due (name BLOB, time INTEGER, body BLOB);";

/// How long what is due is put off when it is taken.
pub(crate) const TRIED_AGAIN: Duration = Duration::from_secs(60);

/// Notes effects; refuses bodies that say so; forbids sending bodies that were revoked; sends what is due to the Union.
pub(super) struct Notes(pub(super) ContractId, pub(super) u32);

impl Handler for Notes {
    fn contract(&self) -> &ContractId {
        &self.0
    }

    fn minor(&self) -> u32 {
        self.1
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        context.tx.execute(
            "INSERT INTO effect (serial, id, sender, body) \
             VALUES ((SELECT COALESCE(MAX(serial), 0) + 1 FROM effect), $1, $2, $3)",
            &[(&message.id.0).into(), message.sender.as_str().into(), (&message.parts[0]).into()],
        )?;
        if message.parts[0].starts_with(b"refuse") {
            return Err(Refused::Reason(RefusalReason::WrongState));
        }
        Ok(())
    }

    fn concluded(
        &mut self,
        id: MessageId,
        _: Option<Correlation>,
        outcome: Outcome,
        context: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        let outcome = match outcome {
            Outcome::Received => 0,
            Outcome::Refused(reason) => reason as i64,
        };
        context.tx.execute(
            "INSERT INTO concluded (serial, id, outcome) \
             VALUES ((SELECT COALESCE(MAX(serial), 0) + 1 FROM concluded), $1, $2)",
            &[(&id.0).into(), outcome.into()],
        )?;
        Ok(())
    }

    fn recovered(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        context.tx.execute("INSERT INTO own (id) VALUES ($1)", &[(&message.id.0).into()])?;
        Ok(())
    }

    fn may_send(
        &mut self,
        _: MessageId,
        _: &Header,
        context: &mut Context<'_, '_>,
    ) -> Result<Option<SkipReason>, RestError> {
        let revoked = context.tx.query("SELECT 1 FROM meta WHERE name = 'revoked'", &[], |row| row.int(0))?;
        Ok((!revoked.is_empty()).then_some(SkipReason::Withdrawn))
    }

    fn take_due(&mut self, context: &mut Context<'_, '_>) -> Result<Option<Due>, RestError> {
        let now = context.now.as_microsecond();
        let first = "SELECT name FROM due WHERE time <= $1 ORDER BY time, name LIMIT 1";
        let name = context.tx.query_one(first, &[now.into()], |row| row.array(0))?;
        let Some(name) = name else { return Ok(None) };
        let later = now + TRIED_AGAIN.as_micros() as i64;
        context.tx.execute("UPDATE due SET time = $1 WHERE name = $2", &[later.into(), (&name).into()])?;
        Ok(Some(name))
    }

    fn act_on(&mut self, due: Due, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        let body = context.tx.query_one("SELECT body FROM due WHERE name = $1", &[(&due).into()], |row| row.blob(0))?;
        let cause = Cause::Timer(format!("{due:02x?}"));
        context.send(Draft { cause, ..to_the_union(&body.unwrap()) });
        context.tx.execute("DELETE FROM due WHERE name = $1", &[(&due).into()])?;
        Ok(())
    }
}
