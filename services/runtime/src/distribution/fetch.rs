//! Fetching a newer release from a peer that has one: the release, verified, then every table that is not here yet.
//!
//! Peers are asked one at a time, and what is not of the announced size ends the attempt, so that no peer decides how
//! much memory this takes. A peer that failed waits; one whose releases are refused ever longer.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, atomic::Ordering},
};

use nhipcau_domain::{
    directory::{self as domain, MAX_FILE_BYTES, MAX_RELEASE_BYTES, Release},
    id::AccessPointId,
};
use nhipcau_messaging::{
    engine::{Alarm, AlarmKind},
    signal::{FilePiece, FileRequest, Kind},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinError, spawn_blocking},
    time::{Instant, timeout},
};

use super::{Arrival, Awaited, PIECE, Pace, Question, Shared, Teller, count, lock};
use crate::directory;

/// Why a release of a peer, or what it has heard, is not in use here.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the peer does not answer")]
    Silent,
    #[error("what the peer sent is not what it should be")]
    Altered,
    #[error("the release is not newer than the one in use")]
    NotNewer,
    #[error("it was refused")]
    Refused(#[from] domain::Error),
    #[error("the directory's files")]
    Files(#[from] directory::Error),
    #[error("it cannot be used here: {0}")]
    Unusable(String),
    #[error("the process ends")]
    Ending,
}

impl From<JoinError> for Error {
    fn from(_: JoinError) -> Self {
        Self::Ending
    }
}

impl From<oneshot::error::RecvError> for Error {
    fn from(_: oneshot::error::RecvError) -> Self {
        Self::Ending
    }
}

/// How a peer has fared.
struct Standing {
    failures: u32,
    alarmed: bool,
    until: Instant,
}

/// Asks peers that are said to have newer releases, until the courier ends.
pub(super) async fn run(
    shared: Arc<Shared>,
    mut hints: mpsc::Receiver<AccessPointId>,
    arrived: mpsc::Sender<Arrival>,
    alarm: Teller,
) {
    let mut standings: HashMap<AccessPointId, Standing> = HashMap::new();
    while let Some(peer) = hints.recv().await {
        lock(&shared.hinted).remove(&peer);
        let is_paused = standings.get(&peer).is_some_and(|standing| Instant::now() < standing.until);
        if is_paused || shared.release().access_point(&peer).is_none() {
            continue;
        }
        let error = match catch_up(&shared, &peer, &arrived).await {
            Ok(()) => {
                standings.remove(&peer);
                continue;
            }
            Err(Error::Ending) => return,
            Err(error) => error,
        };
        let fresh = Standing { failures: 0, alarmed: false, until: Instant::now() };
        let standing = standings.entry(peer.clone()).or_insert(fresh);
        if matches!(error, Error::Silent) {
            // Never longer: it may have had none to give, and have one soon.
            standing.until = Instant::now() + shared.pace.pause;
            tracing::info!(%peer, "A peer that may have a newer directory release does not answer.");
            continue;
        }
        standing.until = Instant::now() + pause(shared.pace, standing.failures);
        standing.failures += 1;
        count(&shared.counters.refused);
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, %peer, "A newer directory release of a peer was not taken.");
        if !std::mem::replace(&mut standing.alarmed, true) {
            lock(&alarm)(Alarm { kind: AlarmKind::ReleaseRefused, peer: Some(peer) });
        }
    }
}

fn pause(pace: Pace, failures: u32) -> std::time::Duration {
    pace.pause.saturating_mul(1 << failures.min(16)).min(pace.longest)
}

