//! The service behind every access point of a test: it writes down what happens to it.

use nhipcau_domain::id::ContractId;
use nhipcau_messaging::{
    engine::RestError,
    handler::{Context, Handler, Refused},
    message::{Correlation, Header, Incoming, MessageId, Outcome, RefusalReason, SkipReason},
};

pub(super) const TABLES: &str = "CREATE TABLE IF NOT EXISTS effect (serial INTEGER, id BLOB, sender TEXT, body BLOB);
    CREATE TABLE IF NOT EXISTS concluded (serial INTEGER, id BLOB, outcome INTEGER);
    CREATE TABLE IF NOT EXISTS own (id BLOB);";

/// Notes effects; refuses bodies that say so; forbids sending bodies that were revoked.
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
}
