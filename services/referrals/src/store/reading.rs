//! The SQL of reading: which branches a party finds, what changed in which order, and who was shown content. No
//! decisions; whoever calls holds the transaction.
//!
//! [`changed`] belongs into every transaction that stores an event, once for each party whose copy of the branch took
//! it; what lists and streams show follows from nothing else.

use nhipcau_domain::{
    id::PartyId,
    referral::{Branch, Kind, Side},
};
use nhipcau_messaging::{
    pae,
    store::{Error, Row, Tx, Value},
};
use uuid::Uuid;

use super::due;

/// Type string of the digest that a change has.
const CHANGE: &[u8] = b"nhipcau/1/referral-change";

const FIRST_HEARD: &str = "SELECT create_time FROM referral_branch WHERE referral = $1 AND party = $2 LIMIT 1";
const HELD: &str =
    "SELECT branch, holder FROM referral_branch WHERE referral = $1 AND party = $2 ORDER BY branch, holder";
const COUNTED: &str = "SELECT COUNT(*) FROM referral_branch WHERE referral = $1 AND party = $2 AND holder = $3";

/// Notes that a branch changed as one side of it holds it, for the party of that side.
pub(crate) fn changed(tx: &mut Tx<'_>, side: Side, branch: &Branch) -> Result<(), Error> {
    let party = &branch.unit(side).party;
    place(tx, side, branch)?;
    let (number, mark) = last_change(tx, party)?;
    let ids = branch.ids();
    let mut pieces: Vec<&[u8]> = vec![CHANGE, &mark, ids.branch.as_bytes()];
    let heads = Side::ALL.map(|side| branch.log(side).head());
    pieces.extend(heads.iter().flatten().map(|head| head.digest.as_bytes().as_slice()));
    let [origin, recipient] = heads.map(|head| head.map_or(0, |head| head.ordinal));
    tx.execute(
        "INSERT INTO referral_change (party, number, branch, side, origin, recipient, mark) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            party.as_str().into(),
            (number + 1).into(),
            ids.branch.as_bytes().into(),
            side.to_wire().into(),
            origin.into(),
            recipient.into(),
            (&pae::digest_of(&pieces)).into(),
        ],
    )?;
    Ok(())
}

/// Where the party of a side finds a branch that is new to it.
#[derive(Debug, Default)]
pub(super) struct Place<'b> {
    pub(super) party: &'b str,
    /// Of the recipient, at which something is asked of people; else empty.
    pub(super) unit: &'b str,
    pub(super) state: i32,
    /// When the party first heard of the referral.
    pub(super) create_time: i64,
}

