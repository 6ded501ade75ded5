//! `nhipcau channels`: where the channels to the other access points stand: what was sent and receipted, what waits,
//! what was refused.

use std::fmt;

use nhipcau_proto::accesspoint::v1 as pb;
use serde::Serialize;

use crate::{
    client::Options,
    exit::{Code, Failure},
    terminal,
};

const PAGE: i32 = 500;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only channels with this access point.
    peer: Option<String>,
    #[command(flatten)]
    client: Options,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

/// What the command shows.
#[derive(Debug, Serialize)]
struct Channels {
    access_point: String,
    broker: String,
    nats_version: String,
    directory_version: u64,
    directory: String,
    channels: Vec<Channel>,
    lost_periods: Vec<LostPeriod>,
}

/// A time of which the store has no memory.
#[derive(Debug, Serialize)]
struct LostPeriod {
    start_time: Option<String>,
    end_time: Option<String>,
}

#[derive(Debug, Serialize)]
struct Channel {
    peer: String,
    direction: &'static str,
    lane: &'static str,
    broadcast: bool,
    state: String,
    incarnation: u64,
    head_sequence: u64,
    head_digest: String,
    receipted_sequence: u64,
    backlog_count: u64,
    oldest_unreceipted_seconds: Option<i64>,
    refused_count: u64,
    quarantined_count: u64,
    peer_status_time: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let asked = pb::GetAccessPointRequest {};
    let about = connection.call(&asked, async |request| connection.access_point().get_access_point(request).await);
    let about = about.await?.access_point.unwrap_or_default();
    let peer = args.peer.unwrap_or_default();
    let mut request = pb::ListChannelsRequest { peer, page_size: PAGE, page_token: String::new() };
    let mut channels = Vec::new();
    loop {
        let page = connection.call(&request, async |request| connection.access_point().list_channels(request).await);
        let page = page.await?;
        channels.extend(page.channels.into_iter().map(Channel::from));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let asked = pb::ListLostPeriodsRequest {};
    let lost = connection.call(&asked, async |request| connection.access_point().list_lost_periods(request).await);
    let lost_periods = lost.await?.lost_periods.into_iter().map(LostPeriod::from).collect();
    if channels.is_empty() && !request.peer.is_empty() {
        let text = format_args!("there is no channel with {}: is it the name of an access point?", request.peer);
        return Err(Failure::because(Code::Refused, text));
    }
    let found = Channels {
        broker: word(about.broker_state().as_str_name(), "BROKER_STATE_"),
        directory: word(about.directory_state().as_str_name(), "DIRECTORY_STATE_"),
        access_point: about.name.trim_start_matches("accessPoints/").to_owned(),
        nats_version: about.nats_version,
        directory_version: about.directory_version,
        channels,
        lost_periods,
    };
    terminal::result(args.json, &found)
}

/// A value of an enum as people read it.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

fn time(at: prost_types::Timestamp) -> Option<String> {
    jiff::Timestamp::new(at.seconds, at.nanos).ok().map(|at| at.to_string())
}

impl From<pb::LostPeriod> for LostPeriod {
    fn from(lost: pb::LostPeriod) -> Self {
        Self { start_time: lost.start_time.and_then(time), end_time: lost.end_time.and_then(time) }
    }
}

impl From<pb::Channel> for Channel {
    fn from(channel: pb::Channel) -> Self {
        let heard = channel.peer_status_time;
        Self {
            direction: if channel.direction() == pb::ChannelDirection::Outgoing { "out" } else { "in" },
            lane: if channel.lane() == pb::ChannelLane::Messages { "messages" } else { "bulk" },
            state: word(channel.state().as_str_name(), "CHANNEL_STATE_"),
            peer: channel.peer,
            broadcast: channel.broadcast,
            incarnation: channel.incarnation,
            head_sequence: channel.head_sequence,
            head_digest: hex::encode(channel.head_digest),
            receipted_sequence: channel.receipted_sequence,
            backlog_count: channel.backlog_count,
            oldest_unreceipted_seconds: channel.oldest_unreceipted_age.map(|age| age.seconds),
            refused_count: channel.refused_count,
            quarantined_count: channel.quarantined_count,
            peer_status_time: heard.and_then(time),
        }
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: broker {}", self.access_point, self.broker)?;
        if !self.nats_version.is_empty() {
            write!(f, " ({})", self.nats_version)?;
        }
        writeln!(f, ", directory {} {}", self.directory_version, self.directory)?;
        write!(
            f,
            "{:<24} {:<14} {:<10} {:>10} {:>10} {:>8} {:>8} {:>8}",
            "peer", "channel", "state", "head", "receipted", "waiting", "oldest", "refused"
        )?;
        for channel in &self.channels {
            let lane = if channel.broadcast { "broadcast" } else { channel.lane };
            let receipted =
                if channel.direction == "out" { channel.receipted_sequence.to_string() } else { "-".into() };
            let oldest = channel.oldest_unreceipted_seconds.map_or_else(|| "-".into(), |age| format!("{age} s"));
            write!(
                f,
                "\n{:<24} {:<14} {:<10} {:>10} {:>10} {:>8} {:>8} {:>8}",
                channel.peer,
                format!("{} {lane}", channel.direction),
                channel.state,
                channel.head_sequence,
                receipted,
                channel.backlog_count,
                oldest,
                channel.refused_count
            )?;
        }
        for lost in &self.lost_periods {
            let begin = lost.start_time.as_deref().unwrap_or("the beginning");
            let end = lost.end_time.as_deref().unwrap_or_default();
            write!(
                f,
                "\nput back from a copy: what systems sent from {begin} to {end} they must repeat under the same ids"
            )?;
        }
        Ok(())
    }
}
