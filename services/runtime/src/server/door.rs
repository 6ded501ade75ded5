//! What every call passes: a span in the caller's trace, its system's rate, its system's share of the calls, bytes and
//! streams at once, a time limit, a net for panics, and a count of how it ended.
//!
//! Also gives errors that tonic made by itself the details that ours have, so that every error has a reason.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, future::BoxFuture};
use http_body_util::{BodyExt as _, BodyStream, StreamBody};
use hyper::body::Bytes;
use nhipcau_domain::reason;
use tokio::time::timeout;
use tonic::{
    Code, Status,
    body::Body,
    codegen::http::{Request, Response},
    service::Routes,
};
use tonic_types::StatusExt as _;
use tracing::Instrument as _;

use super::{
    method::{Method, Methods},
    shares::{Share, Shares},
    terms::Entry,
};
use crate::{
    caller::{Identity, Shown, SystemName},
    metrics::Calls,
    status::{PAUSE, Refusal},
    trace::TraceContext,
};

/// Bounds and what is known of every call.
pub(super) struct Rules {
    pub(super) timeout: Duration,
    pub(super) entry: Entry,
    pub(super) shares: Shares,
    pub(super) methods: Methods,
    pub(super) calls: Calls,
}

/// The services behind the door.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) routes: Routes,
    pub(super) rules: Arc<Rules>,
}

impl tower::Service<Request<Body>> for Door {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Whether there is a place is said by refusing, not by waiting.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Self { routes, rules } = self.clone();
        let method = rules.methods.at(request.uri().path()).clone();
        let trace = TraceContext::received(request.headers());
        request.extensions_mut().insert(trace);
        let identity = request.extensions().get::<Shown>().map(|shown| rules.entry.identify(shown));
        let caller = match &identity {
            Some(Identity(Ok(caller))) => Some(caller.name()),
            _ => None,
        };
        if let Some(identity) = identity {
            request.extensions_mut().insert(identity);
        }
        let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
        let named = caller.as_ref().map(tracing::field::display);
        let span = tracing::info_span!("call", rpc = &*method.name, caller = named, trace_id, span_id);
        let begun = Instant::now();
        let answered = async move {
            let response = explained(rules.answer((caller.as_ref(), &method), routes, request).await);
            let status = Status::from_header_map(response.headers());
            let (code, reason) = match &status {
                Some(status) => (name(status.code()), reason_of(status)),
                None => (name(Code::Ok), String::new()),
            };
            tracing::debug!(code, reason, "A call was answered.");
            rules.calls.answered(&method.name, code, reason, begun.elapsed());
            Ok(response)
        };
        Box::pin(answered.instrument(span))
    }
}

impl Rules {
    async fn answer(
        &self,
        (caller, method): (Option<&SystemName>, &Method),
        mut routes: Routes,
        request: Request<Body>,
    ) -> Response<Body> {
        if let Err(wait) = self.entry.spend(caller) {
            self.calls.limited(caller);
            return Status::from(Refusal::too_often(wait)).into_http();
        }
        let held = if method.is_watch { &self.shares.watches } else { &self.shares.calls };
        let (Some(held), Some(bytes)) = (held.take(caller, 1), self.shares.bytes.take(caller, 0)) else {
            return Status::from(Refusal::busy()).into_http();
        };
        let bytes = Arc::new(Mutex::new(bytes));
        let request = request.map(|body| self.counted(caller.cloned(), &bytes, body));
        // A caller that gives up stops nothing that was begun: what it holds it holds until that has come to its end. A
        // handler that panics leaves nothing behind that another call could see: what is shared is behind the writer,
        // whose transaction ends with the panic.
        let (patience, is_watch) = (self.timeout, method.is_watch);
        let call = async move {
            let answered = timeout(patience, tower::Service::call(&mut routes, request)).await;
            let bytes = (!is_watch).then_some(bytes);
            answered.map(|Ok(response)| response.map(|body| holding(Arc::new((held, bytes)), body)))
        };
        let refusal = match tokio::spawn(call.in_current_span()).await {
            Ok(Ok(response)) => return response,
            Err(_) => {
                tracing::error!("A call panicked.");
                Refusal::internal()
            }
            Ok(Err(_)) => {
                let message = "the call took too long; whether it was carried out is unknown";
                Refusal::new(Code::DeadlineExceeded, reason::DEADLINE_PASSED, message).retry_after(PAUSE)
            }
        };
        Status::from(refusal).into_http()
    }

    /// A request of which each byte is held until its call was answered; it breaks off where there is no room.
    fn counted(&self, caller: Option<SystemName>, held: &Arc<Mutex<Share>>, body: Body) -> Body {
        let (room, held) = (self.shares.bytes.clone(), Arc::clone(held));
        let frames = BodyStream::new(body).map(move |frame| {
            let frame = frame?;
            let bytes = frame.data_ref().map_or(0, |data| u32::try_from(data.len()).unwrap_or(u32::MAX));
            let more = room.take(caller.as_ref(), bytes).ok_or_else(|| Status::from(Refusal::busy()))?;
            held.lock().unwrap_or_else(PoisonError::into_inner).merge(more);
            Ok::<_, Status>(frame)
        });
        Body::new(StreamBody::new(frames))
    }
}

/// An answer with what its call holds until all of it has left, or its connection has ended: a caller that does not
/// take what it asked for has it lie here.
fn holding<H: Send + Sync + 'static>(held: Arc<H>, body: Body) -> Body {
    Body::new(body.map_frame(move |frame| {
        let held = Arc::clone(&held);
        frame.map_data(|data| Bytes::from_owner(Leaving { data, _held: held }))
    }))
}

/// Bytes of an answer, and what its call holds.
struct Leaving<H> {
    data: Bytes,
    _held: Arc<H>,
}

impl<H> AsRef<[u8]> for Leaving<H> {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

/// Gives an error without details the details of its kind.
fn explained(response: Response<Body>) -> Response<Body> {
    let Some(status) = Status::from_header_map(response.headers()) else { return response };
    if !status.details().is_empty() {
        return response;
    }
    let refusal = match status.code() {
        Code::OutOfRange => {
            let message = "the request has more bytes than this access point takes";
            Refusal::new(Code::InvalidArgument, reason::REQUEST_TOO_LARGE, message)
        }
        // The decoder's own words could repeat a value.
        Code::Internal if status.message().starts_with("failed to decode") => {
            let message = "the request is not a message of its contract in valid UTF-8";
            Refusal::new(Code::InvalidArgument, reason::REQUEST_MALFORMED, message)
        }
        Code::Unimplemented => {
            let message = "this access point does not serve the method";
            Refusal::new(Code::Unimplemented, reason::METHOD_UNKNOWN, message)
        }
        _ => return response,
    };
    Status::from(refusal).into_http()
}

fn reason_of(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// The code as the documentation of gRPC writes it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
