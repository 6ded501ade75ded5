//! How the directory reaches an access point over the bus: a newer release that a peer has, with the tables that it
//! names, and the bulletins and revocations that it has heard, piece by piece, beside the writer, so that no message
//! waits for it.
//!
//! Nothing is believed because of who sent it. A release counts by its signatures under the root in use, a table by the
//! digest in a verified release, and both only once they are whole; bulletins and revocations each by its own. Tables
//! are written first; the release is written and taken into use by whoever reads [`Courier::open`]'s arrivals, exactly
//! as one that an operator installed. One file is fetched at a time and held in memory until it is verified: at most 16
//! MiB, and 4 MiB of notices from each of eight peers beside it, so that no peer which is slow keeps a revocation away.
//! A peer whose release is refused is alarmed of once and asked ever more rarely; for notices it is asked once in a
//! while, whatever came of it.
//!
//! Leaves out which release is newest and who has other notices: peers' statuses say that.

mod fetch;
mod hear;
mod shelf;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use nhipcau_domain::{directory::Release, id::AccessPointId};
use nhipcau_messaging::{
    engine::{Alarm, Input, Output},
    pae::Digest,
    quota::Quota,
    signal::{FilePiece, Kind, Signal},
};
use prost::Message as _;
use tokio::sync::{mpsc, oneshot, watch};

use crate::config;

/// Bytes of a piece: with its heading it fits twice into a signal.
const PIECE: usize = 256 * 1024;
/// Questions of peers that wait to be answered.
const WAITING: usize = 16;
/// Peers that wait to be asked.
const HINTS: usize = 16;
/// A request is this long at most; longer signals need not be read.
const REQUEST_BYTES: usize = 48;

/// How patient a courier is.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long a question waits for its answer before it is repeated, since signals may be lost.
    pub repeat: Duration,
    /// How often it is asked in all.
    pub tries: u32,
    /// How long a peer that failed is left alone; twice as long after each further release that was refused.
    pub pause: Duration,
    /// The longest such pause.
    pub longest: Duration,
    /// How long a peer whose notices were taken is left alone; others for `pause`.
    pub calm: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            repeat: Duration::from_secs(2),
            tries: 5,
            pause: Duration::from_secs(15),
            longest: Duration::from_hours(1),
            calm: Duration::from_secs(2),
        }
    }
}

/// What a courier works with.
pub struct Seams {
    /// Whose courier it is.
    pub access_point: AccessPointId,
    /// Where the directory's files are.
    pub config: config::Directory,
    /// The release in use.
    pub releases: watch::Receiver<Arc<Release>>,
    /// Takes a signal for the broker. Must not wait.
    pub outlet: Box<dyn Fn(Output) + Send + Sync>,
    /// Tells a person.
    pub alarm: Box<dyn FnMut(Alarm) + Send>,
    /// How patient it is.
    pub pace: Pace,
}

/// A verified release whose tables are in their place, or the one in use with more bulletins or revocations over it, to
/// be looked at, kept and taken into use.
#[derive(Debug)]
pub struct Arrival {
    release: Arc<Release>,
    answer: oneshot::Sender<Result<(), String>>,
}

impl Arrival {
    /// The release.
    #[must_use]
    pub fn release(&self) -> &Arc<Release> {
        &self.release
    }

    /// Says that it is in use, or why not.
    pub fn answer(self, result: Result<(), String>) {
        // Fails only when the courier has gone meanwhile.
        drop(self.answer.send(result));
    }
}

/// What a courier has counted since it opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Releases that came over the bus and are in use.
    pub taken: u64,
    /// Bulletins and revocations, as often as some came over the bus and are in use.
    pub heard: u64,
    /// Releases, bulletins and revocations of peers that were refused, as often as some were.
    pub refused: u64,
    /// Pieces handed out to peers.
    pub served: u64,
    /// Questions of peers beyond their quota, without room or for files that are not here.
    pub shed: u64,
    /// Answers that nobody waits for, and signals of strangers.
    pub unasked: u64,
}

