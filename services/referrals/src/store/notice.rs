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

/// Says when the next is told of a branch.
pub(crate) fn note(tx: &mut Tx<'_>, branch: Uuid, next: Timestamp) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_waking (branch, due_time) VALUES ($1, $2) \
         ON CONFLICT (branch) DO UPDATE SET due_time = excluded.due_time",
        &[branch.as_bytes().into(), next.as_microsecond().into()],
    )?;
    Ok(())
}

/// Says of every branch that waits at a unit that the next is told by now: what was said by a clock that was ahead does
/// not stand. Those that came last are first, of them the most can still be in time: for each second that it came
/// later, a branch is a microsecond earlier.
pub(crate) fn hasten_all(tx: &mut Tx<'_>, unit: &UnitRef, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_waking (branch, due_time) \
         SELECT branch, CAST($1 AS BIGINT) - CASE WHEN create_time > 0 THEN create_time / 1000000 ELSE 0 END \
         FROM referral_branch WHERE party = $2 AND state IN ($3, $4) AND unit = $5 AND holder = $6 \
         ON CONFLICT (branch) DO UPDATE \
         SET due_time = excluded.due_time WHERE referral_waking.due_time > excluded.due_time",
        &[
            now.as_microsecond().into(),
            unit.party.as_str().into(),
            State::Submitted.to_wire().into(),
            State::Received.to_wire().into(),
            unit.unit.as_str().into(),
            Side::Recipient.to_wire().into(),
        ],
    )?;
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
        note(tx, branch, later)?;
    }
    Ok(due)
}

/// Who was told of a branch, in their order, and when the last of them. Whoever was told by a clock that was ahead
/// counts from now on as told now.
pub(crate) fn told(
    tx: &mut Tx<'_>,
    branch: Uuid,
    now: Timestamp,
) -> Result<(Vec<PersonRef>, Option<Timestamp>), Error> {
    tx.execute(
        "UPDATE referral_notice SET tell_time = $1 WHERE branch = $2 AND tell_time > $1",
        &[now.as_microsecond().into(), branch.as_bytes().into()],
    )?;
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
    tx.execute("DELETE FROM referral_waking WHERE branch = $1", &[branch.as_bytes().into()])?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use nhipcau_messaging::store::Store;

    use super::*;
    use crate::store::SCHEMA;

    const ADD: &str = "INSERT INTO referral_branch (branch, holder, case_uid, referral, group_uid, purpose, origin, \
         party, unit, state, create_time) VALUES ($1, $2, $1, $1, $1, '', '', $3, $4, $5, $6)";

    /// The first byte of each branch that is looked at, and its time.
    fn looked_at(tx: &mut Tx<'_>) -> Vec<(u8, i64)> {
        let sql = "SELECT branch, due_time FROM referral_waking ORDER BY due_time";
        tx.query(sql, &[], |row| Ok((row.array::<16>(0)?[0], row.int(1)?))).unwrap()
    }

    #[test]
    fn a_roster_has_looked_at_what_waits_at_its_unit_the_newest_first_and_never_later_than_before() {
        let mut store = Store::in_memory().unwrap();
        store.add_tables(SCHEMA).unwrap();
        let unit = UnitRef { party: PartyId::new("hanoi").unwrap(), unit: UnitId::new("ward").unwrap() };
        let second = |second| Timestamp::from_second(second).unwrap();
        let (waits, other) = (State::Received.to_wire(), State::Assigned.to_wire());
        let rows = [
            (1, 2, "hanoi", "ward", waits, 10),
            (2, 2, "hanoi", "ward", State::Submitted.to_wire(), 30),
            (3, 2, "hanoi", "ward", waits, 20),
            (4, 2, "hanoi", "ward", other, 40),
            (5, 2, "hanoi", "other", waits, 40),
            (6, 2, "vwu", "ward", waits, 40),
            // A copy for information.
            (7, 2, "hanoi", "", waits, 40),
            (8, 1, "hanoi", "", waits, 40),
        ];
        let tried = store.transaction(|tx| {
            for (branch, holder, party, unit, state, time) in rows {
                let (branch, time) = ([branch; 16], second(time).as_microsecond());
                let holder: i32 = holder;
                let values = [(&branch).into(), holder.into(), party.into(), unit.into(), state.into(), time.into()];
                tx.execute(ADD, &values)?;
            }
            note(tx, Uuid::from_bytes([3; 16]), Timestamp::from_microsecond(1).unwrap())?;
            hasten_all(tx, &unit, second(100))?;
            assert_eq!(looked_at(tx), [(3, 1), (2, 99_999_970), (1, 99_999_990)]);
            for now in [50, 200] {
                hasten_all(tx, &unit, second(now))?;
                assert_eq!(looked_at(tx), [(3, 1), (2, 49_999_970), (1, 49_999_990)], "{now}");
            }
            Ok::<_, Error>(())
        });
        tried.unwrap();
    }
}
