//! What a commit brought to a store, read from the handler's table and the rows of messaging that an auditor reads.

use std::collections::BTreeSet;

use nhipcau_messaging::{
    engine::Engine,
    message::{Lane, MessageId, Outcome, RefusalReason},
    store::{self, Tx},
};

use crate::{
    Point,
    adapter::{Commit, Stop},
    blobs, handler,
    history::{Blob, Effect, Fact, Message, Placed},
    payload::Body,
};

/// How far a store was read.
pub(crate) struct Read {
    facts: i64,
    positions: i64,
    outbox: i64,
    /// Blobs that are whole.
    whole: BTreeSet<Blob>,
}

impl Read {
    /// Everything that is there is known.
    pub(crate) fn up_to_now(tx: &mut Tx<'_>) -> Result<Self, store::Error> {
        Ok(Self {
            facts: last(tx, "SELECT COALESCE(MAX(serial), 0) FROM sim_fact")?,
            positions: last(tx, "SELECT COALESCE(MAX(rowid), 0) FROM received")?,
            outbox: last(tx, "SELECT COALESCE(MAX(serial), 0) FROM outbox")?,
            whole: blobs::whole(tx)?,
        })
    }

    /// Reads what has come since.
    pub(crate) fn on(
        &mut self,
        me: Point,
        engine: &mut Engine,
        commit: &mut Commit,
        tx: &mut Tx<'_>,
    ) -> Result<(), Stop> {
        read_facts(tx, me, &mut self.facts, &mut commit.facts)?;
        read_restored(tx, &mut self.outbox, &mut commit.facts)?;
        read_positions(tx, &mut self.positions, commit)?;
        blobs::read(engine, &mut self.whole, &mut commit.facts, tx)
    }

    /// A case was erased: a blob of it that is there all the same has come anew.
    pub(crate) fn forget(&mut self, case: u32) {
        self.whole.retain(|blob| blob.case != case);
    }
}

fn last(tx: &mut Tx<'_>, sql: &'static str) -> Result<i64, store::Error> {
    Ok(tx.query_one(sql, &[], |row| row.int(0))?.unwrap_or(0))
}

/// What has come into the outbox of which the service says nothing.
fn read_restored(tx: &mut Tx<'_>, after: &mut i64, facts: &mut Vec<Fact>) -> Result<(), store::Error> {
    let sql = "SELECT serial, id FROM outbox WHERE serial > $1 ORDER BY serial";
    let rows = tx.query(sql, &[(*after).into()], |row| Ok((row.int(0)?, MessageId(row.array(1)?))))?;
    for (serial, restored) in rows {
        *after = serial;
        let is_said = facts.iter().any(|fact| match fact {
            Fact::Sent(Message { id, .. }) | Fact::Recovered { id, .. } => *id == restored,
            _ => false,
        });
        if !is_said {
            facts.push(Fact::Restored { id: restored });
        }
    }
    Ok(())
}

fn read_positions(tx: &mut Tx<'_>, after: &mut i64, commit: &mut Commit) -> Result<(), store::Error> {
    let sql = "SELECT rowid, sender, id, outcome, spent, lane, recipient, sequence, incarnation FROM received \
               WHERE rowid > $1 ORDER BY rowid";
    let rows = tx.query(sql, &[(*after).into()], |row| {
        let (sender, lane) = (point(&row.text(1)?), Lane::from_number(row.int(5)?).expect("a lane of ours"));
        let channel = (sender, lane, row.text(6)? == "all");
        let place = (row.number(8)?, MessageId(row.array(2)?));
        let outcome = i32::try_from(row.int(3)?).unwrap_or(i32::MAX);
        let is_spent = row.int(4)? == 1;
        Ok((row.int(0)?, Placed { channel, sequence: row.number(7)?, place }, outcome, is_spent))
    })?;
    for (rowid, placed, outcome, is_spent) in rows {
        *after = rowid;
        let ((sender, lane, _), (_, id)) = (placed.channel, placed.place);
        let refused = (outcome != 0).then(|| reason(outcome));
        commit.facts.push(Fact::Position { sender, id, refused });
        if outcome == 0 && is_spent && lane == Lane::Bulk {
            commit.facts.push(Fact::Taken { sender, id });
        }
        commit.placed.push(placed);
    }
    Ok(())
}

fn read_facts(tx: &mut Tx<'_>, me: Point, after: &mut i64, facts: &mut Vec<Fact>) -> Result<(), store::Error> {
    let sql = "SELECT serial, kind, id, peer, number, broadcast, body, digest FROM sim_fact \
               WHERE serial > $1 ORDER BY serial";
    let rows = tx.query(sql, &[(*after).into()], |row| {
        let digest = u64::from_be_bytes(row.array(7)?);
        Ok((
            row.int(0)?,
            row.int(1)?,
            MessageId(row.array(2)?),
            row.text(3)?,
            row.int(4)?,
            row.int(5)? != 0,
            row.blob(6)?,
            digest,
        ))
    })?;
    for (serial, kind, id, peer, number, broadcast, body, digest) in rows {
        *after = serial;
        facts.push(match kind {
            handler::SENT => {
                let body = Body::decode(&body).expect("a body of ours");
                let (recipient, lane) = ((peer != "all").then(|| point(&peer)), Lane::from_number(number));
                let lane = lane.expect("a lane of ours");
                Fact::Sent(Message {
                    id,
                    sender: me,
                    recipient,
                    lane,
                    verb: body.verb,
                    case: body.case,
                    nonce: body.nonce,
                    digest,
                })
            }
            handler::RECOVERED => Fact::Recovered { id, digest },
            handler::EFFECT => {
                let sequence = u64::try_from(number).expect("a position");
                Fact::Effect(Effect { id, sender: point(&peer), broadcast, digest, sequence })
            }
            handler::RAN_OUT => Fact::RanOut { id },
            handler::FREED => Fact::Freed { id },
            handler::CARRIED => {
                let piece = handler::piece(me, number, &body, digest).expect("a piece of ours");
                Fact::Carried { id, piece }
            }
            _ => {
                let number = i32::try_from(number).unwrap_or(i32::MAX);
                let outcome = if number == 0 { Outcome::Received } else { Outcome::Refused(reason(number)) };
                Fact::Concluded { id, outcome }
            }
        });
    }
    Ok(())
}

/// Own messages that are given up by now.
pub(crate) fn given_up(tx: &mut Tx<'_>) -> Result<BTreeSet<MessageId>, store::Error> {
    let sql = "SELECT id FROM outbox WHERE state = 5 OR state IN (0, 1) AND reason <> 0";
    Ok(tx.query(sql, &[], |row| Ok(MessageId(row.array(0)?)))?.into_iter().collect())
}

/// Messages of others that wait to be returned.
pub(crate) fn strays(tx: &mut Tx<'_>) -> Result<BTreeSet<MessageId>, store::Error> {
    Ok(tx.query("SELECT id FROM stray", &[], |row| Ok(MessageId(row.array(0)?)))?.into_iter().collect())
}

fn reason(number: i32) -> RefusalReason {
    RefusalReason::try_from(number).unwrap_or(RefusalReason::Unspecified)
}

/// The number of an access point, by its name.
pub(crate) fn point(name: &str) -> Point {
    name.strip_prefix("ap-").and_then(|n| n.parse().ok()).expect("a name of ours")
}
