//! The engine: a synchronous state machine over one store transaction.
//!
//! The shell collects a group of inputs, opens a transaction, calls [`Engine::step`] for each and [`Engine::flush`]
//! once, commits, and only then carries the outputs out. Whatever fails inside is the end of the process: memory
//! may then differ from the disk, and every start is a recovery.

mod admitting;
mod alarming;
mod applying;
mod blobs;
mod channel;
mod concluding;
mod hearing;
mod holding_back;
mod noticing;
mod numbering;
mod opening;
mod overview;
mod port;
mod publishing;
mod receipting;
mod receiving;
mod resting;
mod retaining;
mod returning;
mod sealing;
mod status;
mod submitting;
mod taking_back;
mod timing;
mod waiting;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

pub use admitting::Limits;
pub use alarming::{Alarm, AlarmKind};
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Bulletin, Release},
    id::{AccessPointId, ContractId},
};
pub use overview::{ChannelPhase, ChannelState};
pub use port::{Input, Kind, Output, PublishResult};
pub use resting::{CaseKeys, RestError};
pub use submitting::SubmitError;

use self::channel::{Incoming, IncomingKey, Outgoing, OutgoingKey, Peer, RETRY_FIRST};
use crate::{
    Entropy,
    crypto::seal::ChannelKey,
    envelope::{ChannelKeys, Sender, wire},
    handler::Handler,
    keys::KeyRing,
    message::{Address, Header, Lane, MessageId, Recipient},
    signal::Run,
    store::{
        self, Tx,
        inbox::{self, Channel},
        lost, outbox,
    },
};

/// How long a start waits for a sender's word before it processes what that sender had queued: the sender may be
/// down, and a case must not wait for it.
const SYNC_PATIENCE: SignedDuration = SignedDuration::from_secs(10);
/// Deliveries kept back during that wait.
const HELD_LIMIT: usize = 256;

/// What an engine is made of.
pub struct Config {
    /// The access point it speaks for.
    pub access_point: AccessPointId,
    /// Start number: higher than at any start before, kept outside the store as well.
    pub start: u64,
    /// The access point's secrets.
    pub keys: KeyRing,
    /// The directory release in force.
    pub release: Arc<Release>,
    /// One handler per contract.
    pub handlers: Vec<Box<dyn Handler>>,
    /// Randomness.
    pub entropy: Box<dyn Entropy>,
    /// What may wait for a recipient.
    pub limits: Limits,
    /// Whether the store is an older copy of the one that the last process wrote.
    pub is_put_back: bool,
}

/// Why an engine stops.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] store::Error),
    /// Another process of this access point has started since.
    #[error("another process of this access point has taken over")]
    Superseded,
    /// A key cannot be used.
    #[error("an own key cannot be used")]
    Key(#[from] crate::crypto::KeyError),
    /// An own access point or signing key is not in the directory.
    #[error("the directory release does not hold this access point with this signing key")]
    NotInDirectory,
}

/// The state machine of one access point.
pub struct Engine {
    me: AccessPointId,
    start: u64,
    run: Run,
    keys: KeyRing,
    release: Arc<Release>,
    handlers: BTreeMap<ContractId, Box<dyn Handler>>,
    /// Contracts whose parties go on with what is open when they are over.
    lasting: BTreeSet<ContractId>,
    entropy: Box<dyn Entropy>,
    started: Timestamp,
    /// When the last message was accepted before the start, in microseconds.
    last_accepted: i64,
    /// Whether this store was found to have forgotten something, and that is not noted yet.
    has_forgotten: bool,
    last_now: Timestamp,
    time: Timestamp,
    own_released_at: Timestamp,
    outgoing: BTreeMap<OutgoingKey, Outgoing>,
    incoming: BTreeMap<IncomingKey, Incoming>,
    peers: BTreeMap<AccessPointId, Peer>,
    channel_keys: ChannelKeys,
    opened_keys: HashMap<Vec<u8>, ChannelKey>,
    case_keys: CaseKeys,
    held: VecDeque<Input>,
    loopback: VecDeque<wire::Envelope>,
    outputs: Vec<Output>,
    published: HashMap<u64, (OutgoingKey, u64)>,
    early_strays: HashMap<MessageId, Timestamp>,
    limits: Limits,
    /// What waits for whom, as far as it was counted.
    waiting: BTreeMap<AccessPointId, admitting::Waiting>,
    disk_is_low: bool,
    next_alarm: Timestamp,
    next_expiry_alarm: Timestamp,
    next_letting_go: Timestamp,
    next_due: Timestamp,
    /// Whether this delivery was already put into quarantine once.
    quarantined_bundle: bool,
    /// Whether this delivery holds something that could not be kept.
    unkept: bool,
    next_token: u64,
    next_serial: u64,
    /// The next serial when this group began: what is older is on disk.
    group_serial: u64,
    status_number: u64,
    branches: BTreeMap<&'static str, u64>,
}

