//! Hearing the bulletins and revocations that a peer has and that are not here, beside the releases.
//!
//! Whatever a peer hands on, it is asked for the next only after a while, and is never forgotten meanwhile: what it
//! says last is asked for then. Several are asked at once, and those that do not answer keep nothing away. So nobody
//! decides how much work this is, and a revocation comes soon.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use nhipcau_domain::{
    directory::{Heard, MAX_NOTICES_BYTES},
    id::AccessPointId,
};
use nhipcau_messaging::{
    engine::{Alarm, AlarmKind},
    pae::{Digest, sha256},
};
use tokio::{
    sync::{Mutex, mpsc},
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};

use super::{
    Arrival, Question, Shared, Teller, count,
    fetch::{Error, file, hand_over},
    lock,
};

/// How long all the notices of a peer may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Peers that are asked at once.
const AT_ONCE: usize = 8;

/// How a peer has fared.
struct Standing {
    until: Instant,
    alarmed: bool,
}

/// Asks peers that are said to have other notices, until the courier ends.
pub(super) async fn run(
    shared: Arc<Shared>,
    (again, mut news): (mpsc::WeakSender<AccessPointId>, mpsc::Receiver<AccessPointId>),
    arrived: mpsc::Sender<Arrival>,
    alarm: Teller,
) {
    let mut standings: HashMap<AccessPointId, Standing> = HashMap::new();
    let turn = Mutex::new(());
    let (mut asked, mut asking) = (BTreeMap::new(), FuturesUnordered::new());
    // Peers that have spoken while they were asked.
    let mut spoke = BTreeSet::new();
    let later = |peer: AccessPointId, until: Instant| {
        let again = again.clone();
        tokio::spawn(async move {
            sleep_until(until).await;
            if let Some(again) = again.upgrade() {
                // Fails only when the courier has gone.
                drop(again.send(peer).await);
            }
        });
    };
    loop {
        let (peer, heard) = tokio::select! {
            peer = news.recv(), if asking.len() < AT_ONCE => {
                let Some(peer) = peer else { return };
                if asked.contains_key(&peer) {
                    // What it says meanwhile is asked for once it has answered.
                    spoke.insert(peer);
                    continue;
                }
                let until = standings.get(&peer).map(|standing| standing.until);
                if let Some(until) = until.filter(|until| Instant::now() < *until) {
                    later(peer, until);
                    continue;
                }
                let Some(digest) = lock(&shared.noticed).remove(&peer) else { continue };
                let release = shared.release();
                if release.access_point(&peer).is_none() || release.notices_digest() == Some(digest) {
                    continue;
                }
                asked.insert(peer.clone(), digest);
                let (shared, turn, arrived) = (&shared, &turn, &arrived);
                asking.push(async move {
                    let heard = hear(shared, (&peer, digest), turn, arrived).await;
                    (peer, heard)
                });
                continue;
            }
            Some(done) = asking.next() => done,
        };
        let was_asked = asked.remove(&peer);
        let has_others = lock(&shared.noticed).get(&peer).is_some_and(|digest| Some(*digest) != was_asked);
        let is_outdated = has_others && matches!(heard, Err(Error::Silent));
        let rest = if is_outdated || matches!(heard, Ok(true)) { shared.pace.calm } else { shared.pace.pause };
        let standing = standings.entry(peer.clone()).or_insert(Standing { until: Instant::now(), alarmed: false });
        standing.until = Instant::now() + rest;
        if spoke.remove(&peer) {
            later(peer.clone(), standing.until);
        }
        match heard {
            Ok(_) => standing.alarmed = false,
            Err(Error::Ending) => return,
            Err(Error::Silent) => tracing::info!(%peer, "A peer that may have heard more does not answer."),
            Err(error) => {
                count(&shared.counters.refused);
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, %peer, "A bulletin or revocation that a peer handed on was not taken.");
                if !std::mem::replace(&mut standing.alarmed, true) {
                    lock(&alarm)(Alarm { kind: AlarmKind::NoticeRefused, peer: Some(peer) });
                }
            }
        }
    }
}

/// Whether anything was new. What is refused keeps nothing else away.
async fn hear(
    shared: &Shared,
    (peer, digest): (&AccessPointId, Digest),
    turn: &Mutex<()>,
    arrived: &mpsc::Sender<Arrival>,
) -> Result<bool, Error> {
    let whole = timeout(PATIENCE, file(shared, peer, Question::Notices(digest, 0), MAX_NOTICES_BYTES));
    let notices = whole.await.map_err(|_| Error::Silent)??;
    if sha256(&notices) != digest {
        return Err(Error::Altered);
    }
    // Each is laid over what is in use, so that none takes away what another has brought.
    let _turn = turn.lock().await;
    let current = shared.release();
    let Heard { release, refused } = spawn_blocking(move || current.hear(&notices)).await??;
    let is_new = release.is_some();
    if let Some(release) = release {
        hand_over(arrived, Arc::new(release)).await?;
        count(&shared.counters.heard);
    }
    refused.into_iter().next().map_or(Ok(is_new), |refused| Err(Error::Refused(refused)))
}