#[derive(Debug, Default)]
struct Counters {
    taken: AtomicU64,
    heard: AtomicU64,
    refused: AtomicU64,
    served: AtomicU64,
    shed: AtomicU64,
    unasked: AtomicU64,
}

/// What is asked of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// The first piece of the next release from this version on.
    Release(u64),
    /// A piece of a file.
    Piece([u8; 32], u64),
    /// A piece of a peer's notices, unless it has others meanwhile.
    Notices([u8; 32], u64),
}

impl Question {
    fn is_answered_by(self, piece: &FilePiece) -> bool {
        match self {
            Self::Release(version) => piece.release_version >= version && piece.offset == 0,
            Self::Piece(digest, offset) | Self::Notices(digest, offset) => {
                piece.release_version == 0 && piece.offset == offset && piece.digest == digest
            }
        }
    }
}

/// A question that is open: one of a release or its tables, and one of notices.
struct Awaited {
    peer: AccessPointId,
    question: Question,
    answer: oneshot::Sender<FilePiece>,
}

/// Who tells a person, for both who fetch.
type Teller = Arc<Mutex<Box<dyn FnMut(Alarm) + Send>>>;

struct Shared {
    access_point: AccessPointId,
    config: config::Directory,
    releases: watch::Receiver<Arc<Release>>,
    outlet: Box<dyn Fn(Output) + Send + Sync>,
    pace: Pace,
    counters: Counters,
    awaited: Mutex<Vec<Awaited>>,
    /// Peers that wait to be asked, each once: one that speaks all the time must not take the places of others.
    hinted: Mutex<BTreeSet<AccessPointId>>,
    /// What notices peers have that are not those here.
    noticed: Mutex<BTreeMap<AccessPointId, Digest>>,
    quotas: Mutex<HashMap<AccessPointId, Quota>>,
}

impl Shared {
    fn release(&self) -> Arc<Release> {
        Arc::clone(&self.releases.borrow())
    }

    /// Whether a peer has said meanwhile that it no longer has what it is asked for.
    fn is_outdated(&self, peer: &AccessPointId, question: Question) -> bool {
        let Question::Notices(digest, _) = question else { return false };
        lock(&self.noticed).get(peer).is_some_and(|newer| *newer != digest)
    }

    /// Opens a question; those that nobody waits for any more are closed.
    fn expect(&self, question: Awaited) {
        let mut awaited = lock(&self.awaited);
        awaited.retain(|open| !open.answer.is_closed());
        awaited.push(question);
    }

    fn send(&self, recipient: AccessPointId, kind: Kind) {
        let bytes = Signal { kind: Some(kind) }.encode_to_vec();
        (self.outlet)(Output::Signal { recipient, bytes });
    }
}

/// The courier of an access point. Cheap to clone; ends with the last of its clones.
#[derive(Clone)]
pub struct Courier {
    shared: Arc<Shared>,
    hints: mpsc::Sender<AccessPointId>,
    news: mpsc::Sender<AccessPointId>,
    questions: mpsc::Sender<(AccessPointId, Question)>,
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").field("totals", &self.totals()).finish_non_exhaustive()
    }
}

impl Courier {
    /// Starts to hand out and to fetch; what was fetched comes out of the receiver. Needs a tokio runtime.
    #[must_use]
    pub fn open(seams: Seams) -> (Self, mpsc::Receiver<Arrival>) {
        let Seams { access_point, config, releases, outlet, alarm, pace } = seams;
        let shared = Arc::new(Shared {
            access_point,
            config,
            releases,
            outlet,
            pace,
            counters: Counters::default(),
            awaited: Mutex::default(),
            hinted: Mutex::default(),
            noticed: Mutex::default(),
            quotas: Mutex::default(),
        });
        let (hints, hinted) = mpsc::channel(HINTS);
        let (questions, asked) = mpsc::channel(WAITING);
        let (arrived, arrivals) = mpsc::channel(1);
        let (news, heard) = mpsc::channel(HINTS);
        let alarm: Teller = Arc::new(Mutex::new(alarm));
        tokio::spawn(shelf::hand_out(Arc::clone(&shared), asked));
        tokio::spawn(hear::run(Arc::clone(&shared), (news.downgrade(), heard), arrived.clone(), Arc::clone(&alarm)));
        tokio::spawn(fetch::run(Arc::clone(&shared), hinted, arrived, alarm));
        (Self { shared, hints, news, questions }, arrivals)
    }

