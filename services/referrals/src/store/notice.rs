//! The SQL of waking: which branches wait for a person at a unit with a roster, and who was told of each. No decisions;
//! whoever calls holds the transaction.

use jiff::Timestamp;
use nhipcau_domain::referral::{Side, State, UnitRef};
use nhipcau_messaging::store::{Error, Tx};
use nhipcau_runtime::{book, waking::Book};

/// Who was told of which branch. A notice counts while its branch waits here for a person: side and states
/// are those of this module, which a test holds.
pub static BOOK: Book = book!(
    b"nhipcau/1/notice",
    "referral_waking",
    "referral_notice",
    "branch",
    "EXISTS (SELECT 1 FROM referral_branch b WHERE b.branch = n.branch AND b.holder = 2 AND b.state IN (1, 2))"
);

/// In which a branch waits for a person.
const WAITING: [State; 2] = [State::Submitted, State::Received];

/// Whether a branch in this state waits for a person.
pub(crate) fn waits(state: State) -> bool {
    WAITING.contains(&state)
}

/// Earlier than any time of a clock: what is new comes before whatever else waits, in the order in which it came.
pub(crate) fn new_at(now: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(now.as_second().max(0)).unwrap_or(Timestamp::UNIX_EPOCH)
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

#[cfg(test)]
mod tests {
    use nhipcau_domain::id::{PartyId, UnitId};
    use nhipcau_messaging::store::Store;
    use uuid::Uuid;

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
    fn a_notice_counts_while_its_branch_waits_and_no_longer() {
        let numbers = format!("b.holder = {} AND b.state IN (1, 2))", Side::Recipient.to_wire());
        assert!(BOOK.unsent.contains(&numbers) && WAITING.map(State::to_wire) == [1, 2]);
    }

    #[test]
    fn what_is_new_comes_before_all_that_waits_in_the_order_in_which_it_came() {
        let seconds = [-1, 0, 1_800_000_000, 1_800_000_001, i64::MAX / 1_000_000_000]
            .map(|it| Timestamp::from_second(it).unwrap());
        assert!(seconds.windows(2).all(|pair| new_at(pair[0]) <= new_at(pair[1])));
        assert!(
            new_at(seconds[2]) < new_at(seconds[3]) && new_at(seconds[4]) < Timestamp::from_second(100_000).unwrap()
        );
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
            BOOK.note(tx, Uuid::from_bytes([3; 16]), Timestamp::from_microsecond(1).unwrap())?;
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
