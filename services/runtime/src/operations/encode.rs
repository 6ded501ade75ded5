//! The access point and its alarms as the contract has them.

use jiff::Timestamp;
use nhipcau_domain::directory::Freshness;
use nhipcau_messaging::{nats::State, store::LostPeriod};
use nhipcau_proto::accesspoint::v1 as pb;

use super::{Door, page};
use crate::{
    access_point::{Raised, reason},
    status::Refusal,
};

/// A time as protobuf has it.
pub(super) fn time(at: Timestamp) -> prost_types::Timestamp {
    let seconds = at.as_nanosecond().div_euclid(1_000_000_000);
    let nanos = at.as_nanosecond().rem_euclid(1_000_000_000);
    // A Timestamp's seconds fit 40 bits, and a remainder its divisor.
    prost_types::Timestamp {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: i32::try_from(nanos).unwrap_or(0),
    }
}

pub(super) fn access_point(door: &Door) -> pb::AccessPoint {
    let release = door.releases.borrow();
    let (broker, server) = match *door.broker.borrow() {
        State::Disconnected => (pb::BrokerState::Disconnected, None),
        State::Connected { server } => (pb::BrokerState::Connected, Some(server)),
        State::StreamsMissing { server } => (pb::BrokerState::Silent, Some(server)),
        State::Unsupported { server } => (pb::BrokerState::Silent, server),
    };
    let directory = match release.freshness(door.clock.now()) {
        Freshness::Current => pb::DirectoryState::Current,
        Freshness::ExpiresSoon => pb::DirectoryState::Expiring,
        Freshness::Expired => pb::DirectoryState::Expired,
    };
    let supported = |(contract, minor): &(_, u32)| pb::SupportedContract {
        contract: nhipcau_domain::id::ContractId::to_string(contract),
        minor: *minor,
    };
    pb::AccessPoint {
        name: door.name(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        start_time: Some(time(door.started)),
        broker_state: broker.into(),
        nats_version: server.map(|server| server.to_string()).unwrap_or_default(),
        directory_version: release.version(),
        directory_expire_time: Some(time(release.expire_time())),
        directory_state: directory.into(),
        contracts: door.contracts.iter().map(supported).collect(),
    }
}

pub(super) fn lost_period(lost: LostPeriod) -> pb::LostPeriod {
    let at = |micros| Timestamp::from_microsecond(micros).ok().map(time);
    pb::LostPeriod { start_time: lost.begin.and_then(at), end_time: at(lost.end) }
}

/// A page of the alarms, which come newest first. None of them is known to have ended.
pub(super) fn alarms(
    access_point: &str,
    newest: &[Raised],
    request: &pb::ListAlarmsRequest,
) -> Result<pb::ListAlarmsResponse, Refusal> {
    let filter = ["alarms", if request.active_only { "active" } else { "" }];
    let before = match page::place(&filter, &request.page_token)? {
        Some(place) => place.parse().map_err(|_| page::invalid())?,
        None => u64::MAX,
    };
    let size = page::size(request.page_size);
    let mut rest = newest.iter().filter(|raised| raised.number < before).peekable();
    let listed: Vec<_> = rest.by_ref().take(size).collect();
    let next_page_token = match (rest.peek(), listed.last()) {
        (Some(_), Some(last)) => page::token(&filter, &last.number.to_string()),
        _ => String::new(),
    };
    let alarm = |raised: &&Raised| pb::Alarm {
        name: format!("{access_point}/alarms/{}", raised.number),
        reason: reason(raised.alarm.kind),
        peer: raised.alarm.peer.as_ref().map(ToString::to_string).unwrap_or_default(),
        raise_time: Some(time(raised.time)),
        ..pb::Alarm::default()
    };
    Ok(pb::ListAlarmsResponse { alarms: listed.iter().map(alarm).collect(), next_page_token })
}
