//! What the service under test does where nobody answers in time: it puts the question to the level above, once; and
//! once either of the two has answered, it tells the other, who has not, that nothing is asked any more.

use jiff::{SignedDuration, Timestamp};
use nhipcau_messaging::{
    handler::Context,
    message::{Cause, Lane},
    store::{self, Row, Tx, Value},
};

use crate::{
    Point, directory,
    payload::{Body, Verb},
    plan::Plan,
};

/// The table: a row for each question that nobody had answered in time, by what makes it different.
pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS sim_ladder (
  nonce BLOB PRIMARY KEY,
  above BLOB NOT NULL,
  contract TEXT NOT NULL,
  body BLOB NOT NULL,
  level INTEGER NOT NULL,
  state INTEGER NOT NULL,
  due INTEGER NOT NULL
);
";

/// It is put to the level above next; it was; one of the two has been told that it is not asked any more.
const WAITS: i64 = 0;
const CLIMBED: i64 = 1;
const EXCUSED: i64 = 2;

/// How long nobody may go on answering once the time has run out.
const CLIMB_WITHIN: SignedDuration = SignedDuration::from_secs(3);
/// When it is looked at again, if what it leads to could not be done.
const AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// The access point above the one that was asked, of so many; none where there is no third.
pub(crate) fn above(from: Point, asked: Point, points: usize) -> Option<Point> {
    (1..points).map(|step| (asked + step) % points).find(|above| *above != from)
}

/// Begins when the time of a question has run out.
pub(crate) fn begin(tx: &mut Tx<'_>, contract: &str, asked: &Body, now: Timestamp) -> Result<(), store::Error> {
    let due = (now + CLIMB_WITHIN).as_microsecond();
    keep(tx, contract, asked, (None, WAITS, due))
}

/// The question to the level above came back from there.
pub(crate) fn recovered(
    tx: &mut Tx<'_>,
    contract: &str,
    (climb, level): (&Body, Option<Point>),
    now: Timestamp,
) -> Result<(), store::Error> {
    if climb.verb != Verb::Climb {
        return Ok(());
    }
    keep(tx, contract, &climb.below(), (level, CLIMBED, now.as_microsecond()))
}

fn keep(
    tx: &mut Tx<'_>,
    contract: &str,
    asked: &Body,
    (level, state, due): (Option<Point>, i64, i64),
) -> Result<(), store::Error> {
    tx.execute(
        "INSERT INTO sim_ladder (nonce, above, contract, body, level, state, due) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (nonce) DO UPDATE SET level = excluded.level, state = excluded.state, due = excluded.due \
         WHERE sim_ladder.state < excluded.state",
        &[
            Value::Blob(&asked.nonce.to_be_bytes()),
            Value::Blob(&asked.above().nonce.to_be_bytes()),
            contract.into(),
            Value::Blob(&asked.encode()),
            number(level).into(),
            state.into(),
            due.into(),
        ],
    )?;
    Ok(())
}

/// As it is stored; nobody is below every number.
fn number(level: Option<Point>) -> i64 {
    level.map_or(-1, |level| i64::try_from(level).unwrap_or(i64::MAX))
}

/// Takes the question about which something is to be said, and puts it off. Whom the lower level is, is known once the
/// question itself is.
pub(crate) fn take_due(context: &mut Context<'_, '_>, contract: &str) -> Result<Option<u64>, store::Error> {
    let (tx, now) = (&mut *context.tx, context.now);
    let latest = (now + CLIMB_WITHIN).as_microsecond();
    tx.execute("UPDATE sim_ladder SET due = $1 WHERE due > $1", &[latest.into()])?;
    let sql = "SELECT nonce FROM (SELECT l.nonce, l.state, l.due, \
                 EXISTS (SELECT 1 FROM sim_limit q WHERE q.nonce = l.nonce) AS known, \
                 EXISTS (SELECT 1 FROM sim_answered a WHERE a.nonce = l.nonce) AS below, \
                 EXISTS (SELECT 1 FROM sim_answered a WHERE a.nonce = l.above) AS above \
               FROM sim_ladder l WHERE l.contract = $1 AND l.due <= $2 AND l.state < $3) \
               WHERE state = $4 AND NOT below OR state = $5 AND (below AND NOT above OR above AND NOT below AND known) \
               ORDER BY due, nonce LIMIT 1";
    let parameters = [contract.into(), now.as_microsecond().into(), EXCUSED.into(), WAITS.into(), CLIMBED.into()];
    let due = tx.query_one(sql, &parameters, |row| row.array(0))?;
    if let Some(nonce) = &due {
        let again = (now + AGAIN).as_microsecond();
        tx.execute("UPDATE sim_ladder SET due = $1 WHERE nonce = $2", &[again.into(), Value::Blob(nonce)])?;
    }
    Ok(due.map(u64::from_be_bytes))
}

/// Goes on with a question: what is to be said then.
pub(crate) fn go_on(tx: &mut Tx<'_>, from: Point, points: usize, nonce: u64) -> Result<Option<Plan>, store::Error> {
    let key = nonce.to_be_bytes();
    let sql = "SELECT l.state, l.body, l.level, \
                 COALESCE((SELECT q.peer FROM sim_limit q WHERE q.nonce = l.nonce), -1), \
                 EXISTS (SELECT 1 FROM sim_answered a WHERE a.nonce = l.nonce) \
               FROM sim_ladder l WHERE l.nonce = $1";
    let read = |row: &Row<'_>| Ok((row.int(0)?, row.blob(1)?, row.int(2)?, row.int(3)?, row.int(4)?));
    let Some((state, body, level, below, is_answered)) = tx.query_one(sql, &[Value::Blob(&key)], read)? else {
        return Ok(None);
    };
    let asked = Body::decode(&body).expect("a body of ours");
    let (level, below) = (Point::try_from(level).ok(), Point::try_from(below).ok());
    let (to, body) = match state {
        WAITS => (below.and_then(|below| above(from, below, points)), asked.above()),
        // The one that is told is the one that has not answered.
        CLIMBED if is_answered == 1 => (level, asked.above().enough()),
        CLIMBED => (below, asked.enough()),
        _ => return Ok(None),
    };
    let Some(to) = to else { return Ok(None) };
    let level = if state == WAITS { Some(to) } else { level };
    let parameters = [(state + 1).into(), number(level).into(), Value::Blob(&key)];
    tx.execute("UPDATE sim_ladder SET state = $1, level = $2 WHERE nonce = $3", &parameters)?;
    let cause = Cause::Timer(format!("{:?} {:x} at {}", body.verb, body.nonce, directory::access_point(to)));
    Ok(Some(Plan { from, to: Some(to), lane: Lane::Messages, body, night: false, minor: 0, cause }))
}