/// Takes one release after the other, so that none is missed that changes the root, until the peer has no newer one.
async fn catch_up(shared: &Shared, peer: &AccessPointId, arrived: &mpsc::Sender<Arrival>) -> Result<(), Error> {
    let mut taken = 0;
    loop {
        match next(shared, peer, arrived).await {
            Ok(()) => taken += 1,
            Err(Error::Silent) if taken > 0 => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

async fn next(shared: &Shared, peer: &AccessPointId, arrived: &mpsc::Sender<Arrival>) -> Result<(), Error> {
    let current = shared.release();
    let bytes = file(shared, peer, Question::Release(current.version() + 1), MAX_RELEASE_BYTES).await?;
    let verify = move || -> Result<Release, Error> {
        let release = Release::verify(&bytes, current.root(), Some(&current))?;
        if release.version() > current.version() { Ok(release) } else { Err(Error::NotNewer) }
    };
    let release = Arc::new(spawn_blocking(verify).await??);
    for table in &release.wire().attachments {
        fetch_table(shared, peer, &release, table).await?;
    }
    hand_over(arrived, release).await?;
    shared.counters.taken.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Has a release taken into use.
pub(super) async fn hand_over(arrived: &mpsc::Sender<Arrival>, release: Arc<Release>) -> Result<(), Error> {
    let (answer, answered) = oneshot::channel();
    arrived.send(Arrival { release, answer }).await.map_err(|_| Error::Ending)?;
    answered.await?.map_err(Error::Unusable)
}

/// Brings a table into its place unless it is there.
async fn fetch_table(
    shared: &Shared,
    peer: &AccessPointId,
    release: &Arc<Release>,
    table: &nhipcau_proto::directory::v1::Attachment,
) -> Result<(), Error> {
    let (config, vouching, name) = (shared.config.clone(), Arc::clone(release), table.name.clone());
    let here = spawn_blocking(move || directory::attachment(&config, &vouching, &name)).await?;
    match here {
        Ok(_) => return Ok(()),
        Err(directory::Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let digest = table.digest.as_slice().try_into().map_err(|_| Error::Altered)?;
    let limit = usize::try_from(table.size_bytes).unwrap_or(MAX_FILE_BYTES).min(MAX_FILE_BYTES);
    let bytes = file(shared, peer, Question::Piece(digest, 0), limit).await?;
    let (config, vouching, name) = (shared.config.clone(), Arc::clone(release), table.name.clone());
    spawn_blocking(move || directory::keep_table(&config, &vouching, &name, &bytes)).await??;
    Ok(())
}

/// A whole file as the peer gives it. Whoever uses it holds it against a digest or signatures that are believed.
pub(super) async fn file(
    shared: &Shared,
    peer: &AccessPointId,
    question: Question,
    limit: usize,
) -> Result<Vec<u8>, Error> {
    let first = ask(shared, peer, question).await?;
    let size = usize::try_from(first.size_bytes).ok().filter(|size| (1..=limit).contains(size));
    let size = size.ok_or(Error::Altered)?;
    let digest: [u8; 32] = first.digest.as_slice().try_into().map_err(|_| Error::Altered)?;
    let (mut bytes, mut piece) = (Vec::new(), first);
    loop {
        if piece.size_bytes != size as u64 || piece.content.len() != PIECE.min(size - bytes.len()) {
            return Err(Error::Altered);
        }
        bytes.append(&mut piece.content);
        if bytes.len() == size {
            return Ok(bytes);
        }
        let offset = bytes.len() as u64;
        let rest = match question {
            Question::Notices(..) => Question::Notices(digest, offset),
            Question::Release(_) | Question::Piece(..) => Question::Piece(digest, offset),
        };
        piece = ask(shared, peer, rest).await?;
    }
}

async fn ask(shared: &Shared, peer: &AccessPointId, question: Question) -> Result<FilePiece, Error> {
    let (answer, mut answered) = oneshot::channel();
    shared.expect(Awaited { peer: peer.clone(), question, answer });
    for _ in 0..shared.pace.tries {
        let kind = match question {
            Question::Release(version) => Kind::ReleaseRequest(version),
            Question::Piece(digest, offset) | Question::Notices(digest, offset) => {
                Kind::FileRequest(FileRequest { digest: digest.to_vec(), offset })
            }
        };
        shared.send(peer.clone(), kind);
        if let Ok(answer) = timeout(shared.pace.repeat, &mut answered).await {
            return Ok(answer?);
        }
        if shared.is_outdated(peer, question) {
            break;
        }
    }
    Err(Error::Silent)
}
