//! Case keys: what is stored of a message lies under the key of its case.

use super::{Engine, Error};
use crate::{
    crypto::rest::RestKey,
    message::Correlation,
    store::{Tx, Value},
};

/// The case key of messages that belong to no case.
const NO_CASE: Correlation = [0; 16];
/// Case keys remembered in memory.
const REMEMBERED: usize = 4096;

impl Engine {
    /// Encrypts a body for its row.
    pub(super) fn rest(
        &mut self,
        correlation: Option<&Correlation>,
        table: &'static str,
        row: &[u8],
        body: &[u8],
        tx: &mut Tx<'_>,
    ) -> Result<Vec<u8>, Error> {
        let case = correlation.unwrap_or(&NO_CASE);
        let key = match self.case_key(case, tx)? {
            Some(key) => key,
            None => self.make_case_key(case, tx)?,
        };
        Ok(key.seal(table, row, body, self.entropy.as_mut())?)
    }

    /// Decrypts the body of a row; `None` when the case was erased or the body does not open.
    pub(super) fn wake(
        &mut self,
        correlation: Option<&Correlation>,
        table: &'static str,
        row: &[u8],
        body: Option<&Vec<u8>>,
        tx: &mut Tx<'_>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(body) = body else { return Ok(None) };
        let key = self.case_key(correlation.unwrap_or(&NO_CASE), tx)?;
        Ok(key.and_then(|key| key.open(table, row, body).ok()))
    }

    /// Erases a case: its key, and with it every stored body, is gone; positions that no receipt has concluded will
    /// be skipped. Ids and digests stay.
    ///
    /// # Errors
    /// [`Error`]: the process must stop.
    pub fn erase(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<(), Error> {
        self.case_keys.remove(case);
        let of_case: &[Value<'_>] = &[case.into()];
        tx.execute("DELETE FROM case_key WHERE correlation = $1", of_case)?;
        tx.execute("UPDATE outbox SET content = NULL WHERE correlation = $1", of_case)?;
        tx.execute("UPDATE sent SET envelope = NULL WHERE correlation = $1", of_case)?;
        tx.execute("UPDATE received SET envelope = NULL WHERE correlation = $1", of_case)?;
        self.branch("erased");
        self.recheck(case, tx)
    }

    fn case_key(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<Option<RestKey>, Error> {
        if let Some(key) = self.case_keys.get(case) {
            return Ok(Some(key.clone()));
        }
        let found =
            tx.query_one("SELECT kek, wrapped FROM case_key WHERE correlation = $1", &[case.into()], |row| {
                Ok((row.text(0)?, row.blob(1)?))
            })?;
        let Some((kek, wrapped)) = found else { return Ok(None) };
        let Some(kek) = self.keys.kek.iter().find(|k| k.id == kek) else { return Ok(None) };
        let key = kek.key.unwrap(case, &wrapped)?;
        self.remember(case, &key);
        Ok(Some(key))
    }

    fn make_case_key(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<RestKey, Error> {
        let key = RestKey::generate(self.entropy.as_mut());
        let kek = self.keys.kek.last().ok_or(crate::crypto::KeyError::Rest)?;
        let wrapped = kek.key.wrap(case, &key, self.entropy.as_mut())?;
        tx.execute(
            "INSERT INTO case_key (correlation, kek, wrapped) VALUES ($1, $2, $3)",
            &[case.into(), kek.id.as_str().into(), (&wrapped).into()],
        )?;
        self.remember(case, &key);
        Ok(key)
    }

    fn remember(&mut self, case: &Correlation, key: &RestKey) {
        if self.case_keys.len() >= REMEMBERED {
            self.case_keys.clear();
        }
        self.case_keys.insert(*case, key.clone());
    }
}
