//! The comparison with a peer, as the contract asks for it and shows it.
//!
//! Whom a caller may name, which period and which flow, before anybody is asked; a silent peer is UNAVAILABLE with the
//! time after which asking again makes sense. Comparing itself is messaging's.

use std::time::Duration;

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Release,
    flow::{Flow, Unwanted, Wanted},
    id::AccessPointId,
    reason,
};
use nhipcau_messaging::{
    message::Lane,
    reconcile::{self, Difference, DifferenceKind, Flowed, Query, Reconciled},
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
    let flows =
        Wanted::read(&request.contract, &request.kind, (me, &peer), release).map_err(|unwanted| match unwanted {
            Unwanted::Unknown { field } => unknown(field),
            Unwanted::NotAgreed => {
                let message = "no agreement between the two access points names the contract";
                Refusal::new(Code::FailedPrecondition, unwanted.reason(), message)
            }
        })?;
    let limit = if request.difference_limit <= 0 { LISTED } else { request.difference_limit.min(MOST_LISTED) };
    Ok((peer, Query { lane, start, end, flows, limit: usize::try_from(limit).unwrap_or(0) }))
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
        uncounted @ reconcile::Error::NotCounted => {
            Refusal::new(Code::FailedPrecondition, reason::FLOW_NOT_COUNTED, uncounted.to_string())
        }
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
        flows: result.flows.iter().map(flowed).collect(),
    }
}

fn difference(difference: &Difference) -> pb::Difference {
    let kind = match difference.kind {
        DifferenceKind::Missing => pb::DifferenceKind::Missing,
        DifferenceKind::UnknownToSender => pb::DifferenceKind::UnknownToSender,
        DifferenceKind::Digest => pb::DifferenceKind::Digest,
        DifferenceKind::Unreceipted => pb::DifferenceKind::Unreceipted,
    };
    pb::Difference {
        id: difference.id.to_string(),
        sequence: difference.sequence,
        kind: kind.into(),
        flow: Some(flow(&difference.flow)),
    }
}

fn flowed(flowed: &Flowed) -> pb::FlowReconciliation {
    pb::FlowReconciliation {
        flow: Some(flow(&flowed.flow)),
        sent_count: flowed.sent,
        held_count: flowed.held,
        skipped_count: flowed.skipped,
    }
}

fn flow(flow: &Flow) -> pb::Flow {
    pb::Flow { contract: flow.contract().to_owned(), kind: flow.kind().to_owned() }
}
