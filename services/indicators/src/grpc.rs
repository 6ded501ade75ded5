//! The door for callers: authorise, parse, call, encode. Nothing is decided here.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use jiff::Timestamp;
use nhipcau_domain::{
    id::{AccessPointId, PartyId},
    reason,
};
use nhipcau_messaging::{
    store::{Readers, Tx},
    writer::{Handle, Submitter},
};
use nhipcau_proto::indicator::v1::{
    self as pb, indicator_service_server::IndicatorService, indicator_watch_service_server::IndicatorWatchService,
};
use nhipcau_runtime::{
    caller::{Caller, Role, permit},
    status::{Refusal, check},
    trace::TraceContext,
};
use tokio::{sync::watch, task::spawn_blocking, time};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    Indicators, bulk,
    error::Error,
    metrics, query, series,
    submit::{self, Prepared},
    watch::{Step, Watch},
};

/// Longest silence of a stream; the contract promises 30 seconds.
const SILENCE: Duration = Duration::from_secs(20);

/// Both services of the contract.
#[derive(Debug, Clone)]
pub struct Door {
    pub(crate) shared: Indicators,
    pub(crate) writer: Handle,
    pub(crate) readers: Readers,
    pub(crate) access_point: AccessPointId,
    pub(crate) closing: CancellationToken,
}

/// What a submission came with.
struct Call {
    request: submit::Request,
    validate_only: bool,
}

impl Door {
    /// Reads one committed state of the store.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Status> {
        self.readers.read(work).await.map_err(|error| Refusal::from(error).into())
    }

    /// Waits until what was announced is on disk: the writer answers after the group that it is in.
    async fn settled(&self) -> Result<(), Status> {
        let nothing = |_: &mut Tx<'_>, _: &mut Submitter<'_>, _: Timestamp| Ok::<_, Error>(());
        self.writer.call(nothing).await.map_err(|error| Refusal::from(error).into())
    }

    fn registry(&self) -> Arc<crate::Registry> {
        Arc::clone(&self.shared.registry.borrow())
    }

    /// Publishes what `prepare` gives, unless the request was answered before.
    async fn publish(
        &self,
        call: Call,
        prepare: impl FnOnce() -> Result<Prepared, Error> + Send + 'static,
    ) -> Result<(pb::Submission, bool), Status> {
        let stopped = |_| Status::from(Refusal::internal());
        let prepared = spawn_blocking(prepare).await.map_err(stopped)?.map_err(Refusal::from)?;
        if call.validate_only {
            return Ok((submit::checked(&prepared), false));
        }
        let (access_point, count) = (self.access_point.clone(), prepared.count);
        let work = move |tx: &mut Tx<'_>, submitter: &mut Submitter<'_>, now: Timestamp| {
            let send = |draft, tx: &mut Tx<'_>| submitter.submit(draft, tx);
            submit::publish(&call.request, &prepared, &access_point, now, tx, send)
        };
        let (submission, replayed) = self.writer.call(work).await.map_err(Refusal::from)?;
        if !replayed {
            metrics::add(&self.shared.counters.published, 1);
            metrics::add(&self.shared.counters.published_observations, count);
            self.shared.changes.send_replace(());
        }
        Ok((submission, replayed))
    }
}

/// The party of `parties/{party}`, if the caller is a system of it.
fn provider(parent: &str, caller: &Caller) -> Result<PartyId, Status> {
    let party = parent.strip_prefix("parties/").and_then(|party| PartyId::new(party).ok());
    party.filter(|party| *party == caller.party).ok_or_else(|| Refusal::access_denied().into())
}

fn digests(chunks: &[Vec<u8>]) -> Result<Vec<[u8; 32]>, Error> {
    let digest = |chunk: &Vec<u8>| <[u8; 32]>::try_from(chunk.as_slice());
    let malformed = |_| Error::Field { field: "chunks", reason: reason::FIELD_FORMAT };
    chunks.iter().map(digest).collect::<Result<_, _>>().map_err(malformed)
}