    /// Takes everything that brings the directory out of what arrives, so that the engine takes no release into use
    /// that is not on the disk; the rest comes back, for the engine.
    #[must_use]
    pub fn take(&self, input: Input) -> Option<Input> {
        let Input::Signal { sender, bytes } = &input else { return Some(input) };
        let counters = &self.shared.counters;
        let kind = Signal::decode(bytes.as_slice()).ok().and_then(|signal| signal.kind);
        let is_peer = || *sender != self.shared.access_point && self.shared.release().access_point(sender).is_some();
        match kind {
            Some(Kind::ReleaseRequest(version)) if is_peer() => self.asked(sender, Question::Release(version)),
            Some(Kind::FileRequest(request)) if is_peer() => match request.digest.try_into() {
                Ok(digest) => self.asked(sender, Question::Piece(digest, request.offset)),
                Err(_) => count(&counters.shed),
            },
            Some(Kind::FilePiece(piece)) if is_peer() => self.answered(sender, piece),
            Some(Kind::ReleaseRequest(_) | Kind::FileRequest(_) | Kind::FilePiece(_) | Kind::Release(_)) => {
                count(&counters.unasked);
            }
            _ => return Some(input),
        }
        None
    }

    /// Takes the engine's word that a peer has a newer release, or other notices, out of what it sends; the rest comes
    /// back.
    #[must_use]
    pub fn divert(&self, output: Output) -> Option<Output> {
        let Output::Signal { recipient, bytes } = &output else { return Some(output) };
        if bytes.len() > REQUEST_BYTES {
            return Some(output);
        }
        // Without room another status of the peer will say it again.
        match Signal::decode(bytes.as_slice()).ok().and_then(|signal| signal.kind) {
            Some(Kind::ReleaseRequest(_)) => {
                let mut hinted = lock(&self.shared.hinted);
                if hinted.insert(recipient.clone()) && self.hints.try_send(recipient.clone()).is_err() {
                    hinted.remove(recipient);
                }
            }
            Some(Kind::FileRequest(request)) => {
                let Ok(digest) = request.digest.try_into() else { return None };
                let mut noticed = lock(&self.shared.noticed);
                let is_waiting = noticed.insert(recipient.clone(), digest).is_some();
                if !is_waiting && self.news.try_send(recipient.clone()).is_err() {
                    noticed.remove(recipient);
                }
            }
            _ => return Some(output),
        }
        None
    }

    /// What was counted.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let Counters { taken, heard, refused, served, shed, unasked } = &self.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            taken: read(taken),
            heard: read(heard),
            refused: read(refused),
            served: read(served),
            shed: read(shed),
            unasked: read(unasked),
        }
    }

    fn asked(&self, peer: &AccessPointId, question: Question) {
        let may = lock(&self.shared.quotas).entry(peer.clone()).or_insert_with(Quota::full).spend();
        if !may || self.questions.try_send((peer.clone(), question)).is_err() {
            count(&self.shared.counters.shed);
        }
    }

    fn answered(&self, peer: &AccessPointId, piece: FilePiece) {
        let mut awaited = lock(&self.shared.awaited);
        let open = awaited.iter().position(|open| open.peer == *peer && open.question.is_answered_by(&piece));
        match open.map(|open| awaited.swap_remove(open)) {
            // Fails only when patience ended meanwhile.
            Some(open) => drop(open.answer.send(piece)),
            None => count(&self.shared.counters.unasked),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
