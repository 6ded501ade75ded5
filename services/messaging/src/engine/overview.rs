//! Where every channel stands, for people. Decides nothing and changes nothing.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::id::AccessPointId;

use super::{
    Engine,
    channel::{Incoming, Outgoing, Phase, Serving},
};
use crate::{
    message::{Lane, Recipient},
    pae::Digest,
};

/// How long an unknown signer shows: while it goes on, it is asked about every few seconds.
const UNKNOWN_SIGNER_SHOWS: SignedDuration = SignedDuration::from_secs(60);

/// How a channel gets on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelPhase {
    /// The other side has not been heard since the start.
    Opening,
    /// In use.
    Open,
    /// A position is missing and has been asked for.
    Gap,
    /// The other side returns what this store lost.
    Recovering,
    /// What arrives is signed by a key that the directory here does not know.
    Blocked,
}

/// A channel as the engine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelState {
    /// Who sends in it: none when this access point does.
    pub sender: Option<AccessPointId>,
    /// Who receives in it.
    pub recipient: Recipient,
    /// Its lane.
    pub lane: Lane,
    /// How it gets on.
    pub phase: ChannelPhase,
    /// Its present incarnation.
    pub incarnation: u64,
    /// Last position, signed or accepted; 0 when there is none.
    pub sequence: u64,
    /// Digest of the envelope there.
    pub digest: Digest,
    /// When the other side was last heard.
    pub heard: Option<Timestamp>,
}

impl Engine {
    /// Where every channel stands: first those in which this access point sends.
    #[must_use]
    pub fn channels(&self) -> Vec<ChannelState> {
        let outgoing = self.outgoing.iter().map(|((recipient, lane), out)| ChannelState {
            sender: None,
            recipient: recipient.clone(),
            lane: *lane,
            phase: outgoing_phase(out),
            incarnation: out.incarnation,
            sequence: out.head.sequence,
            digest: out.head.digest,
            heard: match recipient {
                Recipient::One(peer) => self.heard(peer),
                Recipient::All => None,
            },
        });
        let incoming = self.incoming.iter().map(|((sender, broadcast, lane), channel)| ChannelState {
            sender: Some(sender.clone()),
            recipient: if *broadcast { Recipient::All } else { Recipient::One(self.me.clone()) },
            lane: *lane,
            phase: self.incoming_phase(sender, channel),
            incarnation: channel.head.incarnation.max(channel.promised),
            sequence: channel.head.sequence,
            digest: channel.head.digest,
            heard: self.heard(sender),
        });
        outgoing.chain(incoming).collect()
    }

    fn heard(&self, peer: &AccessPointId) -> Option<Timestamp> {
        self.peers.get(peer)?.heard_at
    }

    fn incoming_phase(&self, sender: &AccessPointId, channel: &Incoming) -> ChannelPhase {
        let asked = self.peers.get(sender).and_then(|peer| peer.served_at.get(&Serving::UnknownSigner));
        if asked.is_some_and(|at| self.time.duration_since(*at) < UNKNOWN_SIGNER_SHOWS) {
            ChannelPhase::Blocked
        } else if !channel.synced {
            ChannelPhase::Opening
        } else if channel.window.is_empty() {
            ChannelPhase::Open
        } else {
            ChannelPhase::Gap
        }
    }
}

fn outgoing_phase(out: &Outgoing) -> ChannelPhase {
    match out.phase {
        Phase::Open => ChannelPhase::Open,
        Phase::Opening if out.return_from > 0 => ChannelPhase::Recovering,
        Phase::Opening => ChannelPhase::Opening,
    }
}
