//! Access records: who was shown what content, for which person, when, and who ordered or released a legal hold. One
//! chain for the whole access point.
//!
//! No content leaves without a record: one is written in the transaction that reads the content, and callers are
//! answered only after that transaction is on disk. How records hang together is [`access`]'s.

use jiff::Timestamp;
use nhipcau_domain::{
    id::{AccessPointId, PartyId, SystemId},
    referral::{Part, PartSet},
};
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

/// An access to content that is about to be given, or a legal hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access<'a> {
    /// Party of the reader.
    pub(crate) party: &'a PartyId,
    /// Its calling system.
    pub(crate) system: &'a SystemId,
    /// The person for whom it reads.
    pub(crate) person: &'a ActingPerson,
    /// Party of the origin.
    pub(crate) origin: &'a PartyId,
    /// The referral.
    pub(crate) referral: Uuid,
    /// What happens.
    pub(crate) what: What,
}

/// What an access record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// These parts are shown; of one branch, where it was asked for.
    Shown { parts: PartSet, branch: Option<Uuid> },
    /// A legal hold on the case is ordered.
    Held,
    /// A legal hold on the case is released.
    Released,
}

/// Writes a record. What it records may leave only once the transaction is on disk.
pub(crate) fn record(
    access: Access<'_>,
    access_point: &AccessPointId,
    now: Timestamp,
    tx: &mut Tx<'_>,
) -> Result<(), StoreError> {
    let last = access::head::<Record>(access_point, tx)?;
    let mut record = Record {
        number: last.records + 1,
        time: now.as_microsecond(),
        party: access.party.to_string(),
        system: access.system.to_string(),
        person: access.person.as_str().to_owned(),
        origin: access.origin.to_string(),
        referral: access.referral,
        parts: access.what.text(),
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
    const TYPE: &'static [u8] = b"nhipcau/1/referral-access";

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
            self.origin.as_bytes(),
            self.referral.as_bytes(),
            self.parts.as_bytes(),
            &self.previous,
        ])
    }
}

impl What {
    /// As it stands in the record.
    fn text(self) -> String {
        let numbers = |parts: PartSet| parts.iter().map(|part: Part| part.to_wire().to_string()).collect::<Vec<_>>();
        match self {
            Self::Shown { parts, branch: None } => numbers(parts).join(","),
            Self::Shown { parts, branch: Some(branch) } => format!("{}@{branch}", numbers(parts).join(",")),
            Self::Held => "hold".to_owned(),
            Self::Released => "release".to_owned(),
        }
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
        add(&mut store, records);
        store
    }

    fn add(store: &mut Store, records: u64) {
        let party = PartyId::new("vwu").unwrap();
        let access = Access {
            party: &party,
            system: &SystemId::new("desk").unwrap(),
            person: &ActingPerson::new("cb-17").unwrap(),
            origin: &PartyId::new("hanoi").unwrap(),
            referral: Uuid::from_u128(7),
            what: What::Shown { parts: PartSet::of(&[Part::Identity, Part::Preview]), branch: None },
        };
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        store.transaction(|tx| (0..records).try_for_each(|_| record(access, &point("vwu"), now, tx))).unwrap();
    }

    fn verified(store: &mut Store) -> Result<access::Chain, u64> {
        store.transaction(|tx| verify(&point("vwu"), tx)).map_err(|error| match error {
            access::Error::Broken { record } => record,
            access::Error::Store(error) => panic!("{error}"),
        })
    }

    #[test]
    fn a_chain_grows_and_holds() {
        let mut store = store(0);
        let empty = verified(&mut store).unwrap();
        assert_eq!(empty.records, 0);
        // More than are looked at together.
        add(&mut store, access::TOGETHER + 2);
        let chain = verified(&mut store).unwrap();
        assert_eq!(chain.records, access::TOGETHER + 2);
        assert_ne!(chain.head, empty.head);
    }

    #[test]
    fn the_digest_is_the_documented_one() {
        // Computed from the formula in docs/referrals.md by other means.
        let head = "759e2fcd2e0c590515c134636806422db143391c5d22cb27869e538eb686381c";
        assert_eq!(hex::encode(verified(&mut store(2)).unwrap().head), head);
    }

    #[test]
    fn a_chain_that_was_touched_is_found_at_the_place() {
        for (sql, place) in [
            ("UPDATE referral_access SET person = 'cb-18' WHERE number = 3", 3),
            ("UPDATE referral_access SET access_time = access_time + 1 WHERE number = 1", 1),
            ("UPDATE referral_access SET parts = '' WHERE number = 2", 2),
            ("UPDATE referral_access SET referral = zeroblob(16) WHERE number = 4", 4),
            ("UPDATE referral_access SET digest = zeroblob(32) WHERE number = 5", 5),
            ("DELETE FROM referral_access WHERE number = 1", 1),
            ("DELETE FROM referral_access WHERE number = 3", 3),
            ("UPDATE referral_access SET number = 9 WHERE number = 4", 4),
            ("DELETE FROM referral_access WHERE number = 5", 5),
            ("DELETE FROM referral_access", 1),
            ("DELETE FROM referral_access_head", 6),
            ("UPDATE referral_access_head SET number = 4", 6),
            ("UPDATE referral_access_head SET digest = zeroblob(32)", 6),
        ] {
            let mut store = store(5);
            assert!(verified(&mut store).is_ok());
            store.transaction(|tx| tx.execute(sql, &[])).unwrap();
            assert_eq!(verified(&mut store), Err(place), "{sql}");
        }
    }

    #[test]
    fn the_chain_of_another_access_point_does_not_fit() {
        let mut store = store(2);
        let other = store.transaction(|tx| verify(&point("hanoi"), tx));
        assert!(matches!(other, Err(access::Error::Broken { record: 1 })));
    }

    #[test]
    fn what_was_cut_off_still_shows_after_further_records() {
        let mut store = store(3);
        store.transaction(|tx| tx.execute("DELETE FROM referral_access WHERE number = 3", &[])).unwrap();
        add(&mut store, 2);
        assert_eq!(verified(&mut store), Err(3));
    }

    #[test]
    fn who_cuts_off_and_rewrites_the_head_shows_against_a_noted_one_only() {
        let mut store = store(3);
        let noted = verified(&mut store).unwrap();
        store.transaction(|tx| tx.execute("DELETE FROM referral_access WHERE number = 3", &[])).unwrap();
        let rewrite = "UPDATE referral_access_head SET number = 2, \
            digest = (SELECT digest FROM referral_access WHERE number = 2)";
        store.transaction(|tx| tx.execute(rewrite, &[])).unwrap();
        assert_ne!(verified(&mut store).unwrap(), noted);
    }
}