fn call<T>(request: &Request<T>, parent: &str, request_id: &str, validate_only: bool) -> Result<Call, Status> {
    let caller = Caller::of(request)?;
    let request = submit::Request {
        provider: provider(parent, caller)?,
        party: caller.party.clone(),
        system: caller.system.clone(),
        request_id: request_id.to_owned(),
        digest: None,
        traceparent: TraceContext::onward(request),
    };
    Ok(Call { request, validate_only })
}

#[tonic::async_trait]
impl IndicatorService for Door {
    async fn submit(&self, request: Request<pb::SubmitRequest>) -> Result<Response<pb::SubmitResponse>, Status> {
        permit(&request, Role::Submit)?;
        let message = request.get_ref();
        let call = call(&request, &message.parent, &message.request_id, message.validate_only)?;
        check(message)?;
        let submission = request.into_inner().submission.unwrap_or_default();
        let registry = self.registry();
        let (submission, replayed) = self.publish(call, move || Prepared::check(&submission, &registry)).await?;
        Ok(Response::new(pb::SubmitResponse { submission: Some(submission), replayed }))
    }

    async fn upload_chunk(
        &self,
        request: Request<pb::UploadChunkRequest>,
    ) -> Result<Response<pb::UploadChunkResponse>, Status> {
        let caller = permit(&request, Role::Submit)?.caller;
        let party = provider(&request.get_ref().parent, caller)?;
        check(request.get_ref())?;
        let chunk = request.into_inner().chunk;
        let work = move |tx: &mut Tx<'_>, submitter: &mut Submitter<'_>, now| {
            submitter.admit()?;
            bulk::upload(&party, &chunk, now, tx)
        };
        let digest = self.writer.call(work).await.map_err(Refusal::from)?;
        Ok(Response::new(pb::UploadChunkResponse { digest: digest.to_vec() }))
    }

    async fn commit_bulk_load(
        &self,
        request: Request<pb::CommitBulkLoadRequest>,
    ) -> Result<Response<pb::CommitBulkLoadResponse>, Status> {
        permit(&request, Role::Submit)?;
        let message = request.get_ref();
        let mut call = call(&request, &message.parent, &message.request_id, message.validate_only)?;
        check(message)?;
        let message = request.into_inner();
        let submission = message.submission.unwrap_or_default();
        let chunks = digests(&message.chunks).map_err(Refusal::from)?;
        let digest = bulk::digest(&submission, &chunks).map_err(Refusal::from)?;
        call.request.digest = Some(digest);
        let asked = call.request.clone();
        let validate_only = call.validate_only;
        let work = move |tx: &mut Tx<'_>| match submit::answered(&asked, &digest, tx)? {
            // The pieces may be gone by now, and are not needed.
            Some(answered) if !validate_only => Ok(Err(answered)),
            _ => bulk::pieces(&asked.provider, &chunks, tx).map(Ok),
        };
        let (submission, replayed) = match self.read(work).await? {
            Err(answered) => (answered, true),
            Ok(pieces) => {
                let registry = self.registry();
                self.publish(call, move || bulk::check(&submission, &pieces, &registry)).await?
            }
        };
        Ok(Response::new(pb::CommitBulkLoadResponse { submission: Some(submission), replayed }))
    }

    async fn get_submission(
        &self,
        request: Request<pb::GetSubmissionRequest>,
    ) -> Result<Response<pb::GetSubmissionResponse>, Status> {
        let party = permit(&request, Role::ReadMetadata)?.caller.party.clone();
        check(request.get_ref())?;
        let name = request.into_inner().name;
        let mut submission = self.read(move |tx| submit::get(&name, tx)).await?;
        if !submission.name.starts_with(&format!("parties/{party}/")) {
            // Which system submitted is the provider's own business.
            submission.submitter.clear();
        }
        Ok(Response::new(pb::GetSubmissionResponse { submission: Some(submission) }))
    }

    async fn get_series(
        &self,
        request: Request<pb::GetSeriesRequest>,
    ) -> Result<Response<pb::GetSeriesResponse>, Status> {
        permit(&request, Role::ReadMetadata)?;
        check(request.get_ref())?;
        let message = request.into_inner();
        let series = self.read(move |tx| series::get(&message, tx)).await?;
        Ok(Response::new(pb::GetSeriesResponse { series: Some(series) }))
    }

    async fn list_series(
        &self,
        request: Request<pb::ListSeriesRequest>,
    ) -> Result<Response<pb::ListSeriesResponse>, Status> {
        permit(&request, Role::ReadMetadata)?;
        check(request.get_ref())?;
        let (message, registry) = (request.into_inner(), self.registry());
        self.read(move |tx| series::list(&message, &registry, tx)).await.map(Response::new)
    }

    async fn query_observations(
        &self,
        request: Request<pb::QueryObservationsRequest>,
    ) -> Result<Response<pb::QueryObservationsResponse>, Status> {
        permit(&request, Role::ReadMetadata)?;
        check(request.get_ref())?;
        let (message, registry) = (request.into_inner(), self.registry());
        self.read(move |tx| query::observations(&message, &registry, tx)).await.map(Response::new)
    }

    async fn list_revisions(
        &self,
        request: Request<pb::ListRevisionsRequest>,
    ) -> Result<Response<pb::ListRevisionsResponse>, Status> {
        permit(&request, Role::ReadMetadata)?;
        check(request.get_ref())?;
        let (message, registry) = (request.into_inner(), self.registry());
        self.read(move |tx| query::revisions(&message, &registry, tx)).await.map(Response::new)
    }
}

