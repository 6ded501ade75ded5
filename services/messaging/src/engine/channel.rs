//! What the engine remembers of channels and peers between inputs. All of it is read from the store at a start;
//! none of it is the only copy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::id::{AccessPointId, ContractId};

use super::holding_back::Round;
use crate::{
    envelope::{Verified, wire},
    message::{Lane, MessageId, Recipient},
    pae::Digest,
    receipt::Number,
    signal::Run,
    store::{
        Error, Tx, held,
        inbox::{self, Channel},
        issued, outbox,
        sent::{self, Head},
    },
};

/// An incarnation is the start number with room below it for agreeing anew, so that what an earlier start proposed, and
/// a bus delivers late, is never higher.
pub(super) const START_SHIFT: u32 = 20;
/// First and longest wait before what a recipient could not take is tried again although nothing has changed.
pub(super) const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(10);
pub(super) const RETRY_LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// How often a recovery goes on step by step.
const OFTEN: SignedDuration = SignedDuration::from_millis(200);
/// Longest wait before what a sender gave up is returned to it once more.
const STRAYS_LONGEST: SignedDuration = SignedDuration::from_secs(60);
/// Envelopes ahead of a gap that are kept until it closes.
pub(super) const WINDOW: u64 = 64;
/// Signed positions without a receipt, at most.
pub(super) const IN_FLIGHT: u64 = 2048;
/// First and longest wait before unreceipted envelopes are published again.
pub(super) const RESEND_FIRST: SignedDuration = SignedDuration::from_secs(2);
pub(super) const RESEND_LONGEST: SignedDuration = SignedDuration::from_secs(60);

/// A channel in which this access point sends.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) phase: Phase,
    /// The incarnation signed under; while opening, the one proposed.
    pub(super) incarnation: u64,
    /// Last position agreed on before this incarnation.
    pub(super) base: u64,
    /// Last signed position.
    pub(super) head: Head,
    /// Last position that a receipt concludes.
    pub(super) receipted: u64,
    /// Last position handed to the broker since the last resend.
    pub(super) handed: u64,
    /// From where the peer shall return what this store has lost; 0 when nothing is missing.
    pub(super) return_from: u64,
    /// Last position known to be agreed while returned envelopes are put back.
    pub(super) tip: Head,
    /// The peer's last receipt when its head was last seen on this store's history.
    pub(super) vouched: Number,
    /// The receipt that the peer has last said comes next, though the one before it may be lost on both sides.
    pub(super) next: Option<(Number, Digest)>,
    /// Where the peer's status last said it stands.
    pub(super) theirs: u64,
    /// From where, and when, what the peer misses is handed over again.
    pub(super) again: Option<(u64, Timestamp)>,
    /// Whether messages may be waiting for a position.
    pub(super) drafts: bool,
    /// Signed in this group and not handed over yet, by sequence.
    pub(super) fresh: Vec<(u64, wire::Envelope)>,
    /// Until when the broker is left alone.
    pub(super) hold_until: Timestamp,
    pub(super) resend_at: Timestamp,
    pub(super) backoff: SignedDuration,
    /// Whether the 15 minutes without a receipt were already told.
    pub(super) alarmed: bool,
}

/// Whether an outgoing channel may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waits for the peer's promise and for what the peer may have to return.
    Opening,
    /// Signs and publishes.
    Open,
}

impl Outgoing {
    /// Reads a channel's place from the store.
    pub(super) fn load(
        tx: &mut Tx<'_>,
        recipient: &Recipient,
        lane: Lane,
        start: u64,
        opens_alone: bool,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let head = sent::head(tx, recipient, lane)?;
        let receipted = match recipient {
            Recipient::One(peer) => {
                let open = sent::first_open(tx, recipient, lane)?.map_or(u64::MAX, |first| first - 1);
                held::last(tx, peer, recipient, lane)?.2.min(head.sequence).min(open)
            }
            // A publisher waits for nobody: what it signed, it has handed over, and serves again on request.
            Recipient::All => head.sequence,
        };
        Ok(Self {
            phase: if opens_alone { Phase::Open } else { Phase::Opening },
            incarnation: (start << START_SHIFT).max(head.incarnation + 1),
            base: head.sequence,
            tip: sent::position(tx, recipient, lane, receipted)?.unwrap_or_default(),
            head,
            receipted,
            handed: receipted,
            return_from: 0,
            vouched: Number::default(),
            next: None,
            theirs: u64::MAX,
            again: None,
            drafts: outbox::has_drafts(tx, recipient, lane)?,
            fresh: Vec::new(),
            hold_until: now,
            resend_at: now,
            backoff: RESEND_FIRST,
            alarmed: false,
        })
    }
}

