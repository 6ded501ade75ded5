//! Access records of contacts: who was shown one in full, for which person, when. One chain for the access point.
//!
//! A record is written in the transaction that reads the contact, and callers are answered only after that transaction
//! is on disk. How records hang together is [`access`]'s.

use jiff::Timestamp;
use nhipcau_domain::id::{AccessPointId, PartyId, SystemId};
use nhipcau_messaging::{
    pae,
    store::{Error as StoreError, Tx},
};
use nhipcau_runtime::{
    access::{self, Record as _},
    caller::ActingPerson,
};
use uuid::Uuid;

use crate::store::access::{self as store, Record};

/// Who reads content.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) party: PartyId,
    pub(crate) system: SystemId,
    pub(crate) person: ActingPerson,
}

/// Writes a record. What it records may leave only once the transaction is on disk.
pub(crate) fn record(
    reader: &Reader,
    contact: Uuid,
    access_point: &AccessPointId,
    now: Timestamp,
    tx: &mut Tx<'_>,
) -> Result<(), StoreError> {
    let last = access::head::<Record>(access_point, tx)?;
    let mut record = Record {
        number: last.records + 1,
        time: now.as_microsecond(),
        party: reader.party.to_string(),
        system: reader.system.to_string(),
        person: reader.person.as_str().to_owned(),
        contact,
        previous: last.head,
        digest: [0; 32],
    };
    record.digest = record.digest();
    store::insert(tx, &record)
}

/// Checks every access record of an access point.
///
/// # Errors
/// [`access::Error::Broken`] with the first record that does not fit.
pub fn verify(access_point: &AccessPointId, tx: &mut Tx<'_>) -> Result<access::Chain, access::Error> {
    access::verify::<Record>(access_point, tx)
}

impl access::Record for Record {
    const TYPE: &'static [u8] = b"nhipcau/1/contact-access";

    fn head(tx: &mut Tx<'_>) -> Result<Option<(u64, pae::Digest)>, StoreError> {
        store::head(tx)
    }

    fn after(tx: &mut Tx<'_>, number: u64, limit: u64) -> Result<Vec<Self>, StoreError> {
        store::after(tx, number, limit)
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn previous(&self) -> &pae::Digest {
        &self.previous
    }

    fn stored(&self) -> &pae::Digest {
        &self.digest
    }

    fn digest(&self) -> pae::Digest {
        pae::digest_of(&[
            Self::TYPE,
            &self.number.to_le_bytes(),
            &self.time.to_le_bytes(),
            self.party.as_bytes(),
            self.system.as_bytes(),
            self.person.as_bytes(),
            self.contact.as_bytes(),
            &self.previous,
        ])
    }
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
            access::Error::Broken { record } => record,
            access::Error::Store(error) => panic!("{error}"),
        })
    }

    #[test]
    fn a_chain_holds_and_one_that_was_touched_is_found_at_the_place() {
        // More than are looked at together.
        assert_eq!(verified(&mut store(access::TOGETHER + 2), "moh"), Ok(access::TOGETHER + 2));
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
