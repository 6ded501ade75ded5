//! Channels: the engine's view of each, with what the store knows of it.
//!
//! A page is cut from the engine's view first; the store is then asked about that page alone. A token names the last
//! channel that was shown, and is refused once that one is gone.

use jiff::{SignedDuration, Timestamp};
use nhipcau_messaging::{
    engine::{ChannelPhase, ChannelState},
    message::Recipient,
    store::{Error, Tx, operations},
};
use nhipcau_proto::accesspoint::v1 as pb;

use super::{encode, page};
use crate::status::Refusal;

/// The other side, as callers see it.
fn peer(state: &ChannelState) -> &str {
    state.sender.as_ref().map_or_else(|| state.recipient.as_str(), |sender| sender.as_str())
}

/// What the channel is called within the access point; also its place in the list, behind its peer.
fn name(state: &ChannelState) -> String {
    let direction = if state.sender.is_some() { "in" } else { "out" };
    let lane = if state.recipient == Recipient::All { "all" } else { state.lane.letter() };
    format!("{direction}-{lane}-{}", peer(state))
}

/// The channels of a page, by peer, direction and lane, and the token of the next one.
pub(super) fn page(
    mut states: Vec<ChannelState>,
    request: &pb::ListChannelsRequest,
) -> Result<(Vec<ChannelState>, String), Refusal> {
    // Outgoing first, messages before bulk, a pair's before a broadcast.
    let rank = |state: &ChannelState| {
        (peer(state).to_owned(), state.sender.is_some(), state.lane, state.recipient == Recipient::All)
    };
    states.retain(|state| request.peer.is_empty() || peer(state) == request.peer);
    states.sort_by_cached_key(rank);
    let filter = ["channels", request.peer.as_str()];
    if let Some(place) = page::place(&filter, &request.page_token)? {
        let last = states.iter().position(|state| name(state) == place).ok_or_else(page::invalid)?;
        states.drain(..=last);
    }
    let size = page::size(request.page_size);
    let is_last = states.len() <= size;
    states.truncate(size);
    let token = match states.last() {
        Some(last) if !is_last => page::token(&filter, &name(last)),
        _ => String::new(),
    };
    Ok((states, token))
}

/// A channel with what the store knows of it.
pub(super) fn read(
    access_point: &str,
    state: &ChannelState,
    now: Timestamp,
    tx: &mut Tx<'_>,
) -> Result<pb::Channel, Error> {
    let phase = match state.phase {
        ChannelPhase::Opening => pb::ChannelState::Opening,
        ChannelPhase::Open => pb::ChannelState::Open,
        ChannelPhase::Gap => pb::ChannelState::Gap,
        ChannelPhase::Recovering => pb::ChannelState::Recovering,
        ChannelPhase::Blocked => pb::ChannelState::Blocked,
    };
    let direction = match state.sender {
        None => pb::ChannelDirection::Outgoing,
        Some(_) => pb::ChannelDirection::Incoming,
    };
    let channel = pb::Channel {
        name: format!("{access_point}/channels/{}", name(state)),
        peer: peer(state).to_owned(),
        direction: direction.into(),
        lane: state.lane.number(),
        state: phase.into(),
        incarnation: state.incarnation,
        head_sequence: state.sequence,
        head_digest: if state.sequence == 0 { Vec::new() } else { state.digest.to_vec() },
        peer_status_time: state.heard.map(encode::time),
        broadcast: state.recipient == Recipient::All,
        ..pb::Channel::default()
    };
    Ok(match &state.sender {
        None => {
            let found = operations::outgoing(tx, &state.recipient, state.lane)?;
            pb::Channel {
                receipted_sequence: found.receipted,
                backlog_count: found.backlog,
                oldest_unreceipted_age: found.oldest.map(|oldest| age(oldest, now)),
                refused_count: found.refused,
                ..channel
            }
        }
        Some(sender) => pb::Channel {
            refused_count: operations::refused(tx, sender, state.recipient.as_str(), state.lane)?,
            quarantined_count: operations::quarantined(tx, sender)?,
            ..channel
        },
    })
}

/// How long ago something was; nothing lies in the future.
fn age(micros: i64, now: Timestamp) -> prost_types::Duration {
    let then = Timestamp::from_microsecond(micros).unwrap_or(now);
    let age = now.duration_since(then).max(SignedDuration::ZERO);
    prost_types::Duration { seconds: age.as_secs(), nanos: age.subsec_nanos() }
}
