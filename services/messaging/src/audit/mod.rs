//! The audit of a store: does what lies on the disk of an access point prove what its rows say?
//!
//! Every envelope is opened at rest, verified under the directory and held against its row; positions must follow each
//! other by number and digest; every receipt must be its issuer's, follow the one before, and name positions that are
//! there; every position received must be receipted, and every message said to be received or refused must be covered
//! by a receipt. [`evidence`](crate::evidence) has the last word on each channel. All faults are found, not the first.
//!
//! Cannot find: rows taken away at the end of a channel together with everything that speaks of them, which only a
//! peer knows (see [`reconcile`](crate::reconcile)); whether a message should have been sent; and a body under a
//! key-encryption key that is not at hand, which is counted. Needs no process, writes nothing, and may run beside one.

mod positions;
mod receipts;

use std::fmt;

use nhipcau_domain::{directory::Release, id::AccessPointId};

use crate::{
    engine::CaseKeys,
    envelope,
    evidence::Broken,
    keys::KeyEncryptionKey,
    message::{Lane, MessageId},
    receipt,
    store::{
        self, Tx,
        evidence::{self as rows, Side},
    },
};

/// What a store is held against.
pub struct Auditor<'a> {
    me: &'a AccessPointId,
    release: &'a Release,
    keks: Vec<String>,
    keys: CaseKeys,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What was looked at.
    pub counts: Counts,
    /// What is wrong, channel by channel.
    pub findings: Vec<Finding>,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Channels, in and out.
    pub channels: u64,
    /// Positions signed here.
    pub sent: u64,
    /// Positions accepted here.
    pub received: u64,
    /// Envelopes whose signature and digest were verified.
    pub envelopes: u64,
    /// Among them those whose parts were erased.
    pub erased: u64,
    /// Positions of which only the digest is left, or whose body lies under a key that is not at hand.
    pub unopened: u64,
    /// Receipts issued here and verified.
    pub issued: u64,
    /// Receipts of others, verified.
    pub held: u64,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Who sends in the channel.
    pub sender: String,
    /// Who receives in it; `all` in a broadcast.
    pub recipient: String,
    /// Its lane.
    pub lane: Option<Lane>,
    /// Where.
    pub place: Place,
    /// What.
    pub fault: Fault,
}

/// Where in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Positions, first and last.
    Positions(u64, u64),
    /// A receipt by issuer, series and number.
    Receipt(String, u64, u64),
    /// A message that has no position.
    Message(MessageId),
    /// The channel as a whole.
    Channel,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Rows are not there.
    #[error("missing")]
    Missing,
    /// The stored body does not open: its bytes were changed, or its key is gone.
    #[error("the stored body does not open")]
    Unopenable,
    /// The bytes are no envelope that can be believed.
    #[error("{0}")]
    Envelope(envelope::Rejected),
    /// The bytes are no receipt that can be believed.
    #[error("{0}")]
    Receipt(receipt::Rejected),
    /// The row says something else than what was signed.
    #[error("the row differs from what was signed")]
    RowDiffers,
    /// The envelope names another one before it.
    #[error("another envelope stands before")]
    WrongPrevious,
    /// A position that no receipt of this access point speaks of, or a message that no receipt concludes.
    #[error("no receipt speaks of it")]
    WithoutReceipt,
    /// The receipts say another outcome than the row.
    #[error("the receipts say another outcome")]
    OutcomeDiffers,
    /// A receipt for an envelope that is not here.
    #[error("it names an envelope that is not here")]
    WithoutPosition,
    /// A message that was received or refused, and no position that it had.
    #[error("it was concluded and has no position")]
    Unplaced,
    /// A position whose message is not there.
    #[error("its message is missing")]
    WithoutMessage,
    /// The channel as a whole does not hold.
    #[error("{0}")]
    Broken(Broken),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Positions(first, last) if first == last => write!(f, "position {first}"),
            Self::Positions(first, last) => write!(f, "positions {first} to {last}"),
            Self::Receipt(issuer, series, number) => write!(f, "receipt {series}.{number} of {issuer}"),
            Self::Message(id) => write!(f, "message {id}"),
            Self::Channel => f.write_str("as a whole"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lane = match self.lane {
            Some(Lane::Messages) => "messages",
            Some(Lane::Bulk) => "bulk",
            None => "of an unknown lane",
        };
        write!(f, "{} → {} {lane}, {}: {}", self.sender, self.recipient, self.place, self.fault)
    }
}

impl<'a> Auditor<'a> {
    /// Prepares an audit of the store of `me` under the newest release, which knows every key there ever was. Bodies
    /// open by the key-encryption keys given.
    #[must_use]
    pub fn new(me: &'a AccessPointId, release: &'a Release, keks: Vec<KeyEncryptionKey>) -> Self {
        Self { me, release, keks: keks.iter().map(|kek| kek.id.clone()).collect(), keys: CaseKeys::new(keks) }
    }

    /// Audits one committed state of a store.
    ///
    /// # Errors
    /// [`store::Error`] when the store cannot be read or holds rows of another shape.
    pub fn audit(&self, tx: &mut Tx<'_>) -> Result<Report, store::Error> {
        let mut report = Report::default();
        for channel in rows::channels(tx)? {
            report.counts.channels += 1;
            let mut scribe = Scribe { auditor: self, channel: &channel, report: &mut report };
            let before = scribe.report.findings.len();
            let row = positions::check(&mut scribe, tx)?;
            receipts::check(&mut scribe, &row, before, tx)?;
        }
        Ok(report)
    }
}

/// Writes down what is found in one channel.
struct Scribe<'s> {
    auditor: &'s Auditor<'s>,
    channel: &'s rows::Channel,
    report: &'s mut Report,
}

impl Scribe<'_> {
    fn find(&mut self, place: Place, fault: Fault) {
        let sender = match self.channel.side {
            Side::Sent => self.auditor.me.to_string(),
            Side::Received => self.channel.sender.clone(),
        };
        let (recipient, lane) = (self.channel.recipient.clone(), Lane::from_number(self.channel.lane));
        self.report.findings.push(Finding { sender, recipient, lane, place, fault });
    }
}
