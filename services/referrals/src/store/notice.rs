//! The SQL of waking: which branches wait for a person at a unit with a roster, and who was told of each. No decisions;
//! whoever calls holds the transaction.

use jiff::Timestamp;
use nhipcau_domain::{
    id::{PartyId, UnitId},
    referral::{PersonRef, Side, State, UnitRef},
};
use nhipcau_messaging::store::{Error, Tx};
use nhipcau_runtime::notify::{Mark, Page, Pending};
use uuid::Uuid;

/// Notices of a page.
const TOGETHER: u16 = 256;
/// In which a branch waits for a person.
const WAITING: [State; 2] = [State::Submitted, State::Received];

/// Whether a branch in this state waits for a person.
pub(crate) fn waits(state: State) -> bool {
    WAITING.contains(&state)
}

/// Says when the next is told of a branch, if ever.
pub(crate) fn note(tx: &mut Tx<'_>, branch: Uuid, next: Option<Timestamp>) -> Result<(), Error> {
    match next {
        Some(next) => tx.execute(
            "INSERT INTO referral_waking (branch, due_time) VALUES ($1, $2) \
             ON CONFLICT (branch) DO UPDATE SET due_time = excluded.due_time",
            &[branch.as_bytes().into(), next.as_microsecond().into()],
        )?,
        None => tx.execute("DELETE FROM referral_waking WHERE branch = $1", &[branch.as_bytes().into()])?,
    };
    Ok(())
}

/// Has every branch looked at by which a party waits for a person and that nobody looks at yet.
pub(crate) fn note_all(tx: &mut Tx<'_>, party: &PartyId, now: Timestamp) -> Result<(), Error> {
    for state in WAITING {
        tx.execute(
            "INSERT INTO referral_waking (branch, due_time) SELECT branch, CAST($1 AS BIGINT) FROM referral_branch \
             WHERE party = $2 AND state = $3 AND holder = $4 ON CONFLICT (branch) DO NOTHING",
            &[
                now.as_microsecond().into(),
                party.as_str().into(),
                state.to_wire().into(),
                Side::Recipient.to_wire().into(),
            ],
        )?;
    }
    Ok(())
}

/// The first branch whose time has come, put off until later.
pub(crate) fn take(tx: &mut Tx<'_>, now: Timestamp, later: Timestamp) -> Result<Option<Uuid>, Error> {
    let due = tx.query_one(
        "SELECT branch FROM referral_waking WHERE due_time <= $1 ORDER BY due_time, branch LIMIT 1",
        &[now.as_microsecond().into()],
        |row| Ok(Uuid::from_bytes(row.array(0)?)),
    )?;
    if let Some(branch) = due {
        note(tx, branch, Some(later))?;
    }
    Ok(due)
}

/// Who was told of a branch, in their order, and when the last of them.
pub(crate) fn told(tx: &mut Tx<'_>, branch: Uuid) -> Result<(Vec<PersonRef>, Option<Timestamp>), Error> {
    let corrupt = |_| Error::Corrupt("a person in a notice");
    let told = tx.query(
        "SELECT person, tell_time FROM referral_notice WHERE branch = $1 ORDER BY step",
        &[branch.as_bytes().into()],
        |row| Ok((PersonRef::new(&row.text(0)?).map_err(corrupt)?, row.int(1)?)),
    )?;
    let last = told.last().map(|(_, time)| Timestamp::from_microsecond(*time));
    let last = last.transpose().map_err(|_| Error::Corrupt("the time of a notice"))?;
    Ok((told.into_iter().map(|(person, _)| person).collect(), last))
}

/// Puts down that somebody is told of a branch.
pub(crate) fn add(tx: &mut Tx<'_>, branch: Uuid, step: u64, notice: &Pending, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_notice (notice, branch, step, party, unit, person, tell_time) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            notice.id.as_bytes().into(),
            branch.as_bytes().into(),
            step.into(),
            notice.unit.party.as_str().into(),
            notice.unit.unit.as_str().into(),
            notice.person.as_str().into(),
            now.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// Forgets who was told of a branch that waits no more.
pub(crate) fn forget(tx: &mut Tx<'_>, branch: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM referral_notice WHERE branch = $1", &[branch.as_bytes().into()])?;
    note(tx, branch, None)
}

/// What nobody has taken yet of branches that still wait: a page behind another.
pub(crate) fn unsent(tx: &mut Tx<'_>, after: Option<Mark>) -> Result<Page, Error> {
    let corrupt = || Error::Corrupt("a notice");
    let Mark { time, id } = after.unwrap_or(Mark { time: i64::MIN, id: Uuid::nil() });
    let read = tx.query(
        "SELECT n.notice, n.party, n.unit, n.person, n.tell_time FROM referral_notice n \
         JOIN referral_branch b ON b.branch = n.branch AND b.holder = $1 \
         WHERE n.sent_time IS NULL AND b.state IN ($2, $3) AND (n.tell_time, n.notice) > ($4, $5) \
         ORDER BY n.tell_time, n.notice LIMIT $6",
        &[
            Side::Recipient.to_wire().into(),
            State::Submitted.to_wire().into(),
            State::Received.to_wire().into(),
            time.into(),
            id.as_bytes().into(),
            i64::from(TOGETHER).into(),
        ],
        |row| {
            let party = PartyId::new(row.text(1)?).map_err(|_| corrupt())?;
            let unit = UnitId::new(row.text(2)?).map_err(|_| corrupt())?;
            let person = PersonRef::new(&row.text(3)?).map_err(|_| corrupt())?;
            let id = Uuid::from_bytes(row.array(0)?);
            Ok((Pending { id, unit: UnitRef { party, unit }, person }, row.int(4)?))
        },
    )?;
    let is_full = read.len() == usize::from(TOGETHER);
    let next = read.last().filter(|_| is_full).map(|(last, time)| Mark { time: *time, id: last.id });
    Ok(Page { pending: read.into_iter().map(|(pending, _)| pending).collect(), next })
}

/// Notes that somebody has taken a notice.
pub(crate) fn sent(tx: &mut Tx<'_>, notice: Uuid, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE referral_notice SET sent_time = $1 WHERE notice = $2",
        &[now.as_microsecond().into(), notice.as_bytes().into()],
    )?;
    Ok(())
}