impl Engine {
    /// Starts: reads where every channel stands and prepares to agree with every peer. Nothing is signed on a
    /// channel before its recipient has been heard; broadcasts and messages to oneself wait for nobody.
    ///
    /// # Errors
    /// [`Error`] when the store fails or the directory does not know this access point and its signing key.
    pub fn start(now: Timestamp, mut config: Config, tx: &mut Tx<'_>) -> Result<Self, Error> {
        let known = config.release.signing_key(&config.access_point, config.keys.signing.id());
        if known.is_none_or(|key| key.public != config.keys.signing.public()) {
            return Err(Error::NotInDirectory);
        }
        let case_keys = CaseKeys::new(std::mem::take(&mut config.keys.kek));
        let mut run = [0; 16];
        config.entropy.fill(&mut run);
        let lasting = config.handlers.iter().filter(|handler| handler.outlasts_parties());
        let lasting = lasting.map(|handler| handler.contract().clone()).collect();
        let mut engine = Self {
            lasting,
            me: config.access_point,
            start: config.start.max(1),
            run,
            keys: config.keys,
            release: config.release,
            handlers: config.handlers.into_iter().map(|h| (h.contract().clone(), h)).collect(),
            entropy: config.entropy,
            started: now,
            last_accepted: lost::last_accepted(tx)?,
            has_forgotten: false,
            last_now: now,
            time: now,
            own_released_at: now,
            outgoing: BTreeMap::new(),
            incoming: BTreeMap::new(),
            peers: BTreeMap::new(),
            channel_keys: ChannelKeys::default(),
            opened_keys: HashMap::new(),
            case_keys,
            held: VecDeque::new(),
            loopback: VecDeque::new(),
            outputs: Vec::new(),
            published: HashMap::new(),
            early_strays: HashMap::new(),
            limits: config.limits,
            waiting: BTreeMap::new(),
            disk_is_low: false,
            next_alarm: now,
            next_expiry_alarm: now,
            next_letting_go: now,
            next_due: now,
            quarantined_bundle: false,
            unkept: false,
            next_token: 1,
            next_serial: outbox::next_serial(tx)?,
            group_serial: 0,
            status_number: 0,
            branches: BTreeMap::new(),
        };
        engine.group_serial = engine.next_serial;
        engine.load_channels(now, tx)?;
        if config.is_put_back {
            engine.alarm(AlarmKind::RolledBack, None);
        }
        Ok(engine)
    }

    /// Takes one input. Its outputs come with [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`Error`]: the process must stop.
    pub fn step(&mut self, now: Timestamp, input: Input, tx: &mut Tx<'_>) -> Result<(), Error> {
        self.pass(now);
        match input {
            Input::Delivery { kind, sender, bytes, token } => self.deliver(now, kind, sender, bytes, token, tx),
            Input::Signal { sender, bytes } => self.signal(now, &sender, &bytes, tx),
            Input::Published { token, result } => {
                self.published(token, result);
                Ok(())
            }
            Input::Release(release) => self.install(now, release, tx),
            Input::Sealing(secrets) => {
                self.keys.sealing = secrets;
                // What was opened with a key that is destroyed is not remembered either.
                self.opened_keys.clear();
                Ok(())
            }
            Input::DiskLow(is_low) => {
                self.hear_disk(is_low);
                Ok(())
            }
            Input::Tick => self.tick(now, tx),
        }
    }