/// A channel in which this access point receives.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Last accepted position.
    pub(super) head: Head,
    /// Lowest incarnation accepted beyond the base.
    pub(super) promised: u64,
    /// Run that proposed it.
    pub(super) promised_run: Vec<u8>,
    /// The signed status that proposed it.
    pub(super) proposal: Vec<u8>,
    /// Base of the promised incarnation, once known.
    pub(super) base: Option<u64>,
    /// Last receipt issued.
    pub(super) receipt: (Number, Digest),
    /// What the first receipt of this start names as the one before, where it is not the last one issued.
    pub(super) link: Option<Digest>,
    /// The first receipt after the one that the sender has stated last, where it begins a series.
    pub(super) next: Option<(Number, Digest)>,
    /// From where positions are stated anew once all receipts that the sender returns are here.
    pub(super) restate_from: Option<u64>,
    /// Last position that an own receipt covers.
    pub(super) covered: u64,
    /// Whether the sender has confirmed since the start that no receipt of this access point is missing here.
    pub(super) synced: bool,
    /// Envelopes ahead of a gap.
    pub(super) window: BTreeMap<u64, Verified>,
    /// The last position that the sender's present process says it has signed.
    pub(super) announced: Head,
    /// Positions whose content the sender says it has erased.
    pub(super) erased: BTreeSet<u64>,
    /// Contracts of a broadcast of which an earlier position is refused for now, and later ones therefore too.
    pub(super) held_back: BTreeSet<ContractId>,
    /// When what a broadcast brought and could not be taken is tried again.
    pub(super) retry_at: Option<Timestamp>,
    pub(super) retry_backoff: SignedDuration,
    /// How far that has come, when it takes several transactions.
    pub(super) round: Option<Round>,
    /// Whether strays of this channel's sender may be kept.
    pub(super) strays: bool,
    /// A position that its sender has signed and that is not here.
    pub(super) awaited: Option<Awaited>,
    /// Accepted in this group and not receipted yet.
    pub(super) pending: Vec<Accepted>,
    /// Receipts to publish at the end of this group, by place.
    pub(super) answers: BTreeSet<Number>,
}

/// A position that its sender has signed, as its status says, and that has not arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Awaited {
    pub(super) sequence: u64,
    /// Since when it is known.
    pub(super) since: Timestamp,
    /// Whether the 15 minutes were already told.
    pub(super) told: bool,
}

/// An accepted position that waits for its receipt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accepted {
    pub(super) head: Head,
    pub(super) id: MessageId,
    /// 0 received, else the refusal reason.
    pub(super) outcome: i32,
    /// With a refusal for now, the number that comes next in its case; else 0.
    pub(super) expected: u64,
}

impl Incoming {
    /// Reads a channel's place from the store.
    pub(super) fn load(tx: &mut Tx<'_>, channel: Channel<'_>, synced: bool, now: Timestamp) -> Result<Self, Error> {
        let inbox::Promise { incarnation: promised, run: promised_run, base, proposal } = inbox::promise(tx, channel)?;
        let (number, digest, covered) = issued::last(tx, channel)?;
        let head = inbox::head(tx, channel)?;
        let is_broadcast = channel.recipient == Recipient::All.as_str();
        let waits = is_broadcast && !inbox::refused_for_now(tx, channel, 0, 1)?.is_empty();
        Ok(Self {
            promised: promised.max(head.incarnation),
            promised_run,
            proposal,
            base,
            head,
            receipt: (number, digest),
            link: None,
            next: None,
            restate_from: issued::owed(tx, channel)?,
            covered,
            synced,
            window: BTreeMap::new(),
            announced: Head::default(),
            erased: BTreeSet::new(),
            held_back: BTreeSet::new(),
            retry_at: waits.then_some(now),
            retry_backoff: RETRY_FIRST,
            round: None,
            strays: inbox::has_strays(tx, channel.sender)?,
            awaited: None,
            pending: Vec::new(),
            answers: BTreeSet::new(),
        })
    }
}

/// The other side, as far as it has spoken.
#[derive(Debug)]
pub(super) struct Peer {
    /// Its process, once it has answered this one.
    pub(super) run: Option<Run>,
    /// Number of that process's start.
    pub(super) start: u64,
    /// Number of its last status.
    pub(super) number: u64,
    /// When that was heard, for people.
    pub(super) heard_at: Option<Timestamp>,
    /// A process of it that has not heard of this one yet; echoed once.
    pub(super) unheard: Option<Run>,
    /// Newest directory release it has.
    pub(super) release: u64,
    /// Since when it has sent what only a newer release than the one here can verify.
    pub(super) behind_since: Option<Timestamp>,
    /// What the peer could take when waiting messages were last let go: release, run, contracts.
    pub(super) able: Vec<u8>,
    /// When they are let go again although nothing has changed.
    pub(super) retry_at: Timestamp,
    pub(super) retry_backoff: SignedDuration,
    /// When the next status is due.
    pub(super) status_at: Timestamp,
    /// When the last status went out.
    pub(super) status_sent: Option<Timestamp>,
    pub(super) status_backoff: SignedDuration,
    /// How many of the next statuses come soon: the bus may lose the one that says what is new in the directory.
    pub(super) status_soon: u32,
    /// The receipt of the own broadcast that it has last said comes next, though the one before it may be lost on both
    /// sides.
    pub(super) next: Option<(Number, Digest)>,
    /// Own envelopes of the peer to return: lane, broadcast, from which position.
    pub(super) returns: BTreeMap<(Lane, bool), u64>,
    /// Envelopes of the peer to return that took no position here.
    pub(super) strays: Vec<Verified>,
    /// When kept ones are next returned, if at all, not before when, and how much later again.
    pub(super) strays_at: Option<Timestamp>,
    pub(super) strays_after: Timestamp,
    pub(super) strays_backoff: SignedDuration,
    /// Receipts of the peer to return: lane, broadcast, after which.
    pub(super) receipt_returns: BTreeMap<(Lane, bool), Number>,
    /// The last position of the own broadcast that the peer shares, when its head is not on the own chain.
    pub(super) rewind: Option<Head>,
    /// When something was last sent again on the word of a status.
    pub(super) served_at: BTreeMap<Serving, Timestamp>,
}

