//! `nhipcau reconcile`: compares what was sent with what the other side holds, and names what differs. Exit code 6 when
//! something does; what is under way shows as missing until it has arrived.

use std::fmt;

use jiff::Timestamp;
use nhipcau_proto::accesspoint::v1 as pb;
use serde::Serialize;

use crate::{
    client::Options,
    exit::{Code, Failure},
    terminal::{self, counted},
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The other access point.
    peer: String,
    #[command(flatten)]
    client: Options,
    /// Begin of the period by the sender's clock, such as 2026-11-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// End of the period, exclusive.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Only this lane.
    #[arg(long)]
    lane: Option<Lane>,
    /// Differences named per channel, at most 1000; all are counted.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: i32,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

/// A lane of a channel.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Lane {
    /// Messages of cases.
    Messages,
    /// Statistics, attachments and broadcasts.
    Bulk,
}

/// What the command shows.
#[derive(Debug, Serialize)]
struct Comparison {
    peer: String,
    difference_count: u64,
    channels: Vec<Channel>,
}

#[derive(Debug, Serialize)]
struct Channel {
    sender: String,
    recipient: String,
    lane: &'static str,
    sent_count: u64,
    held_count: u64,
    skipped_count: u64,
    difference_count: u64,
    differences: Vec<Difference>,
}

#[derive(Debug, Serialize)]
struct Difference {
    sequence: u64,
    id: String,
    kind: String,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let lane = match args.lane {
        None => pb::ChannelLane::Unspecified,
        Some(Lane::Messages) => pb::ChannelLane::Messages,
        Some(Lane::Bulk) => pb::ChannelLane::Bulk,
    };
    let time = |at: Timestamp| prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() };
    let request = pb::ReconcileRequest {
        peer: args.peer.clone(),
        lane: lane.into(),
        start_time: args.from.map(time),
        end_time: args.to.map(time),
        difference_limit: args.limit,
    };
    terminal::progress(format_args!("comparing with {}", args.peer));
    let answer = connection.call(&request, async |request| connection.access_point().reconcile(request).await);
    let channels: Vec<_> = answer.await?.channels.into_iter().map(Channel::from).collect();
    let difference_count = channels.iter().map(|channel| channel.difference_count).sum();
    let compared = Comparison { peer: args.peer, difference_count, channels };
    terminal::result(args.json, &compared)?;
    if difference_count == 0 {
        return Ok(());
    }
    Err(Failure::because(
        Code::Differs,
        format_args!("{} with {}", counted(difference_count, "difference"), compared.peer),
    ))
}

impl From<pb::ChannelReconciliation> for Channel {
    fn from(channel: pb::ChannelReconciliation) -> Self {
        let difference = |difference: pb::Difference| Difference {
            sequence: difference.sequence,
            kind: difference.kind().as_str_name().trim_start_matches("DIFFERENCE_KIND_").to_lowercase(),
            id: difference.id,
        };
        Self {
            lane: if channel.lane() == pb::ChannelLane::Messages { "messages" } else { "bulk" },
            sender: channel.sender,
            recipient: channel.recipient,
            sent_count: channel.sent_count,
            held_count: channel.held_count,
            skipped_count: channel.skipped_count,
            difference_count: channel.difference_count,
            differences: channel.differences.into_iter().map(difference).collect(),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, channel) in self.channels.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let Channel { sender, recipient, lane, sent_count, held_count, skipped_count, difference_count, .. } =
                channel;
            write!(f, "{sender} → {recipient} {lane}: sent {sent_count}, held {held_count}")?;
            if *skipped_count > 0 {
                write!(f, ", skipped {skipped_count}")?;
            }
            write!(f, ", differences {difference_count}")?;
            for Difference { sequence, id, kind } in &channel.differences {
                write!(f, "\n  {sequence:>10}  {id}  {kind}")?;
            }
            let more = difference_count.saturating_sub(channel.differences.len() as u64);
            if more > 0 {
                write!(f, "\n  … and {more} more")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_its_position_and_kind() {
        let answer = pb::ChannelReconciliation {
            sender: "moha".to_owned(),
            recipient: "all".to_owned(),
            lane: 2,
            sent_count: 214,
            held_count: 213,
            difference_count: 3,
            differences: vec![pb::Difference {
                id: "0190a5f0-0000-8000-8000-00000000000a".to_owned(),
                sequence: 7,
                kind: pb::DifferenceKind::Missing.into(),
            }],
            ..Default::default()
        };
        let shown = Comparison { peer: "moh".to_owned(), difference_count: 3, channels: vec![Channel::from(answer)] };
        assert_eq!(
            shown.to_string(),
            "moha → all bulk: sent 214, held 213, differences 3\n           7  0190a5f0-0000-8000-8000-00000000000a  \
             missing\n  … and 2 more"
        );
    }
}