/// Where the party of a side finds a branch that is new to it.
pub(super) fn place_of<'b>(tx: &mut Tx<'_>, side: Side, branch: &'b Branch) -> Result<Place<'b>, Error> {
    let party = branch.unit(side).party.as_str();
    let asks = side == Side::Recipient && branch.opening().kind != Kind::Notification;
    let unit = if asks { branch.unit(side).unit.as_str() } else { "" };
    let referral = branch.ids().referral;
    let of_party: [Value<'_>; 2] = [referral.as_bytes().into(), party.into()];
    let heard = tx.query_one(FIRST_HEARD, &of_party, |row| row.int(0))?;
    let time = heard.unwrap_or_else(|| branch.opening_time().as_microsecond());
    Ok(Place { party, unit, state: branch.view().state.to_wire(), create_time: time })
}

/// Notes the state of a branch and when it is due. One whose opening was missing is put where its party finds it.
fn place(tx: &mut Tx<'_>, side: Side, branch: &Branch) -> Result<(), Error> {
    let (uid, holder, due) = (branch.ids().branch, side.to_wire(), due::of(side, branch));
    let state: [Value<'_>; 4] =
        [branch.view().state.to_wire().into(), due.into(), uid.as_bytes().into(), holder.into()];
    let sql = "UPDATE referral_branch SET state = $1, due_time = $2 WHERE branch = $3 AND holder = $4 AND state > 0";
    if tx.execute(sql, &state)? > 0 {
        return Ok(());
    }
    let Place { party, unit, state, create_time } = place_of(tx, side, branch)?;
    tx.execute(
        "UPDATE referral_branch SET party = $1, unit = $2, state = $3, create_time = $4, due_time = $5 \
         WHERE branch = $6 AND holder = $7",
        &[
            party.into(),
            unit.into(),
            state.into(),
            create_time.into(),
            due.into(),
            uid.as_bytes().into(),
            holder.into(),
        ],
    )?;
    Ok(())
}

/// A branch as one side of it holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    /// The branch.
    pub(crate) branch: Uuid,
    /// Which side the party has in it.
    pub(crate) side: Side,
}

impl Held {
    /// A branch and its side, from the column on.
    pub(super) fn read(row: &Row<'_>, column: usize) -> Result<Self, Error> {
        let side = row.int(column + 1)?;
        let side = Side::ALL.into_iter().find(|known| i64::from(known.to_wire()) == side);
        Ok(Self {
            branch: Uuid::from_bytes(row.array(column)?),
            side: side.ok_or(Error::Corrupt("a side that does not exist"))?,
        })
    }
}

/// The branches of a referral that a party may see, none when there is no such referral or it is not the party's: the
/// same statement finds out both.
pub(crate) fn held(tx: &mut Tx<'_>, party: &PartyId, referral: Uuid) -> Result<Vec<Held>, Error> {
    tx.query(HELD, &[referral.as_bytes().into(), party.as_str().into()], |row| Held::read(row, 0))
}

/// How many branches of a referral a party has on a side.
pub(crate) fn branches(tx: &mut Tx<'_>, party: &PartyId, referral: Uuid, side: Side) -> Result<u64, Error> {
    let of_side: [Value<'_>; 3] = [referral.as_bytes().into(), party.as_str().into(), side.to_wire().into()];
    let counted = tx.query_one(COUNTED, &of_side, |row| row.number(0))?;
    Ok(counted.unwrap_or(0))
}

/// A place in the list of a party's referrals, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listed {
    pub(crate) create_time: i64,
    pub(crate) referral: Uuid,
}

impl Listed {
    /// Before the newest.
    pub(crate) const START: Self = Self { create_time: i64::MAX, referral: Uuid::max() };
}

/// Which referrals are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search<'s> {
    pub(crate) party: &'s PartyId,
    /// Only those in which the party has this side.
    pub(crate) side: Option<Side>,
    /// Only those of this case.
    pub(crate) case: Option<Uuid>,
    /// Only those with a branch in this state, by the contract's number.
    pub(crate) state: Option<i32>,
}

/// The next referrals after a place, newest first, each once.
pub(crate) fn after(tx: &mut Tx<'_>, search: Search<'_>, from: Listed, limit: usize) -> Result<Vec<Listed>, Error> {
    let (first, last) = search.side.map_or((0, i32::MAX), |side| (side.to_wire(), side.to_wire()));
    let mut values: Vec<Value<'_>> = vec![
        search.party.as_str().into(),
        from.create_time.into(),
        from.referral.as_bytes().into(),
        first.into(),
        last.into(),
    ];
    values.extend(search.case.as_ref().map(|case| Value::from(case.as_bytes())));
    values.extend(search.state.map(Value::from));
    values.push((limit as u64).into());
    let sql = search_for(search.case.is_some(), search.state.is_some());
    tx.query(sql, &values, |row| Ok(Listed { create_time: row.int(0)?, referral: Uuid::from_bytes(row.array(1)?) }))
}

/// A statement for each way to look, so that each has its index. The sign keeps SQLite from going by the state where a
/// case leaves far less.
const fn search_for(case: bool, state: bool) -> &'static str {
    match (case, state) {
        (false, false) => {
            "SELECT DISTINCT create_time, referral FROM referral_branch \
             WHERE party = $1 AND (create_time, referral) < ($2, $3) AND holder BETWEEN $4 AND $5 \
             ORDER BY create_time DESC, referral DESC LIMIT $6"
        }
        (false, true) => {
            "SELECT DISTINCT create_time, referral FROM referral_branch \
             WHERE party = $1 AND (create_time, referral) < ($2, $3) AND holder BETWEEN $4 AND $5 AND state = $6 \
             ORDER BY create_time DESC, referral DESC LIMIT $7"
        }
        (true, false) => {
            "SELECT DISTINCT create_time, referral FROM referral_branch \
             WHERE party = $1 AND (create_time, referral) < ($2, $3) AND holder BETWEEN $4 AND $5 AND case_uid = $6 \
             ORDER BY create_time DESC, referral DESC LIMIT $7"
        }
        (true, true) => {
            "SELECT DISTINCT create_time, referral FROM referral_branch \
             WHERE party = $1 AND (create_time, referral) < ($2, $3) AND holder BETWEEN $4 AND $5 AND case_uid = $6 \
             AND +state = $7 ORDER BY create_time DESC, referral DESC LIMIT $8"
        }
    }
}

