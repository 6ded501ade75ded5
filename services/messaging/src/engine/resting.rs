//! Bodies at rest: what is stored of a case, by messaging or by a service, lies under the key of the case.

use std::collections::HashMap;

use prost::Message;

use super::{Engine, Error, sealing::Drafted};
use crate::{
    Entropy,
    crypto::{KeyError, rest::RestKey},
    envelope::wire,
    keys::KeyEncryptionKey,
    message::{Correlation, MessageId},
    store::{
        self, Tx, blob, outbox,
        retention::{self, Received},
    },
};

/// The case key of what belongs to no case.
const NO_CASE: Correlation = [0; 16];

/// Case keys brought under the newest key-encryption key at a time.
const REWRAPPED: u64 = 64;

/// Why a body could not be put to rest.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] store::Error),
    /// The key-encryption key is missing or a wrapped key does not open.
    #[error("the case key cannot be used")]
    Key(#[from] KeyError),
}

/// The case keys of an access point: in the store, wrapped by key-encryption keys that are not.
///
/// Nothing is remembered beyond the transaction: a row that brought a key may still be undone, and a body under a key
/// that no row holds is lost.
pub struct CaseKeys {
    kek: Vec<KeyEncryptionKey>,
}

impl CaseKeys {
    pub(crate) fn new(kek: Vec<KeyEncryptionKey>) -> Self {
        Self { kek }
    }

    /// Encrypts the body of a table's row under the key of its case, which is made when it does not exist.
    ///
    /// # Errors
    /// [`RestError`]: the work must fail.
    pub fn rest(
        &self,
        case: Option<&Correlation>,
        table: &'static str,
        row: &[u8],
        body: &[u8],
        entropy: &mut dyn Entropy,
        tx: &mut Tx<'_>,
    ) -> Result<Vec<u8>, RestError> {
        let case = case.unwrap_or(&NO_CASE);
        let key = match self.find(case, tx) {
            Ok(Some(key)) => key,
            Ok(None) => self.make(case, entropy, tx)?,
            Err(RestError::Key(_)) if *case == NO_CASE => {
                // Its key-encryption key is gone and with it what lay under the key; what belongs to no case goes on.
                destroy(case, tx)?;
                self.make(case, entropy, tx)?
            }
            Err(error) => return Err(error),
        };
        Ok(key.seal(table, row, body, entropy)?)
    }

    /// Decrypts the body of a row; `None` when there is none, the case was erased or the body does not open.
    ///
    /// # Errors
    /// [`RestError`]: the work must fail.
    pub fn wake(
        &self,
        case: Option<&Correlation>,
        table: &'static str,
        row: &[u8],
        body: Option<&[u8]>,
        tx: &mut Tx<'_>,
    ) -> Result<Option<Vec<u8>>, RestError> {
        let Some(body) = body else { return Ok(None) };
        let key = match self.find(case.unwrap_or(&NO_CASE), tx) {
            Err(RestError::Key(_)) => None,
            found => found?,
        };
        Ok(key.and_then(|key| key.open(table, row, body).ok()))
    }

    /// Whether a case has a key: without one it was erased, or nothing of it was ever stored.
    pub(crate) fn has(&self, case: Option<&Correlation>, tx: &mut Tx<'_>) -> Result<bool, store::Error> {
        let case = case.unwrap_or(&NO_CASE);
        let found = tx.query_one("SELECT 1 FROM case_key WHERE correlation = $1", &[case.into()], |row| row.int(0))?;
        Ok(found.is_some())
    }

    fn rewrap(&self, entropy: &mut dyn Entropy, tx: &mut Tx<'_>) -> Result<(), RestError> {
        let Some(newest) = self.kek.last() else { return Ok(()) };
        let old = tx.query(
            "SELECT correlation, kek, wrapped FROM case_key WHERE kek < $1 OR kek > $2 LIMIT $3",
            &[newest.id.as_str().into(), newest.id.as_str().into(), REWRAPPED.into()],
            |row| Ok((row.array::<16>(0)?, row.text(1)?, row.blob(2)?)),
        )?;
        for (case, kek, wrapped) in old {
            let Some(kek) = self.kek.iter().find(|k| k.id == kek) else { continue };
            let key = kek.key.unwrap(&case, &wrapped)?;
            let wrapped = newest.key.wrap(&case, &key, entropy)?;
            tx.execute(
                "UPDATE case_key SET kek = $1, wrapped = $2 WHERE correlation = $3",
                &[newest.id.as_str().into(), (&wrapped).into(), (&case).into()],
            )?;
        }
        Ok(())
    }

    fn find(&self, case: &Correlation, tx: &mut Tx<'_>) -> Result<Option<RestKey>, RestError> {
        if let Some(key) = tx.memory::<Unwrapped>().0.get(case) {
            return Ok(Some(RestKey::clone(key)));
        }
        let found =
            tx.query_one("SELECT kek, wrapped FROM case_key WHERE correlation = $1", &[case.into()], |row| {
                Ok((row.text(0)?, row.blob(1)?))
            })?;
        let Some((kek, wrapped)) = found else { return Ok(None) };
        // A case whose key-encryption key is gone is erased for reading, and cannot be written.
        let kek = self.kek.iter().find(|k| k.id == kek).ok_or(KeyError::Rest)?;
        let key = kek.key.unwrap(case, &wrapped)?;
        Unwrapped::remember(*case, key.clone(), tx);
        Ok(Some(key))
    }

