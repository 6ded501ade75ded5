//! The book that a service keeps of what waits and who was told of it, in two tables of its own: one text of SQL over
//! their names. No decisions; whoever calls holds the transaction.

use jiff::Timestamp;
use nhipcau_domain::{
    id::{PartyId, UnitId},
    referral::{PersonRef, UnitRef},
};
use nhipcau_messaging::store::{Error, Tx};
use uuid::Uuid;

use crate::notify::{Mark, Pending};

/// A book, as [`book!`](crate::book) makes it.
#[derive(Debug)]
#[expect(missing_docs, reason = "the statements of the methods of the same names")]
pub struct Book {
    /// Type string of a notice's id. No two books share one: whoever makes up a uid makes no notice of another book's.
    pub cause: &'static [u8],
    pub note: &'static str,
    pub take: &'static str,
    pub amend: &'static str,
    pub told: &'static str,
    pub add: &'static str,
    pub forget: [&'static str; 2],
    pub unsent: &'static str,
    pub sent: &'static str,
}

/// Makes a [`Book`] of a table of what waits (`$what`, `due_time`) and a table of notices (`notice`, `$what`, `step`,
/// `party`, `unit`, `person`, `tell_time`, `sent_time`). A notice counts while `$counts` holds of it.
#[macro_export]
macro_rules! book {
    ($cause:literal, $waking:literal, $notices:literal, $what:literal, $counts:literal) => {
        $crate::waking::Book {
            cause: $cause,
            note: concat!(
                "INSERT INTO ",
                $waking,
                " (",
                $what,
                ", due_time) VALUES ($1, $2) ON CONFLICT (",
                $what,
                ") \
                 DO UPDATE SET due_time = excluded.due_time"
            ),
            take: concat!(
                "SELECT ",
                $what,
                " FROM ",
                $waking,
                " WHERE due_time <= $1 ORDER BY due_time, ",
                $what,
                " LIMIT 1"
            ),
            amend: concat!("UPDATE ", $notices, " SET tell_time = $1 WHERE ", $what, " = $2 AND tell_time > $1"),
            told: concat!("SELECT person, tell_time FROM ", $notices, " WHERE ", $what, " = $1 ORDER BY step"),
            add: concat!(
                "INSERT INTO ",
                $notices,
                " (notice, ",
                $what,
                ", step, party, unit, person, tell_time) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)"
            ),
            forget: [
                concat!("DELETE FROM ", $notices, " WHERE ", $what, " = $1"),
                concat!("DELETE FROM ", $waking, " WHERE ", $what, " = $1"),
            ],
            unsent: concat!(
                "SELECT notice, party, unit, person, tell_time FROM ",
                $notices,
                " n \
                 WHERE n.sent_time IS NULL AND ",
                $counts,
                " AND (n.tell_time, n.notice) > ($1, $2) \
                 ORDER BY n.tell_time, n.notice LIMIT $3"
            ),
            sent: concat!("UPDATE ", $notices, " SET sent_time = $1 WHERE notice = $2"),
        }
    };
}

impl Book {
    /// Says when the next is told of something.
    ///
    /// # Errors
    /// The store's, as of all of them.
    pub fn note(&self, tx: &mut Tx<'_>, what: Uuid, next: Timestamp) -> Result<(), Error> {
        tx.execute(self.note, &[what.as_bytes().into(), next.as_microsecond().into()])?;
        Ok(())
    }

    /// The first thing whose time has come, put off until later.
    pub(super) fn take(&self, tx: &mut Tx<'_>, now: Timestamp, later: Timestamp) -> Result<Option<Uuid>, Error> {
        let due = tx.query_one(self.take, &[now.as_microsecond().into()], |row| Ok(Uuid::from_bytes(row.array(0)?)))?;
        if let Some(what) = due {
            self.note(tx, what, later)?;
        }
        Ok(due)
    }

    /// Who was told of something, in their order, and when the last of them. Whoever was told by a clock that was ahead
    /// counts from now on as told now.
    pub(super) fn told(
        &self,
        tx: &mut Tx<'_>,
        what: Uuid,
        now: Timestamp,
    ) -> Result<(Vec<PersonRef>, Option<Timestamp>), Error> {
        tx.execute(self.amend, &[now.as_microsecond().into(), what.as_bytes().into()])?;
        let corrupt = |_| Error::Corrupt("a person in a notice");
        let told = tx.query(self.told, &[what.as_bytes().into()], |row| {
            Ok((PersonRef::new(&row.text(0)?).map_err(corrupt)?, row.int(1)?))
        })?;
        let last = told.last().map(|(_, time)| Timestamp::from_microsecond(*time));
        let last = last.transpose().map_err(|_| Error::Corrupt("the time of a notice"))?;
        Ok((told.into_iter().map(|(person, _)| person).collect(), last))
    }

    /// Puts down that somebody is told of something.
    pub(super) fn add(
        &self,
        tx: &mut Tx<'_>,
        what: Uuid,
        step: u64,
        notice: &Pending,
        now: Timestamp,
    ) -> Result<(), Error> {
        let values = [
            notice.id.as_bytes().into(),
            what.as_bytes().into(),
            step.into(),
            notice.unit.party.as_str().into(),
            notice.unit.unit.as_str().into(),
            notice.person.as_str().into(),
            now.as_microsecond().into(),
        ];
        tx.execute(self.add, &values)?;
        Ok(())
    }

    /// Forgets who was told of what waits no more.
    ///
    /// # Errors
    /// The store's.
    pub fn forget(&self, tx: &mut Tx<'_>, what: Uuid) -> Result<(), Error> {
        self.forget.iter().try_for_each(|sql| tx.execute(sql, &[what.as_bytes().into()]).map(drop))
    }

    /// What nobody has taken yet of what still counts, with its place in the order: up to `limit` behind a place.
    pub(super) fn unsent(&self, tx: &mut Tx<'_>, after: Mark, limit: usize) -> Result<Vec<(Mark, Pending)>, Error> {
        let corrupt = || Error::Corrupt("a notice");
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        tx.query(self.unsent, &[after.time.into(), after.id.as_bytes().into(), limit.into()], |row| {
            let party = PartyId::new(row.text(1)?).map_err(|_| corrupt())?;
            let unit = UnitId::new(row.text(2)?).map_err(|_| corrupt())?;
            let person = PersonRef::new(&row.text(3)?).map_err(|_| corrupt())?;
            let id = Uuid::from_bytes(row.array(0)?);
            Ok((Mark { time: row.int(4)?, id }, Pending { id, unit: UnitRef { party, unit }, person }))
        })
    }

    /// Notes that somebody has taken a notice, if it is of this book.
    pub(super) fn sent(&self, tx: &mut Tx<'_>, notice: Uuid, now: Timestamp) -> Result<(), Error> {
        tx.execute(self.sent, &[now.as_microsecond().into(), notice.as_bytes().into()])?;
        Ok(())
    }
}
