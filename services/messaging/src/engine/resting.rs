//! Bodies at rest: what is stored of a case, by messaging or by a service, lies under the key of the case.

use super::{Engine, Error};
use crate::{
    Entropy,
    crypto::{KeyError, rest::RestKey},
    keys::KeyEncryptionKey,
    message::Correlation,
    store::{self, Tx, Value},
};

/// The case key of what belongs to no case.
const NO_CASE: Correlation = [0; 16];

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
/// Nothing is remembered in memory: a row that brought a key may still be undone with its savepoint, and a body under
/// a key that no row holds is lost.
pub struct CaseKeys {
    kek: Vec<KeyEncryptionKey>,
}

impl CaseKeys {
    pub(super) fn new(kek: Vec<KeyEncryptionKey>) -> Self {
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
        let key = match self.find(case, tx)? {
            Some(key) => key,
            None => self.make(case, entropy, tx)?,
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
        let key = self.find(case.unwrap_or(&NO_CASE), tx)?;
        Ok(key.and_then(|key| key.open(table, row, body).ok()))
    }

    fn find(&self, case: &Correlation, tx: &mut Tx<'_>) -> Result<Option<RestKey>, RestError> {
        let found =
            tx.query_one("SELECT kek, wrapped FROM case_key WHERE correlation = $1", &[case.into()], |row| {
                Ok((row.text(0)?, row.blob(1)?))
            })?;
        let Some((kek, wrapped)) = found else { return Ok(None) };
        let Some(kek) = self.kek.iter().find(|k| k.id == kek) else { return Ok(None) };
        Ok(Some(kek.key.unwrap(case, &wrapped)?))
    }

    fn make(&self, case: &Correlation, entropy: &mut dyn Entropy, tx: &mut Tx<'_>) -> Result<RestKey, RestError> {
        let key = RestKey::generate(entropy);
        let kek = self.kek.last().ok_or(KeyError::Rest)?;
        let wrapped = kek.key.wrap(case, &key, entropy)?;
        tx.execute(
            "INSERT INTO case_key (correlation, kek, wrapped) VALUES ($1, $2, $3)",
            &[case.into(), kek.id.as_str().into(), (&wrapped).into()],
        )?;
        Ok(key)
    }
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
        let of_case: &[Value<'_>] = &[case.into()];
        tx.execute("DELETE FROM case_key WHERE correlation = $1", of_case)?;
        tx.execute("UPDATE outbox SET content = NULL WHERE correlation = $1", of_case)?;
        tx.execute("UPDATE sent SET envelope = NULL WHERE correlation = $1", of_case)?;
        tx.execute("UPDATE received SET envelope = NULL WHERE correlation = $1", of_case)?;
        self.branch("erased");
        self.recheck(case, tx)
    }
}
