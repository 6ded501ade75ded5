//! Access records of contacts: who was shown one in full, for which person, when. One chain for the access point.
//!
//! A record is written in the transaction that reads the contact, and callers are answered only after that transaction
//! is on disk. Each names the digest of the one before, and the head stands in a row of its own, so that what is
//! changed, dropped, moved or cut off is found. Whoever rewrites both is found by comparing with a noted head alone.

use jiff::Timestamp;
use nhipcau_domain::id::{AccessPointId, PartyId, SystemId};
use nhipcau_messaging::{
    pae,
    store::{Error as StoreError, Tx},
};
use nhipcau_runtime::caller::ActingPerson;
use uuid::Uuid;

use crate::store::access::{self, Record};

/// Type string of a record's digest.
const RECORD: &[u8] = b"nhipcau/1/contact-access";

/// Records that the verification looks at together.
const TOGETHER: u64 = 1_000;

/// Who reads content.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) party: PartyId,
    pub(crate) system: SystemId,
    pub(crate) person: ActingPerson,
}

/// A chain that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// How many records there are.
    pub records: u64,
    /// Digest of the last; together with the number it stands for all of them.
    pub head: pae::Digest,
}

/// Why a chain of access records does not hold.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record is missing, was put in, was changed or stands elsewhere.
    #[error("the chain of access records is broken at record {record}")]
    Broken {
        /// The first record that does not fit; the one after the last where the head stands for more or others.
        record: u64,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// Writes a record. What it records may leave only once the transaction is on disk.
pub(crate) fn record(
    reader: &Reader,
    contact: Uuid,
    access_point: &AccessPointId,
    now: Timestamp,
    tx: &mut Tx<'_>,
) -> Result<(), StoreError> {
    // From the head and not from the last record, so that what was cut off before leaves a gap for good.
    let (number, previous) = access::head(tx)?.unwrap_or_else(|| (0, beginning(access_point)));
    let mut record = Record {
        number: number + 1,
        time: now.as_microsecond(),
        party: reader.party.to_string(),
        system: reader.system.to_string(),
        person: reader.person.as_str().to_owned(),
        contact,
        previous,
        digest: [0; 32],
    };
    record.digest = digest(&record);
    access::insert(tx, &record)
}

/// Checks every access record of an access point.
///
/// # Errors
/// [`Error::Broken`] with the first record that does not fit.
pub fn verify(access_point: &AccessPointId, tx: &mut Tx<'_>) -> Result<Chain, Error> {
    let mut chain = Chain { records: 0, head: beginning(access_point) };
    loop {
        let records = access::after(tx, chain.records, TOGETHER)?;
        if records.is_empty() {
            let head = access::head(tx)?.unwrap_or_else(|| (0, beginning(access_point)));
            let is_whole = head == (chain.records, chain.head);
            return if is_whole { Ok(chain) } else { Err(Error::Broken { record: chain.records + 1 }) };
        }
        for record in records {
            let expected = chain.records + 1;
            if record.number != expected || record.previous != chain.head || record.digest != digest(&record) {
                return Err(Error::Broken { record: expected });
            }
            chain = Chain { records: expected, head: record.digest };
        }
    }
}

/// What stands before the first record: chains of two access points never fit each other.
fn beginning(access_point: &AccessPointId) -> pae::Digest {
    pae::digest_of(&[RECORD, access_point.as_str().as_bytes()])
}

fn digest(record: &Record) -> pae::Digest {
    pae::digest_of(&[
        RECORD,
        &record.number.to_le_bytes(),
        &record.time.to_le_bytes(),
        record.party.as_bytes(),
        record.system.as_bytes(),
        record.person.as_bytes(),
        record.contact.as_bytes(),
        &record.previous,
    ])
}

#[cfg(test)]
mod tests {
    use nhipcau_messaging::store::Store;

    use super::*;
    use crate::store::SCHEMA;

    fn point(name: &str) -> AccessPointId {
        AccessPointId::new(name).unwrap()
    }

    fn store(records: u64) -> Store {
        let mut store = Store::scratch().unwrap();
        store.add_tables(SCHEMA).unwrap();
        let reader = Reader {
            party: PartyId::new("moh").unwrap(),
            system: SystemId::new("hotline").unwrap(),
            person: ActingPerson::new("tv-3").unwrap(),
        };
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let add = |tx: &mut Tx<'_>| {
            (0..records).try_for_each(|_| record(&reader, Uuid::from_u128(7), &point("moh"), now, tx))
        };
        store.transaction(add).unwrap();
        store
    }

    fn verified(store: &mut Store, name: &str) -> Result<u64, u64> {
        let chain = store.transaction(|tx| verify(&point(name), tx));
        chain.map(|chain| chain.records).map_err(|error| match error {
            Error::Broken { record } => record,
            Error::Store(error) => panic!("{error}"),
        })
    }

    #[test]
    fn a_chain_holds_and_one_that_was_touched_is_found_at_the_place() {
        // More than are looked at together.
        assert_eq!(verified(&mut store(TOGETHER + 2), "moh"), Ok(TOGETHER + 2));
        assert_eq!(verified(&mut store(2), "hanoi"), Err(1), "the chain of another access point");
        for (sql, place) in [
            ("UPDATE switchboard_access SET person = 'tv-4' WHERE number = 3", 3),
            ("UPDATE switchboard_access SET contact = zeroblob(16) WHERE number = 4", 4),
            ("DELETE FROM switchboard_access WHERE number = 1", 1),
            ("DELETE FROM switchboard_access WHERE number = 5", 5),
            ("DELETE FROM switchboard_access_head", 6),
        ] {
            let mut store = store(5);
            store.transaction(|tx| tx.execute(sql, &[])).unwrap();
            assert_eq!(verified(&mut store, "moh"), Err(place), "{sql}");
        }
    }
}