/// A change of a branch, in the order in which a party's were stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) number: u64,
    pub(crate) held: Held,
    /// Events of each log that were there after it.
    pub(crate) origin: u64,
    pub(crate) recipient: u64,
    pub(crate) mark: Mark,
}

/// Digest of a party's changes up to one.
pub(crate) type Mark = [u8; 32];

/// The number and mark of a party's newest change; 0 and zeros when there is none.
pub(crate) fn last_change(tx: &mut Tx<'_>, party: &PartyId) -> Result<(u64, Mark), Error> {
    let last = tx.query_one(
        "SELECT number, mark FROM referral_change WHERE party = $1 ORDER BY number DESC LIMIT 1",
        &[party.as_str().into()],
        |row| Ok((row.number(0)?, row.array(1)?)),
    )?;
    Ok(last.unwrap_or_default())
}

/// The mark of a change; `None` when there is no such change.
pub(crate) fn mark(tx: &mut Tx<'_>, party: &PartyId, number: u64) -> Result<Option<Mark>, Error> {
    tx.query_one(
        "SELECT mark FROM referral_change WHERE party = $1 AND number = $2",
        &[party.as_str().into(), number.into()],
        |row| row.array(0),
    )
}

/// The next changes after a number.
pub(crate) fn changes_after(tx: &mut Tx<'_>, party: &PartyId, number: u64, limit: u64) -> Result<Vec<Change>, Error> {
    tx.query(
        "SELECT number, branch, side, origin, recipient, mark FROM referral_change \
         WHERE party = $1 AND number > $2 ORDER BY number LIMIT $3",
        &[party.as_str().into(), number.into(), limit.into()],
        |row| {
            Ok(Change {
                number: row.number(0)?,
                held: Held::read(row, 1)?,
                origin: row.number(3)?,
                recipient: row.number(4)?,
                mark: row.array(5)?,
            })
        },
    )
}

impl Change {
    /// The branch as it was after this change; `None` when its logs are shorter.
    pub(crate) fn cut(&self, branch: &Branch) -> Option<Branch> {
        let [origin, recipient] = [(Side::Origin, self.origin), (Side::Recipient, self.recipient)]
            .map(|(side, count)| branch.log(side).prefix(count).to_vec());
        let is_whole = origin.len() as u64 == self.origin && recipient.len() as u64 == self.recipient;
        if !is_whole {
            return None;
        }
        Some(Branch::restore(origin, recipient).ok()?.known_like(branch))
    }
}

#[cfg(test)]
mod tests {
    use nhipcau_messaging::store::Store;

    use super::*;
    use crate::store::SCHEMA;

    /// How SQLite goes about a statement.
    fn plan(sql: &str) -> String {
        let mut store = Store::in_memory().unwrap();
        store.add_tables(SCHEMA).unwrap();
        let explained: &'static str = format!("EXPLAIN QUERY PLAN {sql}").leak();
        let values: Vec<Value<'_>> = sql.matches('$').map(|_| Value::Int(1)).collect();
        store.transaction(|tx| tx.query(explained, &values, |row| row.text(3))).unwrap().join("; ")
    }

    #[test]
    fn what_happens_with_every_event_does_not_take_longer_the_more_there_is() {
        for sql in [FIRST_HEARD, HELD, COUNTED] {
            let plan = plan(sql);
            assert!(plan.contains("referral_branch_referral (referral=? AND party=?)"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }

    #[test]
    fn what_is_due_is_found_without_looking_at_what_is_not() {
        let plan = plan(due::FIRST);
        assert!(plan.contains("INDEX referral_branch_due (due_time<?)") && !plan.contains("TEMP B-TREE"), "{plan}");
    }

    #[test]
    fn every_way_to_look_for_referrals_has_its_index() {
        for (case, state, expected) in [
            (false, false, "referral_branch_order (party=? AND (create_time,referral)<(?,?))"),
            (false, true, "referral_branch_state (party=? AND state=? AND (create_time,referral)<(?,?))"),
            (true, false, "referral_branch_case (case_uid=? AND party=? AND (create_time,referral)<(?,?))"),
            (true, true, "referral_branch_case (case_uid=? AND party=? AND (create_time,referral)<(?,?))"),
        ] {
            let plan = plan(search_for(case, state));
            assert!(plan.contains(expected) && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
