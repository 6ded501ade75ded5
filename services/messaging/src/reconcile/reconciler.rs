//! Where questions are asked and answered beside the writer: signals come in before the engine sees them, answers and
//! questions go out as signals, and everything is read through the store's readers.
//!
//! Bounded: one question is answered at a time, few wait, and each peer has a quota. What cannot be believed is left
//! to the engine, which puts it into quarantine like everything of that kind.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use nhipcau_domain::{directory::Release, id::AccessPointId};
use nhipcau_proto::envelope::v1::{AccountStatement, InquiryStatement, Span, SpanAccount};
use prost::Message;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout},
};

use super::{Comparison, Error, Query, Reconciled, SPANS, account, sign_account, sign_inquiry, signed};
use crate::{
    Entropy as _, SystemEntropy,
    crypto::sign::SigningKey,
    engine::{Input, Output},
    quota::Quota,
    signal::{Kind, Signal},
    store::{Readers, Tx},
};

/// How long an answer may take …
const PATIENCE: Duration = Duration::from_secs(10);
/// … while the question is repeated this often, since signals may be lost.
const REPEAT: Duration = Duration::from_secs(2);
/// Questions that wait to be answered.
const WAITING: usize = 16;

/// What a reconciler works with.
pub struct Seams {
    /// Whose reconciler it is.
    pub access_point: AccessPointId,
    /// Signs questions and answers.
    pub signing: SigningKey,
    /// The release in use.
    pub releases: watch::Receiver<Arc<Release>>,
    /// Where everything is read from.
    pub readers: Readers,
    /// Business time.
    pub clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// Takes a signal for the broker. Must not wait.
    pub outlet: Box<dyn Fn(Output) + Send + Sync>,
}

/// What a reconciler has counted since it opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Questions of others that were answered.
    pub answered: u64,
    /// Questions of others beyond their quota or without room, dropped.
    pub shed: u64,
    /// Questions and answers that could not be believed.
    pub disbelieved: u64,
    /// Answers that nobody waits for: repeated, late or to another's question.
    pub unasked: u64,
}

#[derive(Debug, Default)]
struct Counters {
    answered: AtomicU64,
    shed: AtomicU64,
    disbelieved: AtomicU64,
    unasked: AtomicU64,
}

type Nonce = [u8; 16];
/// Who is asked, and where the answer goes.
type Awaited = (AccessPointId, oneshot::Sender<Vec<SpanAccount>>);

struct Shared {
    seams: Seams,
    counters: Counters,
    waiting: Mutex<HashMap<Nonce, Awaited>>,
    quotas: Mutex<HashMap<AccessPointId, Quota>>,
}

/// The reconciler of an access point. Cheap to clone; closes with the last of its clones.
#[derive(Clone)]
pub struct Reconciler {
    shared: Arc<Shared>,
    questions: mpsc::Sender<(AccessPointId, InquiryStatement)>,
}

impl fmt::Debug for Reconciler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconciler").field("totals", &self.totals()).finish_non_exhaustive()
    }
}

impl Reconciler {
    /// Opens the reconciler and starts to answer. Needs a tokio runtime.
    #[must_use]
    pub fn open(seams: Seams) -> Self {
        let (counters, waiting, quotas) = (Counters::default(), Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { seams, counters, waiting, quotas });
        let (questions, asked) = mpsc::channel(WAITING);
        tokio::spawn(answer(Arc::clone(&shared), asked));
        Self { shared, questions }
    }

    /// Takes a question or an answer out of what arrives; everything else comes back, for the engine.
    #[must_use]
    pub fn take(&self, input: Input) -> Option<Input> {
        let Input::Signal { sender, bytes } = &input else { return Some(input) };
        let Shared { seams, counters, .. } = &*self.shared;
        let release = Arc::clone(&seams.releases.borrow());
        let (me, now) = (&seams.access_point, (seams.clock)());
        let believed = match Signal::decode(bytes.as_slice()).ok().and_then(|signal| signal.kind) {
            Some(Kind::Inquiry(inquiry)) => {
                let inquiry = signed::verify_inquiry(&inquiry, me, &release, now);
                inquiry.filter(|(from, _)| from == sender).map(|(from, inquiry)| self.asked(from, inquiry))
            }
            Some(Kind::Account(account)) => {
                let account = signed::verify_account(&account, me, &release, now);
                account.filter(|(from, _)| from == sender).map(|(from, account)| self.answered(&from, account))
            }
            _ => return Some(input),
        };
        if believed.is_none() {
            count(&counters.disbelieved);
            return Some(input);
        }
        None
    }