impl Peer {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            run: None,
            start: 0,
            number: 0,
            heard_at: None,
            unheard: None,
            release: 0,
            behind_since: None,
            able: Vec::new(),
            retry_at: now,
            retry_backoff: RETRY_FIRST,
            status_at: now,
            status_sent: None,
            status_backoff: SignedDuration::from_secs(1),
            status_soon: 0,
            next: None,
            returns: BTreeMap::new(),
            strays: Vec::new(),
            strays_at: None,
            strays_after: now,
            strays_backoff: OFTEN,
            receipt_returns: BTreeMap::new(),
            rewind: None,
            served_at: BTreeMap::new(),
        }
    }

    /// Asks for a status soon, but not more often than ten times a second.
    pub(super) fn status_due(&mut self, now: Timestamp) {
        let earliest = self.status_sent.map_or(now, |at| at + SignedDuration::from_millis(100));
        self.status_at = self.status_at.min(earliest.max(now));
    }

    /// Asks for the return of what the peer gave up: ever more rarely while nothing comes of it.
    pub(super) fn strays_due(&mut self, now: Timestamp) {
        self.strays_at.get_or_insert(self.strays_after.max(now + OFTEN));
    }

    /// Something that the peer gave up has come, or has taken a position.
    pub(super) fn strays_changed(&mut self, now: Timestamp) {
        (self.strays_at, self.strays_after, self.strays_backoff) = (Some(now + OFTEN), now, OFTEN);
    }

    /// What the peer gave up goes back to it, if there is any.
    pub(super) fn strays_returned(&mut self, now: Timestamp, strays: Vec<Verified>) {
        self.strays_at = None;
        if !strays.is_empty() {
            self.strays.extend(strays);
            self.strays_after = now + self.strays_backoff;
            self.strays_backoff = (self.strays_backoff * 2).min(STRAYS_LONGEST);
        }
    }

    /// Whether something may be sent again on the word of a status: at most once in two seconds each.
    pub(super) fn may_serve(&mut self, what: Serving, now: Timestamp) -> bool {
        self.may(what, now, SignedDuration::from_secs(2))
    }

    /// The same for what a recovery goes on with step by step: at most every fifth of a second.
    pub(super) fn may_often(&mut self, what: Serving, now: Timestamp) -> bool {
        self.may(what, now, OFTEN)
    }

    /// The same for what costs as much as the whole channel is long: at most once in ten seconds.
    pub(super) fn may_seldom(&mut self, what: Serving, now: Timestamp) -> bool {
        self.may(what, now, SignedDuration::from_secs(10))
    }

    fn may(&mut self, what: Serving, now: Timestamp, every: SignedDuration) -> bool {
        let may = self.served_at.get(&what).is_none_or(|at| now.duration_since(*at) >= every);
        if may {
            self.served_at.insert(what, now);
        }
        may
    }
}

/// What is sent again on the word of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Serving {
    /// Receipts of a lane, of the broadcast or not.
    Receipts(Lane, bool),
    /// A look for messages of a lane that wait although the peer has all receipts.
    Unconcluded(Lane),
    /// Messages of a lane opened again, because the peer has left the row of receipts that spoke of them.
    LeftBehind(Lane),
    /// Receipts of a lane stated anew.
    Restatement(Lane, bool),
    /// The own broadcast.
    Broadcast,
    /// Alarm and release request for a signer that is not known.
    UnknownSigner,
    /// Answer to a release request.
    Release,
    /// Answer to a request for bulletins and revocations.
    Notices,
    /// Alarm for some that were refused.
    NoticeRefused,
    /// Returned envelopes of a lane.
    Returns(Lane, bool),
    /// Returned receipts of a lane.
    ReceiptReturns(Lane, bool),
}

/// Key of an incoming channel: sender, whether it is the sender's broadcast, lane.
pub(super) type IncomingKey = (AccessPointId, bool, Lane);
/// Key of an outgoing channel.
pub(super) type OutgoingKey = (Recipient, Lane);
