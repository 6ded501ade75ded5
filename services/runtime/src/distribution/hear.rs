//! Hearing the bulletins and revocations that a peer has and that are not here, beside the releases.
//!
//! Whatever a peer hands on, it is asked for the next only after a while, and is never forgotten meanwhile: what it
//! says last is asked for then. So nobody decides how much work this is, and a revocation comes soon.

use std::{collections::HashMap, sync::Arc, time::Duration};

use nhipcau_domain::{
    directory::{Heard, MAX_NOTICES_BYTES},
    id::AccessPointId,
};
use nhipcau_messaging::{
    engine::{Alarm, AlarmKind},
    pae::{Digest, sha256},
};
use tokio::{
    sync::mpsc,
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
    while let Some(peer) = news.recv().await {
        if let Some(until) = standings.get(&peer).map(|standing| standing.until).filter(|until| Instant::now() < *until)
        {
            let again = again.clone();
            tokio::spawn(async move {
                sleep_until(until).await;
                if let Some(again) = again.upgrade() {
                    // Fails only when the courier has gone.
                    drop(again.send(peer).await);
                }
            });
            continue;
        }
        let Some(digest) = lock(&shared.noticed).remove(&peer) else { continue };
        let release = shared.release();
        if release.access_point(&peer).is_none() || release.notices_digest() == Some(digest) {
            continue;
        }
        let heard = hear(&shared, &peer, digest, &arrived).await;
        let is_outdated = matches!(heard, Err(Error::Silent)) && lock(&shared.noticed).contains_key(&peer);
        let rest = if is_outdated || matches!(heard, Ok(true)) { shared.pace.calm } else { shared.pace.pause };
        let standing = standings.entry(peer.clone()).or_insert(Standing { until: Instant::now(), alarmed: false });
        standing.until = Instant::now() + rest;
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
    peer: &AccessPointId,
    digest: Digest,
    arrived: &mpsc::Sender<Arrival>,
) -> Result<bool, Error> {
    let whole = timeout(PATIENCE, file(shared, peer, Question::Notices(digest, 0), MAX_NOTICES_BYTES));
    let notices = whole.await.map_err(|_| Error::Silent)??;
    if sha256(&notices) != digest {
        return Err(Error::Altered);
    }
    let current = shared.release();
    let Heard { release, refused } = spawn_blocking(move || current.hear(&notices)).await??;
    let is_new = release.is_some();
    if let Some(release) = release {
        hand_over(arrived, Arc::new(release)).await?;
        count(&shared.counters.heard);
    }
    refused.into_iter().next().map_or(Ok(is_new), |refused| Err(Error::Refused(refused)))
}
