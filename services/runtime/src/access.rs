//! Chains of access records: who was shown what of a person, for whom, when. Each service has a chain of its own and
//! says what a record holds; how records hang together is the same for all.
//!
//! A record is written in the transaction that reads, and callers are answered only after that transaction is on disk.
//! Each names the digest of the one before, so that what was changed, dropped, moved or put in later is found. The
//! head, which is the number and digest of the last record, stands in a row of its own and is written with every
//! record, so that what is cut off at the end is found as well. Whoever rewrites both is found by comparing with a head
//! that was noted elsewhere; nothing inside one store can prove it.

use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::{
    pae,
    store::{Error as StoreError, Tx},
};

/// Records that the verification looks at together.
pub const TOGETHER: u64 = 1_000;

/// A record as it stands in its chain.
pub trait Record {
    /// Type string of the record's digest.
    const TYPE: &'static [u8];

    /// Number and digest of the newest record, as noted beside the records.
    ///
    /// # Errors
    /// The store's.
    fn head(tx: &mut Tx<'_>) -> Result<Option<(u64, pae::Digest)>, StoreError>;

    /// Up to `limit` records after a number, in order.
    ///
    /// # Errors
    /// The store's.
    fn after(tx: &mut Tx<'_>, number: u64, limit: u64) -> Result<Vec<Self>, StoreError>
    where
        Self: Sized;

    /// From 1, without gaps.
    fn number(&self) -> u64;

    /// Digest of the record before.
    fn previous(&self) -> &pae::Digest;

    /// Its own digest as it is stored.
    fn stored(&self) -> &pae::Digest;

    /// Its own digest, reckoned from what it holds.
    fn digest(&self) -> pae::Digest;
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

/// What the next record stands behind. From the head and not from the last record, so that what was cut off before
/// leaves a gap for good.
///
/// # Errors
/// The store's.
pub fn head<R: Record>(access_point: &AccessPointId, tx: &mut Tx<'_>) -> Result<Chain, StoreError> {
    let (records, head) = R::head(tx)?.unwrap_or_else(|| (0, beginning::<R>(access_point)));
    Ok(Chain { records, head })
}

/// Checks every access record of an access point.
///
/// # Errors
/// [`Error::Broken`] with the first record that does not fit.
pub fn verify<R: Record>(access_point: &AccessPointId, tx: &mut Tx<'_>) -> Result<Chain, Error> {
    let mut chain = Chain { records: 0, head: beginning::<R>(access_point) };
    loop {
        let records = R::after(tx, chain.records, TOGETHER)?;
        if records.is_empty() {
            let is_whole = head::<R>(access_point, tx)? == chain;
            return if is_whole { Ok(chain) } else { Err(Error::Broken { record: chain.records + 1 }) };
        }
        for record in records {
            let expected = chain.records + 1;
            let digest = record.digest();
            if record.number() != expected || *record.previous() != chain.head || *record.stored() != digest {
                return Err(Error::Broken { record: expected });
            }
            chain = Chain { records: expected, head: digest };
        }
    }
}

/// What stands before the first record: chains of two access points, or of two kinds, never fit each other.
fn beginning<R: Record>(access_point: &AccessPointId) -> pae::Digest {
    pae::digest_of(&[R::TYPE, access_point.as_str().as_bytes()])
}
