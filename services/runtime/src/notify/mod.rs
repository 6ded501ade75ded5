//! Telling people that something waits for them: what a notice is, the ways by which it goes, and who sees to it.
//!
//! A notice says nothing of any case: neither what it is about nor where it came from, not even that it is about a
//! child. Whoever is told signs in and sees; the code for that goes by the same ways. Promises that a notice that was
//! put down is told at least once while it counts, each time under the same id, and that neither a log line nor an
//! error repeats an address or a code.

mod file;
#[cfg(test)]
mod tests;
mod ticking;
mod webhook;

use std::{collections::BTreeMap, fmt, io, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use nhipcau_domain::referral::{PersonRef, Personal, UnitRef};
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

pub use self::{
    ticking::{Counts, EVERY, Failed, Mark, Outbox, Page, Pending, Ticking},
    webhook::is_address,
};
use crate::{config, private_file};

/// Of an attempt to write to the file.
const FILE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a notice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// That something waits.
    Waiting,
    /// The code by which the person signs in to the duty page, and for how many minutes it does.
    SignInCode(Personal<Box<str>>, u8),
}

/// What somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id: follows from what caused it, and says nothing of that to whoever has not the access point's key. Of a
    /// code it is random.
    pub id: Uuid,
    /// What it says.
    pub word: Word,
    /// At which unit they are on duty.
    pub unit: UnitRef,
    /// Who is told.
    pub person: PersonRef,
    /// By which way.
    pub channel: Box<str>,
    /// Where they are reached by it.
    pub address: Personal<Box<str>>,
}

impl Notice {
    /// The notice as whoever brings it gets it: one JSON object without line ends.
    #[must_use]
    pub fn body(&self) -> String {
        // The address is what brings it to the person.
        let address = self.address.expose();
        let id = self.id.to_string();
        let (kind, text) = match &self.word {
            Word::Waiting => ("duty.notice", format!("Có việc cần xem. Mã {}.", id.get(..8).unwrap_or_default())),
            // For the person, whom it is brought to.
            Word::SignInCode(code, minutes) => {
                let code = code.expose();
                (
                    "duty.sign-in-code",
                    format!("Mã đăng nhập {code}, dùng một lần trong {minutes} phút. Không đưa cho ai."),
                )
            }
        };
        json!({
            "type": kind,
            "id": id,
            "unit": self.unit.to_string(),
            "person": self.person.as_str(),
            "channel": self.channel,
            "address": address,
            "text": text,
        })
        .to_string()
    }
}

/// Why a notice was not told. Never says to whom.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The access point has no such way, or the person no place in the roster any more.
    #[error("there is no way to reach the person")]
    NoWay,
    /// The file cannot be written, or may not be: it is no regular file, or others may read it.
    #[error("the file of notices cannot be written")]
    File(#[source] io::Error),
    /// The other side is not reached, or ends the connection.
    #[error("the webhook is not reached")]
    Connection(#[source] io::Error),
    /// The other side does not speak as it should.
    #[error("the webhook does not answer as it should")]
    Http(#[source] hyper::Error),
    /// It takes too long.
    #[error("the way does not take it in time")]
    Timeout,
    /// It answers that it did not take it.
    #[error("the webhook answers {0}")]
    Answer(u16),
}

/// Why a way of telling people cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Its secret cannot be read.
    #[error("the secret of a webhook")]
    Secret(#[source] private_file::Error),
    /// Its secret has not the form of one.
    #[error("the secret of a webhook is not whsec_ and 24 to 64 bytes in base64")]
    SecretForm,
    /// Its address has not the form of one.
    #[error("the address of a webhook")]
    Address,
    /// Its certificates cannot be read.
    #[error("the certificates of a webhook")]
    Certificates(#[source] rustls::pki_types::pem::Error),
    /// Its certificates are none.
    #[error("the certificates of a webhook")]
    Tls(#[from] rustls::Error),
}

/// A way of telling people. However long it takes, whoever asks waits no longer than they want.
pub trait Notifier: Send + Sync {
    /// Brings a notice as far as this access point can: done means that whoever takes it has it.
    ///
    /// # Errors
    /// [`Error`]; it may have arrived all the same, and is brought again under the same id.
    fn notify<'n>(&'n self, notice: &'n Notice, at: Timestamp) -> BoxFuture<'n, Result<(), Error>>;
}

/// The ways of an access point by their names. Cheap to clone.
#[derive(Clone, Default)]
pub struct Notifiers(Arc<BTreeMap<String, Timed>>);

/// A way, and how long it has for one notice.
struct Timed {
    by: Box<dyn Notifier>,
    timeout: Duration,
}

impl Notifiers {
    /// Reads what the ways need.
    ///
    /// # Errors
    /// [`SetupError`] of the first that cannot be used.
    pub fn open(config: &config::Duty) -> Result<Self, SetupError> {
        let open = |config: &config::Notifier| -> Result<Timed, SetupError> {
            Ok(match config {
                config::Notifier::File { path } => {
                    Timed { by: Box::new(file::Lines::new(path)), timeout: FILE_TIMEOUT }
                }
                config::Notifier::Webhook { url, secret_file, root_certificates, timeout } => {
                    let webhook = webhook::Webhook::open(url, secret_file, root_certificates)?;
                    Timed { by: Box::new(webhook), timeout: *timeout }
                }
            })
        };
        let opened = config.notifiers.iter().map(|(name, config)| Ok((name.clone(), open(config)?)));
        opened.collect::<Result<_, _>>().map(|ways| Self(Arc::new(ways)))
    }

    /// Whether there is such a way.
    #[must_use]
    pub fn has(&self, channel: &str) -> bool {
        self.0.contains_key(channel)
    }

    /// Brings a notice by its way, in the time that the way has.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn tell(&self, notice: &Notice, at: Timestamp) -> Result<(), Error> {
        let way = self.0.get(&*notice.channel).ok_or(Error::NoWay)?;
        timeout(way.timeout, way.by.notify(notice, at)).await.unwrap_or(Err(Error::Timeout))
    }
}

impl fmt::Debug for Notifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
