//! Legal holds. Rows are never deleted; that one was ordered or released is proven by the access records.

use jiff::Timestamp;
use nhipcau_domain::{
    id::PartyId,
    referral::{CITATION, Refusal, Text, write_time},
};
use nhipcau_messaging::store::{Error, Tx};
use nhipcau_proto::referral::v1 as pb;
use uuid::Uuid;

/// A hold as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    /// The source that it names.
    pub(crate) citation: String,
    /// The request that ordered it.
    pub(crate) request_id: String,
    /// The request that released it; empty while it lasts.
    pub(crate) release_id: String,
}

/// Who orders or releases.
pub(crate) struct By<'b> {
    pub(crate) party: &'b PartyId,
    pub(crate) system: &'b str,
    pub(crate) person: &'b str,
    pub(crate) request_id: &'b str,
}

/// Whether there is any hold at all, as this transaction has read it: mostly there is none.
#[derive(Default)]
struct Any(Option<bool>);

fn is_any(tx: &mut Tx<'_>) -> Result<bool, Error> {
    if let Any(Some(known)) = tx.memory() {
        return Ok(*known);
    }
    let sql = "SELECT 1 FROM referral_hold WHERE release_time IS NULL LIMIT 1";
    let found = tx.query_one(sql, &[], |row| row.int(0))?.is_some();
    *tx.memory() = Any(Some(found));
    Ok(found)
}

/// The sources of the holds that a party has on a case.
pub(crate) fn of(tx: &mut Tx<'_>, party: &PartyId, case: Uuid) -> Result<Vec<Text>, Error> {
    if !is_any(tx)? {
        return Ok(Vec::new());
    }
    let read = |text: &str| Text::read(text, CITATION, "citation", &mut Refusal::default());
    let found = tx.query(
        "SELECT citation FROM referral_hold WHERE case_uid = $1 AND party = $2 AND release_time IS NULL \
         ORDER BY hold_time, order_reference",
        &[case.as_bytes().into(), party.as_str().into()],
        // Whatever it names, it binds: one that cannot be shown stops nothing and is not left out.
        |row| Ok(read(&row.text(0)?).or_else(|| read("?"))),
    )?;
    Ok(found.into_iter().flatten().collect())
}

/// The holds of a party on a case that last, as they are handed over with it.
pub(crate) fn lasting(tx: &mut Tx<'_>, party: &PartyId, case: Uuid) -> Result<Vec<pb::HandedHold>, Error> {
    if !is_any(tx)? {
        return Ok(Vec::new());
    }
    tx.query(
        "SELECT order_reference, citation, hold_time, person FROM referral_hold \
         WHERE case_uid = $1 AND party = $2 AND release_time IS NULL ORDER BY hold_time, order_reference",
        &[case.as_bytes().into(), party.as_str().into()],
        |row| {
            let time = Timestamp::from_microsecond(row.int(2)?).map_err(|_| Error::Corrupt("the time of a hold"))?;
            Ok(pb::HandedHold {
                order_reference: row.text(0)?,
                citation: row.text(1)?,
                hold_time: Some(write_time(time)),
                person: row.text(3)?,
            })
        },
    )
}

/// Whether anybody here has a hold on a case.
pub(crate) fn is_held(tx: &mut Tx<'_>, case: Uuid) -> Result<bool, Error> {
    if !is_any(tx)? {
        return Ok(false);
    }
    let sql = "SELECT 1 FROM referral_hold WHERE case_uid = $1 AND release_time IS NULL LIMIT 1";
    Ok(tx.query_one(sql, &[case.as_bytes().into()], |row| row.int(0))?.is_some())
}

/// The hold that a party ordered with a reference, whether or not it lasts.
pub(crate) fn find(tx: &mut Tx<'_>, party: &PartyId, case: Uuid, reference: &str) -> Result<Option<Hold>, Error> {
    tx.query_one(
        "SELECT citation, request_id, release_request_id FROM referral_hold \
         WHERE case_uid = $1 AND party = $2 AND order_reference = $3",
        &[case.as_bytes().into(), party.as_str().into(), reference.into()],
        |row| Ok(Hold { citation: row.text(0)?, request_id: row.text(1)?, release_id: row.text(2)? }),
    )
}

/// Adds a hold.
pub(crate) fn add(
    tx: &mut Tx<'_>,
    by: &By<'_>,
    case: Uuid,
    (reference, citation): (&str, &str),
    now: Timestamp,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_hold (case_uid, party, order_reference, citation, hold_time, system, person, request_id, \
         release_system, release_person, release_request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', '')",
        &[
            case.as_bytes().into(),
            by.party.as_str().into(),
            reference.into(),
            citation.into(),
            now.as_microsecond().into(),
            by.system.into(),
            by.person.into(),
            by.request_id.into(),
        ],
    )?;
    *tx.memory() = Any(Some(true));
    Ok(())
}

/// Notes that a hold was released.
pub(crate) fn release(tx: &mut Tx<'_>, by: &By<'_>, case: Uuid, reference: &str, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE referral_hold SET release_time = $1, release_system = $2, release_person = $3, \
         release_request_id = $4 WHERE case_uid = $5 AND party = $6 AND order_reference = $7",
        &[
            now.as_microsecond().into(),
            by.system.into(),
            by.person.into(),
            by.request_id.into(),
            case.as_bytes().into(),
            by.party.as_str().into(),
            reference.into(),
        ],
    )?;
    *tx.memory() = Any(None);
    Ok(())
}
