//! What the stores of access points hold: the rows of messaging, and beside them the tables of the services.
//!
//! An effect is read twice. `received` says which message spent its id, and can say so once only, because its index is
//! unique. What the message brought about is in the table of its service: an event in the log of a branch, a figure's
//! submission. These rows know nothing of that index, and so can show one message twice, none, or a log out of order.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, Result};
use nhipcau_messaging::{
    message::{MessageId, RefusalReason},
    store::{Error, Readers, Row, Tx},
};
use nhipcau_sim::checker::Standing;

/// A message as the store of its sender holds it.
pub(crate) struct Sent {
    pub(crate) id: MessageId,
    pub(crate) recipient: String,
    pub(crate) lane: i64,
    pub(crate) case: Vec<u8>,
    pub(crate) digest: [u8; 32],
    pub(crate) standing: Standing,
    pub(crate) reason: RefusalReason,
}

/// A position as the store of its recipient holds it.
pub(crate) struct Taken {
    pub(crate) sender: String,
    pub(crate) broadcast: bool,
    pub(crate) sequence: u64,
    pub(crate) id: MessageId,
    pub(crate) digest: [u8; 32],
    pub(crate) outcome: RefusalReason,
    pub(crate) refused: bool,
    /// Whether it spent the id, as messaging says.
    pub(crate) effective: bool,
    /// Whether the table of a service must show what it brought about.
    pub(crate) is_to_be_shown: bool,
}

/// What a message brought about, as the table of the service shows it.
pub(crate) struct Shown {
    pub(crate) id: MessageId,
    /// The log that it stands in; none has a figure, which may come after later ones.
    pub(crate) log: Option<Vec<u8>>,
    /// Its place there.
    pub(crate) ordinal: u64,
}

/// What one store holds; what was taken and shown in the order in which it was put there.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) sent: Vec<Sent>,
    pub(crate) taken: Vec<Taken>,
    pub(crate) shown: Vec<Shown>,
}

impl Held {
    /// Reads the store of an access point below the home of its world.
    pub(crate) async fn read(home: &Path, name: &str) -> Result<Self> {
        let store = Readers::open(&home.join(name).join("store/store.db"), 1)?;
        let own = name.to_owned();
        store.read(move |tx| read(tx, &own)).await.with_context(|| format!("the store of {name}"))
    }

    /// The messages that the tables of the services show.
    pub(crate) fn ids_shown(&self) -> BTreeSet<MessageId> {
        self.shown.iter().map(|shown| shown.id).collect()
    }
}

fn read(tx: &mut Tx<'_>, own: &str) -> Result<Held, Error> {
    let sent = "SELECT id, recipient, lane, correlation, draft_digest, state, reason FROM outbox ORDER BY serial";
    let sent = tx.query(sent, &[], |row| {
        Ok(Sent {
            id: MessageId(row.array(0)?),
            recipient: row.text(1)?,
            lane: row.int(2)?,
            case: row.blob(3)?,
            digest: row.array(4)?,
            standing: match row.int(5)? {
                2 => Standing::Received,
                3 => Standing::Refused,
                5 => Standing::GivenUp,
                _ => Standing::Open,
            },
            reason: reason(row, 6)?,
        })
    })?;
    let taken = "SELECT sender, recipient, sequence, id, content_digest, outcome, spent, contract FROM received \
                 WHERE branch = 0 OR spent > 0 ORDER BY rowid";
    let taken = tx.query(taken, &[], |row| {
        let refused = row.int(5)? != 0;
        Ok(Taken {
            sender: row.text(0)?,
            broadcast: row.text(1)? == "all",
            sequence: row.number(2)?,
            id: MessageId(row.array(3)?),
            digest: row.array(4)?,
            outcome: reason(row, 5)?,
            refused,
            effective: !refused && row.int(6)? > 0,
            is_to_be_shown: ["nhipcau.referral.v1", "nhipcau.indicator.v1"].contains(&row.text(7)?.as_str()),
        })
    })?;
    Ok(Held { sent, taken, shown: shown(tx, own)? })
}

/// Events of the other side, then figures of others.
fn shown(tx: &mut Tx<'_>, own: &str) -> Result<Vec<Shown>, Error> {
    let events = "SELECT message, branch, side, ordinal FROM referral_event WHERE side <> holder ORDER BY rowid";
    let mut shown = tx.query(events, &[], |row| {
        let mut log = row.blob(1)?;
        log.push(u8::from(row.int(2)? == 1));
        Ok(Shown { id: MessageId(row.array(0)?), log: Some(log), ordinal: row.number(3)? })
    })?;
    let figures = "SELECT envelope FROM indicator_submission WHERE access_point <> $1 ORDER BY serial";
    shown.extend(
        tx.query(figures, &[own.into()], |row| Ok(Shown { id: MessageId(row.array(0)?), log: None, ordinal: 0 }))?,
    );
    Ok(shown)
}

fn reason(row: &Row<'_>, column: usize) -> Result<RefusalReason, Error> {
    let number = i32::try_from(row.int(column)?).unwrap_or(i32::MAX);
    Ok(RefusalReason::try_from(number).unwrap_or(RefusalReason::Unspecified))
}

/// The digests of what an access point keeps in quarantine.
pub(crate) async fn quarantined(home: &Path, name: &str) -> Result<BTreeSet<[u8; 32]>> {
    let store = Readers::open(&home.join(name).join("store/store.db"), 1)?;
    let kept = store.read(|tx| tx.query("SELECT digest FROM quarantine", &[], |row| row.array(0))).await;
    Ok(kept.map_err(|error: Error| error)?.into_iter().collect())
}

/// When the last message was accepted to be sent, by the clock of the process that accepted it, in microseconds.
pub(crate) async fn last_accepted(home: &Path, name: &str) -> Result<Option<i64>> {
    let store = Readers::open(&home.join(name).join("store/store.db"), 1)?;
    let last = "SELECT create_time FROM outbox ORDER BY serial DESC LIMIT 1";
    Ok(store.read(|tx| tx.query_one(last, &[], |row| row.int(0))).await.map_err(|error: Error| error)?)
}

/// How many messages an access point has accepted to send.
pub(crate) async fn accepted(home: &Path, name: &str) -> Result<i64> {
    let store = Readers::open(&home.join(name).join("store/store.db"), 1)?;
    let count = store.read(|tx| tx.query_one("SELECT COUNT(*) FROM outbox", &[], |row| row.int(0))).await;
    Ok(count.map_err(|error: Error| error)?.unwrap_or_default())
}