    fn make(&self, case: &Correlation, entropy: &mut dyn Entropy, tx: &mut Tx<'_>) -> Result<RestKey, RestError> {
        let key = RestKey::generate(entropy);
        let kek = self.kek.last().ok_or(KeyError::Rest)?;
        let wrapped = kek.key.wrap(case, &key, entropy)?;
        tx.execute(
            "INSERT INTO case_key (correlation, kek, wrapped) VALUES ($1, $2, $3)",
            &[case.into(), kek.id.as_str().into(), (&wrapped).into()],
        )?;
        Unwrapped::remember(*case, key.clone(), tx);
        Ok(key)
    }
}

/// Case keys that were used in a transaction.
#[derive(Default)]
struct Unwrapped(HashMap<Correlation, Box<RestKey>>);

impl Unwrapped {
    /// Most of them.
    const LIMIT: usize = 1024;

    fn remember(case: Correlation, key: RestKey, tx: &mut Tx<'_>) {
        let Self(keys) = tx.memory();
        if keys.len() >= Self::LIMIT {
            keys.clear();
        }
        // In a box, because a map that grows leaves behind what it moves.
        keys.insert(case, Box::new(key));
    }
}

fn destroy(case: &Correlation, tx: &mut Tx<'_>) -> Result<(), store::Error> {
    tx.memory::<Unwrapped>().0.remove(case);
    tx.execute("DELETE FROM case_key WHERE correlation = $1", &[case.into()])?;
    Ok(())
}

impl From<RestError> for Error {
    fn from(error: RestError) -> Self {
        match error {
            RestError::Store(error) => Self::Store(error),
            RestError::Key(error) => Self::Key(error),
        }
    }
}

impl Engine {
    /// Encrypts a body for its row, see [`CaseKeys::rest`].
    ///
    /// # Errors
    /// [`Error`]: the work must fail.
    pub fn rest(
        &mut self,
        case: Option<&Correlation>,
        table: &'static str,
        row: &[u8],
        body: &[u8],
        tx: &mut Tx<'_>,
    ) -> Result<Vec<u8>, RestError> {
        self.case_keys.rest(case, table, row, body, self.entropy.as_mut(), tx)
    }

    /// Decrypts the body of a row, see [`CaseKeys::wake`].
    ///
    /// # Errors
    /// [`Error`]: the work must fail.
    pub fn wake(
        &mut self,
        case: Option<&Correlation>,
        table: &'static str,
        row: &[u8],
        body: Option<&[u8]>,
        tx: &mut Tx<'_>,
    ) -> Result<Option<Vec<u8>>, RestError> {
        self.case_keys.wake(case, table, row, body, tx)
    }

    /// Erases a case: its key, and with it every stored body, is gone; positions that no receipt has concluded will
    /// be skipped. Ids and digests stay.
    ///
    /// # Errors
    /// [`Error`]: the process must stop.
    pub fn erase(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<(), Error> {
        if *case == NO_CASE {
            return Ok(());
        }
        self.keep_skeletons(case, tx)?;
        destroy(case, tx)?;
        outbox::drop_contents(tx, case)?;
        Drafted::forget(case, tx);
        blob::erase(tx, case)?;
        self.branch("erased");
        self.recheck(case, tx)
    }

    /// Leaves of every envelope what says nothing of the case: routing, manifest, signature. With them a peer's chain
    /// can still be walked after a rollback.
    fn keep_skeletons(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<(), Error> {
        let sent = tx.query("SELECT DISTINCT id FROM sent WHERE correlation = $1", &[case.into()], |row| {
            row.array(0).map(MessageId)
        })?;
        for id in sent {
            self.strip_positions(id, Some(case), tx)?;
        }
        for position in retention::received_of(tx, case)? {
            self.strip_received(position, tx)?;
        }
        Ok(())
    }

    /// Takes the parts from a position that was received.
    pub(super) fn strip_received(&mut self, position: Received, tx: &mut Tx<'_>) -> Result<(), Error> {
        let Received { correlation, digest, envelope, .. } = &position;
        let bytes = self.wake(correlation.as_ref(), "received", digest, Some(envelope), tx)?;
        Ok(retention::strip(tx, &position, skeleton(bytes).as_deref())?)
    }

    /// Takes the parts from every signed position of a message that must not be sent any more: a recipient that was
    /// rolled back gets the positions without them.
    pub(super) fn strip_positions(
        &mut self,
        id: MessageId,
        case: Option<&Correlation>,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let sent = tx.query(
            "SELECT recipient, lane, sequence, envelope FROM sent WHERE id = $1 AND envelope IS NOT NULL",
            &[(&id.0).into()],
            |row| Ok((row.text(0)?, row.int(1)?, row.number(2)?, row.blob(3)?)),
        )?;
        for (recipient, lane, sequence, stored) in sent {
            let bytes = match recipient.as_str() {
                "all" => Some(stored),
                _ => self.wake(case, "sent", &id.0, Some(&stored), tx)?,
            };
            tx.execute(
                "UPDATE sent SET envelope = NULL, erased = $1 WHERE recipient = $2 AND lane = $3 AND sequence = $4",
                &[skeleton(bytes).as_deref().into(), recipient.as_str().into(), lane.into(), sequence.into()],
            )?;
        }
        Ok(())
    }

    /// Brings some case keys under the newest key-encryption key, so that older ones can be retired.
    pub(super) fn rewrap(&mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        Ok(self.case_keys.rewrap(self.entropy.as_mut(), tx)?)
    }
}

fn skeleton(bytes: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let envelope = wire::Envelope::decode(bytes?.as_slice()).ok()?;
    Some(wire::Envelope { parts: Vec::new(), ..envelope }.encode_to_vec())
}
