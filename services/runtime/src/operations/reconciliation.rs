//! The comparison with a peer, as the contract asks for it and shows it.
//!
//! Whom a caller may name and which period, before anybody is asked; a silent peer is UNAVAILABLE with the time after
//! which asking again makes sense. Comparing itself is messaging's.

use std::time::Duration;

use jiff::Timestamp;
use nhipcau_domain::{directory::Release, id::AccessPointId, reason};
use nhipcau_messaging::{
    message::Lane,
    reconcile::{self, Difference, DifferenceKind, Query, Reconciled},
};
use nhipcau_proto::accesspoint::v1 as pb;
use tonic::Code;

use super::receipt::unknown;
use crate::status::{Refusal, Violation};

const LISTED: i32 = 100;
const MOST_LISTED: i32 = 1000;

/// How long a caller waits before asking a silent peer again.
const PAUSE: Duration = Duration::from_secs(30);

/// Whom a request wants to be asked, and what.
pub(super) fn asked(
    request: &pb::ReconcileRequest,
    me: &AccessPointId,
    release: &Release,
) -> Result<(AccessPointId, Query), Refusal> {
    let lane = match pb::ChannelLane::try_from(request.lane) {
        Ok(pb::ChannelLane::Unspecified) => None,
        Ok(_) => Lane::from_number(i64::from(request.lane)),
        Err(_) => return Err(unknown("lane")),
    };
    let start = time("start_time", request.start_time.as_ref())?;
    let end = time("end_time", request.end_time.as_ref())?;
    if start.zip(end).is_some_and(|(start, end)| end <= start) {
        let message = "the period ends before or when it begins";
        return Err(Refusal::new(Code::InvalidArgument, reason::PERIOD_EMPTY, message));
    }
    let peer = AccessPointId::new(&request.peer).ok();
    let peer = peer.filter(|peer| peer != me && release.access_point(peer).is_some()).ok_or_else(|| {
        let message = "the access point is not in the directory, or it is this one";
        Refusal::new(Code::FailedPrecondition, reason::PEER_UNKNOWN, message)
    })?;
    let limit = if request.difference_limit <= 0 { LISTED } else { request.difference_limit.min(MOST_LISTED) };
    Ok((peer, Query { lane, start, end, limit: usize::try_from(limit).unwrap_or(0) }))
}

fn time(field: &str, wire: Option<&prost_types::Timestamp>) -> Result<Option<Timestamp>, Refusal> {
    let read = |at: &prost_types::Timestamp| {
        let allowed = (0..1_000_000_000).contains(&at.nanos);
        allowed.then(|| Timestamp::new(at.seconds, at.nanos).ok()).flatten().ok_or_else(|| {
            let description = "is not a time".to_owned();
            Refusal::invalid([Violation { field: field.to_owned(), reason: reason::FIELD_FORMAT, description }])
        })
    };
    wire.map(read).transpose()
}

/// Why nothing was compared.
pub(super) fn refused(error: reconcile::Error) -> Refusal {
    match error {
        reconcile::Error::Store(error) => error.into(),
        silent => Refusal::new(Code::Unavailable, reason::PEER_SILENT, silent.to_string()).retry_after(PAUSE),
    }
}

pub(super) fn encode(me: &AccessPointId, peer: &AccessPointId, result: Reconciled) -> pb::ChannelReconciliation {
    let (sender, recipient) = if result.is_sent { (me, peer) } else { (peer, me) };
    pb::ChannelReconciliation {
        sender: sender.to_string(),
        recipient: if result.broadcast { "all".to_owned() } else { recipient.to_string() },
        lane: result.lane.number(),
        sent_count: result.sent,
        held_count: result.held,
        skipped_count: result.skipped,
        difference_count: result.difference_count,
        differences: result.differences.iter().map(difference).collect(),
    }
}

fn difference(difference: &Difference) -> pb::Difference {
    let kind = match difference.kind {
        DifferenceKind::Missing => pb::DifferenceKind::Missing,
        DifferenceKind::UnknownToSender => pb::DifferenceKind::UnknownToSender,
        DifferenceKind::Digest => pb::DifferenceKind::Digest,
        DifferenceKind::Unreceipted => pb::DifferenceKind::Unreceipted,
    };
    pb::Difference { id: difference.id.to_string(), sequence: difference.sequence, kind: kind.into() }
}