    /// Ends a group: signs what may be signed, issues receipts, and gives out what the shell must do once the
    /// transaction is on disk.
    ///
    /// # Errors
    /// [`Error`]: the process must stop.
    pub fn flush(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<Vec<Output>, Error> {
        self.pass(now);
        loop {
            self.seal_drafts(now, tx)?;
            self.publish(now, tx)?;
            self.issue_receipts(now, tx)?;
            if self.loopback.is_empty() {
                break;
            }
            while let Some(envelope) = self.loopback.pop_front() {
                let me = self.me.clone();
                self.receive(now, &me, envelope, tx)?;
            }
        }
        self.return_lost(now, tx)?;
        self.send_status(now, tx)?;
        if std::mem::take(&mut self.has_forgotten) {
            lost::note(tx, self.start, self.last_accepted, micros(self.started))?;
        }
        self.group_serial = self.next_serial;
        Ok(std::mem::take(&mut self.outputs))
    }

    /// How often each branch of recovery was taken since the start; the simulation demands them all.
    #[must_use]
    pub fn branches(&self) -> &BTreeMap<&'static str, u64> {
        &self.branches
    }

    /// Whether every channel to other access points that are in the directory may sign.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.outgoing.values().all(|out| out.phase == channel::Phase::Open)
    }

    fn load_channels(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        let everyone: Vec<_> = self.release.access_points().map(|a| a.id.clone()).collect();
        let mut recipients = vec![Recipient::All];
        recipients.extend(everyone.iter().cloned().map(Recipient::One));
        for recipient in recipients {
            for lane in Lane::ALL {
                if recipient == Recipient::All && lane == Lane::Messages {
                    continue;
                }
                let key = (recipient.clone(), lane);
                if !self.outgoing.contains_key(&key) {
                    let alone = recipient == Recipient::All || recipient == Recipient::One(self.me.clone());
                    let channel = Outgoing::load(tx, &recipient, lane, self.start, alone, now)?;
                    self.outgoing.insert(key, channel);
                }
            }
        }
        for peer in everyone {
            for (broadcast, lane) in [(false, Lane::Messages), (false, Lane::Bulk), (true, Lane::Bulk)] {
                let key = (peer.clone(), broadcast, lane);
                if !self.incoming.contains_key(&key) {
                    let synced = peer == self.me;
                    let channel = Incoming::load(tx, self.channel(&key), synced, self.time)?;
                    self.incoming.insert(key, channel);
                }
            }
            if peer != self.me && !self.peers.contains_key(&peer) {
                self.peers.insert(peer, Peer::new(now));
            }
        }
        Ok(())
    }

    /// A newer release, or more over the one in use. Where it changes what is believed or allowed, unreceipted
    /// envelopes are agreed on anew, so that what it no longer allows is skipped; a new epoch alone concerns what is
    /// signed next, and what its owner could not open.
    fn install(&mut self, now: Timestamp, release: Arc<Release>, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        if !release.supersedes(&self.release) {
            return Ok(());
        }
        let changes_trust = release.changes_trust(&self.release);
        let before = std::mem::replace(&mut self.release, release);
        self.load_channels(now, tx)?;
        for out in self.outgoing.values_mut() {
            out.drafts = true;
        }
        for peer in self.peers.values_mut() {
            peer.status_due(time);
            peer.status_soon = 2;
            peer.behind_since = None;
        }
        let bulletin = |release: &Release, id| release.access_point(id)?.bulletin().map(Bulletin::version);
        let known = self.release.access_points().map(|point| &point.id);
        let spoken: Vec<_> = known.filter(|id| bulletin(&self.release, id) != bulletin(&before, id)).cloned().collect();
        for id in spoken {
            self.branch("bulletin_installed");
            self.sign_waiting(&Recipient::One(id), tx)?;
        }
        if !changes_trust {
            return Ok(());
        }
        // Nobody has others agree anew by revoking keys of its own.
        let is_later = self.release.version() > before.version();
        let revoked: Vec<_> = self.release.revoked_since(&before).cloned().collect();
        let is_concerned = |recipient: &Recipient| {
            let of_peer = |id: &AccessPointId| Recipient::One(id.clone()) == *recipient || *id == self.me;
            is_later || revoked.iter().any(of_peer)
        };
        let unconcluded: Vec<OutgoingKey> = self
            .outgoing
            .iter()
            .filter(|(key, out)| out.receipted < out.head.sequence && is_concerned(&key.0))
            .map(|(key, _)| key.clone())
            .collect();
        for key in unconcluded {
            self.reopen(&key, tx)?;
        }
        for channel in self.incoming.values_mut().filter(|channel| channel.retry_at.is_some()) {
            channel.retry_at = Some(time);
            channel.retry_backoff = RETRY_FIRST;
        }
        self.branch("release_installed");
        self.apply_held_back(now, tx)
    }

    /// Lets what was waiting for time go on.
    fn tick(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        if time.duration_since(self.started) >= SYNC_PATIENCE && self.incoming.values().any(|c| !c.synced) {
            for channel in self.incoming.values_mut() {
                channel.synced = true;
            }
            if !self.held.is_empty() {
                self.branch("sync_patience_ended");
            }
        }
        self.take_held(now, tx)?;
        self.rewrap(tx)?;
        self.let_go(now, tx)?;
        self.let_own_waiting_go(tx)?;
        self.act_on_due(now, tx)?;
        self.alarm_expiry(now);
        self.alarm_unreceipted(now, tx)
    }

    /// Whether the directory lets a message go from its sender to a party now.
    fn allows(&self, header: &Header, to: &Address, now: Timestamp) -> bool {
        let Header { sender, contract, purpose, .. } = header;
        match self.lasting.contains(contract) {
            true => self.release.lets_go_on(&sender.party, contract, &to.party, purpose, now),
            false => self.release.allows(&sender.party, contract, &to.party, purpose, now),
        }
    }

    fn sender(&self) -> Sender<'_> {
        Sender { access_point: &self.me, signing: &self.keys.signing, directory_version: self.release.version() }
    }

    fn channel<'k>(&'k self, (sender, broadcast, lane): &'k IncomingKey) -> Channel<'k> {
        Channel { sender, recipient: if *broadcast { "all" } else { self.me.as_str() }, lane: *lane }
    }

    fn peer(&mut self, id: &AccessPointId) -> &mut Peer {
        let time = self.time;
        self.peers.entry(id.clone()).or_insert_with(|| Peer::new(time))
    }

    /// Time for waiting, which never goes back: a clock that was set back must not silence anybody.
    fn pass(&mut self, now: Timestamp) {
        let passed = now.duration_since(self.last_now);
        if passed.is_positive() {
            self.time += passed;
        }
        self.last_now = now;
    }

    fn branch(&mut self, name: &'static str) {
        *self.branches.entry(name).or_default() += 1;
    }

    fn alarm(&mut self, kind: AlarmKind, peer: Option<&AccessPointId>) {
        self.has_forgotten |= kind == AlarmKind::RolledBack;
        self.outputs.push(Output::Alarm(Alarm { kind, peer: peer.cloned() }));
    }

    fn quarantine(
        &mut self,
        now: Timestamp,
        subject_sender: &AccessPointId,
        reason: &'static str,
        bytes: &[u8],
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        self.branch("quarantined");
        if std::mem::replace(&mut self.quarantined_bundle, true) {
            return Ok(());
        }
        inbox::quarantine(tx, subject_sender, reason, &crate::pae::sha256(bytes), bytes.len(), micros(now))?;
        self.alarm(AlarmKind::Quarantined, Some(subject_sender));
        Ok(())
    }
}

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}
