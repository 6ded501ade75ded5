//! `nhipcau reconcile`: compares what was sent with what the other side holds, by channel and by flow, and names what
//! differs. Exit code 6 when something does; what is under way shows as missing until it has arrived.

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
    /// Only messages of this contract, such as nhipcau.referral.v1.
    #[arg(long, value_name = "CONTRACT")]
    contract: Option<String>,
    /// Only messages of this kind of the contract, such as TRANSFER, in capitals or not.
    #[arg(long, value_name = "KIND", requires = "contract")]
    kind: Option<String>,
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
    flows: Vec<Flowed>,
}

/// A contract with its kind; both empty where a side does not know them.
#[derive(Debug, Serialize)]
struct Flow {
    contract: String,
    kind: String,
}

#[derive(Debug, Serialize)]
struct Flowed {
    flow: Flow,
    sent_count: u64,
    held_count: u64,
    skipped_count: u64,
}

#[derive(Debug, Serialize)]
struct Difference {
    sequence: u64,
    id: String,
    kind: String,
    flow: Flow,
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
        contract: args.contract.unwrap_or_default(),
        kind: args.kind.unwrap_or_default().to_ascii_uppercase(),
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
            flow: Flow::from(difference.flow),
        };
        let flowed = |flowed: pb::FlowReconciliation| Flowed {
            flow: Flow::from(flowed.flow),
            sent_count: flowed.sent_count,
            held_count: flowed.held_count,
            skipped_count: flowed.skipped_count,
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
            flows: channel.flows.into_iter().map(flowed).collect(),
        }
    }
}

impl From<Option<pb::Flow>> for Flow {
    fn from(flow: Option<pb::Flow>) -> Self {
        let pb::Flow { contract, kind } = flow.unwrap_or_default();
        Self { contract, kind }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.contract.as_str(), self.kind.as_str()) {
            ("", _) => f.write_str("not opened"),
            (contract, "") => f.write_str(contract),
            (contract, kind) => write!(f, "{contract} {kind}"),
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
            for Flowed { flow, sent_count, held_count, skipped_count } in &channel.flows {
                write!(f, "\n  {flow}: sent {sent_count}, held {held_count}")?;
                if *skipped_count > 0 {
                    write!(f, ", skipped {skipped_count}")?;
                }
            }
            if channel.flows.is_empty() && (*sent_count > 0 || *held_count > 0) {
                f.write_str("\n  not by flow: the other access point does not count so yet")?;
            }
            for Difference { sequence, id, kind, flow } in &channel.differences {
                write!(f, "\n  {sequence:>10}  {id}  {kind}  {flow}")?;
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

    fn flow(contract: &str, kind: &str) -> Option<pb::Flow> {
        Some(pb::Flow { contract: contract.to_owned(), kind: kind.to_owned() })
    }

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
                flow: flow("nhipcau.indicator.v1", ""),
            }],
            flows: vec![
                pb::FlowReconciliation { flow: flow("", ""), held_count: 1, ..Default::default() },
                pb::FlowReconciliation {
                    flow: flow("nhipcau.indicator.v1", ""),
                    sent_count: 214,
                    held_count: 212,
                    skipped_count: 2,
                },
            ],
            ..Default::default()
        };
        let shown = Comparison { peer: "moh".to_owned(), difference_count: 3, channels: vec![Channel::from(answer)] };
        assert_eq!(
            shown.to_string(),
            "moha → all bulk: sent 214, held 213, differences 3\n  not opened: sent 0, held 1\n  \
             nhipcau.indicator.v1: sent 214, held 212, skipped 2\n           7  0190a5f0-0000-8000-8000-00000000000a  \
             missing  nhipcau.indicator.v1\n  … and 2 more"
        );
        assert_eq!(Flow::from(flow("nhipcau.referral.v1", "TRANSFER")).to_string(), "nhipcau.referral.v1 TRANSFER");
    }

    #[test]
    fn a_peer_that_does_not_count_by_flow_is_said_to() {
        let (sender, recipient, sent_count) = ("moh".to_owned(), "vwu".to_owned(), 3);
        let answer = pb::ChannelReconciliation { sender, recipient, lane: 1, sent_count, ..Default::default() };
        let shown = Comparison { peer: "vwu".to_owned(), difference_count: 0, channels: vec![Channel::from(answer)] };
        assert!(shown.to_string().ends_with("\n  not by flow: the other access point does not count so yet"));
    }
}