/// A stream that is being read.
struct Following {
    door: Door,
    watch: Watch,
    changed: watch::Receiver<()>,
    parts: std::vec::IntoIter<pb::WatchResponse>,
    is_begun: bool,
}

impl Following {
    async fn next(mut self) -> Result<Option<(pb::WatchResponse, Self)>, Status> {
        if !self.is_begun {
            self.is_begun = true;
            return Ok(Some((self.watch.sign_of_life(), self)));
        }
        let silent = time::Instant::now() + SILENCE;
        loop {
            if let Some(part) = self.parts.next() {
                return Ok(Some((part, self)));
            }
            if self.changed.has_changed().unwrap_or(false) {
                // Seen before reading, so that what is stored meanwhile wakes the wait below.
                self.changed.mark_unchanged();
                self.door.settled().await?;
            }
            let mut watch = self.watch.clone();
            let (watch, step) = self.door.read(move |tx| watch.step(tx).map(|step| (watch, step))).await?;
            self.watch = watch;
            let wait = match step {
                Step::Submission(parts) => {
                    self.parts = parts.into_iter();
                    continue;
                }
                Step::Passed => time::Instant::now(),
                Step::End => silent,
            };
            // On a copy, so that what wakes it is still unseen above and is waited for until it is on disk.
            let mut changed = self.changed.clone();
            tokio::select! {
                () = self.door.closing.cancelled() => return Err(Refusal::shutting_down().into()),
                _ = changed.changed() => {}
                () = time::sleep_until(wait.min(silent)) => {}
            }
            if time::Instant::now() >= silent {
                return Ok(Some((self.watch.sign_of_life(), self)));
            }
        }
    }
}

#[tonic::async_trait]
impl IndicatorWatchService for Door {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<pb::WatchResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        permit(&request, Role::ReadMetadata)?;
        check(request.get_ref())?;
        let (message, registry, access_point) = (request.into_inner(), self.registry(), self.access_point.clone());
        let changed = self.shared.changes.subscribe();
        let watch = self.read(move |tx| Watch::start(&message, &access_point, &registry, tx)).await?;
        let parts = Vec::new().into_iter();
        let following = Following { door: self.clone(), watch, changed, parts, is_begun: false };
        Ok(Response::new(Box::pin(stream::try_unfold(following, Following::next))))
    }
}
