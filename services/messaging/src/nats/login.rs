//! The secret of a login at the broker: read from its file, used at every connection, renewed while the connection
//! lives.
//!
//! A renewed login is tried beside the connection that is open, which is given up only once the broker has let the new
//! one in. So a wrong file costs nothing. Certificates are read again whenever a connection is made.

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_nats::{Auth, AuthError, Client};
use nkeys::KeyPair;
use zeroize::Zeroizing;

use super::{Connection, Error};

/// A secret that is known now: an nkey seed, or a password. Cheap to clone; every clone is renewed with it.
#[derive(Clone)]
pub(super) struct Secret(Arc<Mutex<Arc<Zeroizing<String>>>>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    pub(super) async fn read(file: &Path) -> Result<Self, Error> {
        let text = Zeroizing::new(tokio::fs::read_to_string(file).await.map_err(Error::Credential)?);
        let text = Arc::new(Zeroizing::new(text.trim().to_owned()));
        Ok(Self(Arc::new(Mutex::new(text))))
    }

    fn now(&self) -> Arc<Zeroizing<String>> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the broker is told when a connection is made: user and password, or the answer to its challenge.
    pub(super) fn answer(&self, user: Option<&str>, challenge: &[u8]) -> Result<Auth, AuthError> {
        let secret = self.now();
        let mut auth = Auth::new();
        if let Some(user) = user {
            auth.username = Some(user.to_owned());
            auth.password = Some(secret.as_str().to_owned());
        } else {
            // Neither error repeats the seed.
            let pair = KeyPair::from_seed(&secret).map_err(AuthError::new)?;
            auth.signature = Some(pair.sign(challenge).map_err(AuthError::new)?);
            auth.nkey = Some(pair.public_key());
        }
        Ok(auth)
    }
}

/// Renews the login of a transport. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Renewal {
    pub(super) connection: Connection,
    pub(super) secret: Secret,
    pub(super) client: Client,
}

impl Renewal {
    /// Reads the files of the login again, tries them, and makes the connection anew with them.
    ///
    /// # Errors
    /// [`Error`] when the files cannot be used or the broker does not let them in now: everything stays as it is.
    pub async fn renew(&self) -> Result<(), Error> {
        let renewed = Secret::read(self.connection.credential.file()).await?;
        let tried = self.connection.connect_with(&renewed).await?;
        // It has served its purpose, and nothing was sent on it.
        drop(tried.drain().await);
        *self.secret.0.lock().unwrap_or_else(PoisonError::into_inner) = renewed.now();
        // Fails only when the client has ended.
        drop(self.client.force_reconnect().await);
        Ok(())
    }
}
