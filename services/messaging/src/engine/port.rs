//! What happens to an engine, and what it wants done: all that passes between it and its shell.

use std::sync::Arc;

use nhipcau_domain::{directory::Release, id::AccessPointId};

use super::Alarm;
use crate::{
    keys::SealingSecret,
    message::{Lane, Recipient},
};

/// What happens to an engine.
#[derive(Debug)]
pub enum Input {
    /// The broker delivers a message of a lane; the token acknowledges it.
    Delivery {
        /// What kind of subject it came on.
        kind: Kind,
        /// The sender named by the subject. Not evidence.
        sender: AccessPointId,
        /// A serialized bundle.
        bytes: Vec<u8>,
        /// Given back in [`Output::Acknowledge`].
        token: u64,
    },
    /// A signal arrives on core NATS.
    Signal {
        /// The sender named by the subject. Not evidence.
        sender: AccessPointId,
        /// A serialized signal.
        bytes: Vec<u8>,
    },
    /// The broker answers a publish, or does not.
    Published {
        /// The token of [`Output::Publish`].
        token: u64,
        /// How it went.
        result: PublishResult,
    },
    /// A newer directory release was verified, or more bulletins or revocations over the one in use.
    Release(Arc<Release>),
    /// All sealing epochs whose private halves there are now.
    Sealing(Vec<SealingSecret>),
    /// The disk of the store has little room left, or enough again: callers may submit nothing meanwhile.
    DiskLow(bool),
    /// Time has passed. Due at least every quarter of a second.
    Tick,
}

/// The kinds of subjects that the broker keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Envelopes of a pair's channel.
    Lane(Lane),
    /// Envelopes of a sender's broadcast.
    Broadcast,
    /// Receipts.
    Receipts,
}

/// The broker's answer to a publish. None of them decides anything: only a receipt ends a message's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishResult {
    /// Stored, says the broker.
    Stored,
    /// The sender's share of the recipient's stream is full: what was sent before still waits there.
    Full,
    /// No answer, or another error.
    Unknown,
}

/// What the shell must do after the commit.
#[derive(Debug)]
pub enum Output {
    /// Publish a bundle.
    Publish {
        /// Kind of subject.
        kind: Kind,
        /// Whom the subject names as recipient.
        recipient: Recipient,
        /// A serialized bundle, at most 512 KiB.
        bytes: Vec<u8>,
        /// Given back in [`Input::Published`].
        token: u64,
    },
    /// Send a signal on core NATS.
    Signal {
        /// To whom.
        recipient: AccessPointId,
        /// A serialized signal.
        bytes: Vec<u8>,
    },
    /// Acknowledge a delivery to the broker.
    Acknowledge {
        /// The token of [`Input::Delivery`].
        token: u64,
    },
    /// Tell a person.
    Alarm(Alarm),
}