    /// What was counted.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let Counters { answered, shed, disbelieved, unasked } = &self.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals { answered: read(answered), shed: read(shed), disbelieved: read(disbelieved), unasked: read(unasked) }
    }

    /// Compares the channels with a peer.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Silent`] when an answer does not come within ten seconds.
    pub async fn reconcile(&self, peer: &AccessPointId, query: Query) -> Result<Vec<Reconciled>, Error> {
        let seams = &self.shared.seams;
        let (me, other) = (seams.access_point.clone(), peer.clone());
        let prepare = move |tx: &mut Tx<'_>| Comparison::of_pair(&me, &other, &query, tx);
        let mut channels = seams.readers.read(prepare).await?;
        loop {
            let open = channels.iter().enumerate().filter_map(|(at, channel)| Some((at, *channel.next()?)));
            let (places, spans): (Vec<usize>, Vec<Span>) = open.take(SPANS).unzip();
            if places.is_empty() {
                return Ok(channels.into_iter().map(Comparison::result).collect());
            }
            let accounts = self.ask(peer, spans).await?;
            if accounts.len() != places.len() {
                return Err(Error::Misleading);
            }
            let hear = move |tx: &mut Tx<'_>| {
                for (at, account) in places.into_iter().zip(&accounts) {
                    if let Some(channel) = channels.get_mut(at) {
                        channel.hear(account, tx)?;
                    }
                }
                Ok::<_, Error>(channels)
            };
            channels = seams.readers.read(hear).await?;
        }
    }

    async fn ask(&self, peer: &AccessPointId, spans: Vec<Span>) -> Result<Vec<SpanAccount>, Error> {
        let Shared { seams, waiting, .. } = &*self.shared;
        let mut nonce = [0; 16];
        SystemEntropy.fill(&mut nonce);
        let statement = InquiryStatement {
            format: signed::FORMAT,
            sender: seams.access_point.to_string(),
            recipient: peer.to_string(),
            signing_key: seams.signing.id().to_string(),
            nonce: nonce.to_vec(),
            spans,
        };
        let bytes = sign_inquiry(&statement, &seams.signing).encode_to_vec();
        let (answer, mut answered) = oneshot::channel();
        lock(waiting).insert(nonce, (peer.clone(), answer));
        let _forget = Forget { waiting, nonce };
        let patience = Instant::now() + PATIENCE;
        while Instant::now() < patience {
            (seams.outlet)(Output::Signal { recipient: peer.clone(), bytes: bytes.clone() });
            if let Ok(answer) = timeout(REPEAT, &mut answered).await {
                return answer.map_err(|_| Error::Silent);
            }
        }
        Err(Error::Silent)
    }

    fn asked(&self, from: AccessPointId, inquiry: InquiryStatement) {
        let Shared { counters, quotas, .. } = &*self.shared;
        let may = lock(quotas).entry(from.clone()).or_insert_with(Quota::full).spend();
        if !may || self.questions.try_send((from, inquiry)).is_err() {
            count(&counters.shed);
        }
    }

    fn answered(&self, from: &AccessPointId, account: AccountStatement) {
        let Shared { counters, waiting, .. } = &*self.shared;
        let mut waiting = lock(waiting);
        let nonce = Nonce::try_from(account.nonce.as_slice()).unwrap_or_default();
        let is_awaited = waiting.get(&nonce).is_some_and(|(peer, _)| peer == from);
        match is_awaited.then(|| waiting.remove(&nonce)).flatten() {
            // Fails only when the asker has gone meanwhile.
            Some((_, asker)) => drop(asker.send(account.accounts)),
            None => count(&counters.unasked),
        }
    }
}

/// Answers one question after the other, until the reconciler closes.
async fn answer(shared: Arc<Shared>, mut asked: mpsc::Receiver<(AccessPointId, InquiryStatement)>) {
    while let Some((peer, inquiry)) = asked.recv().await {
        let seams = &shared.seams;
        let (me, other) = (seams.access_point.clone(), peer.clone());
        let spans = inquiry.spans;
        let read = move |tx: &mut Tx<'_>| {
            spans.iter().map(|span| account(&me, &other, span, tx)).collect::<Result<Vec<_>, _>>()
        };
        let accounts = match seams.readers.read(read).await {
            Ok(accounts) => accounts,
            Err(error) => {
                tracing::warn!(%error, %peer, "A question of another access point could not be answered.");
                continue;
            }
        };
        let statement = AccountStatement {
            format: signed::FORMAT,
            sender: seams.access_point.to_string(),
            recipient: peer.to_string(),
            signing_key: seams.signing.id().to_string(),
            nonce: inquiry.nonce,
            accounts,
        };
        let bytes = sign_account(&statement, &seams.signing).encode_to_vec();
        (seams.outlet)(Output::Signal { recipient: peer, bytes });
        count(&shared.counters.answered);
    }
}

/// Waits for nothing any more once the asker is done, however it is done.
struct Forget<'w> {
    waiting: &'w Mutex<HashMap<Nonce, Awaited>>,
    nonce: Nonce,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(self.waiting).remove(&self.nonce);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
