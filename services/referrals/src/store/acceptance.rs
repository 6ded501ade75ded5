//! Acceptances by which a recipient is counted. No decisions; whoever calls holds the transaction.
//!
//! Written only where an agreement sets a limit, so that whoever agreed to none pays nothing, and with the event that
//! is counted, so that a store that was put back holds both or neither.

use std::num::NonZeroU32;

use jiff::Timestamp;
use nhipcau_domain::{
    id::{PartyId, Purpose},
    referral::Side,
};
use nhipcau_messaging::store::{Error, Tx, Value};

use super::branch::Known;

/// How many there are, as far as it matters: whoever accepts in bulk makes the counting no longer.
const COUNTED: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM referral_acceptance WHERE origin = $1 AND recipient = $2 \
     AND purpose = $3 AND kind = $4 AND accept_time > $5 LIMIT $6) AS counted";

/// Adds an acceptance of a branch, and says how many of that kind its recipient's party has made since a time, this one
/// included, counted to two more than the limit. Earlier ones are forgotten.
pub(crate) fn add(
    tx: &mut Tx<'_>,
    known: &Known,
    now: Timestamp,
    since: Timestamp,
    limit: NonZeroU32,
) -> Result<u64, Error> {
    let [origin, recipient]: [&PartyId; 2] = Side::ALL.map(|side| &known.branch.unit(side).party);
    let (purpose, since): (&Purpose, i64) = (&known.purpose, since.as_microsecond());
    let kind = known.branch.opening().kind.to_wire();
    let of_party: [Value<'_>; 6] = [
        origin.as_str().into(),
        recipient.as_str().into(),
        purpose.as_str().into(),
        kind.into(),
        since.into(),
        (u64::from(limit.get()) + 2).into(),
    ];
    let [before @ .., _] = &of_party;
    tx.execute(
        "DELETE FROM referral_acceptance \
         WHERE origin = $1 AND recipient = $2 AND purpose = $3 AND kind = $4 AND accept_time <= $5",
        before,
    )?;
    tx.execute(
        "INSERT INTO referral_acceptance (origin, recipient, purpose, kind, accept_time, branch) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (origin, recipient, purpose, kind, accept_time, branch) DO NOTHING",
        &[
            origin.as_str().into(),
            recipient.as_str().into(),
            purpose.as_str().into(),
            kind.into(),
            now.as_microsecond().into(),
            known.held.branch.as_bytes().into(),
        ],
    )?;
    Ok(tx.query_one(COUNTED, &of_party, |row| row.number(0))?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use nhipcau_messaging::store::Store;

    use super::*;
    use crate::store::SCHEMA;

    #[test]
    fn acceptances_are_counted_by_their_key() {
        let mut store = Store::in_memory().unwrap();
        store.add_tables(SCHEMA).unwrap();
        let explained: &'static str = format!("EXPLAIN QUERY PLAN {COUNTED}").leak();
        let values: Vec<Value<'_>> = (0..6).map(|_| Value::Int(1)).collect();
        let plan = store.transaction(|tx| tx.query(explained, &values, |row| row.text(3))).unwrap().join("; ");
        assert!(plan.contains("(origin=? AND recipient=? AND purpose=? AND kind=? AND accept_time>?)"), "{plan}");
    }
}
