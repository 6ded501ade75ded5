//! What must be the same for a stream or consumer to be the planned one. Anything else is a limit, which may change.

use std::fmt;

use async_nats::jetstream::{
    consumer::{self, pull},
    stream,
};

/// A setting at the broker that makes something another kind of thing than the plan means by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The stream, or the stream and the consumer: `NC_MOH` or `NC_MOH/m`.
    pub name: String,
    /// The setting, as nats-server names it.
    pub setting: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.setting)
    }
}

/// All of them in one line.
pub(super) fn list(differences: &[Difference]) -> String {
    let shown: Vec<String> = differences.iter().map(Difference::to_string).collect();
    shown.join(", ")
}

/// How a found stream differs from the planned one. A copy elsewhere, a transformed subject or another retention
/// would leak or lose messages while everything seems to work.
pub(super) fn in_stream(found: &stream::Config, planned: &stream::Config) -> Vec<Difference> {
    let same = [
        ("subjects", found.subjects == planned.subjects),
        ("retention", found.retention == planned.retention),
        ("storage", found.storage == planned.storage),
        ("discard", found.discard == planned.discard),
        ("discard_new_per_subject", found.discard_new_per_subject == planned.discard_new_per_subject),
        ("no_ack", found.no_ack == planned.no_ack),
        ("sealed", found.sealed == planned.sealed),
        ("mirror", found.mirror.is_none()),
        ("sources", found.sources.as_ref().is_none_or(Vec::is_empty)),
        ("republish", found.republish.is_none()),
        ("subject_transform", found.subject_transform.is_none()),
    ];
    differing(&planned.name, &same)
}

/// How a found consumer differs from the planned one.
pub(super) fn in_consumer(name: &str, found: &consumer::Config, planned: &pull::Config) -> Vec<Difference> {
    let same = [
        ("deliver_subject", found.deliver_subject.is_none()),
        ("deliver_policy", found.deliver_policy == planned.deliver_policy),
        ("ack_policy", found.ack_policy == planned.ack_policy),
        ("filter_subject", found.filter_subject == planned.filter_subject && found.filter_subjects.is_empty()),
        ("headers_only", !found.headers_only),
        ("inactive_threshold", found.inactive_threshold.is_zero()),
    ];
    differing(name, &same)
}

fn differing(name: &str, same: &[(&'static str, bool)]) -> Vec<Difference> {
    let settings = same.iter().filter(|(_, same)| !same);
    settings.map(|(setting, _)| Difference { name: name.to_owned(), setting }).collect()
}

#[cfg(test)]
mod tests {
    use nhipcau_domain::id::AccessPointId;

    use super::*;
    use crate::provision::{Layout, Plan};

    fn plan() -> Plan {
        Plan::new([AccessPointId::new("moh").unwrap()], Layout::default()).unwrap()
    }

    #[test]
    fn the_planned_stream_itself_and_its_limits_do_not_differ() {
        let planned = &plan().streams[0].config;
        let other_limits = stream::Config { max_messages_per_subject: 1, num_replicas: 3, ..planned.clone() };
        assert!(in_stream(&other_limits, planned).is_empty());
    }

    #[test]
    fn every_setting_that_could_lose_or_leak_is_named() {
        let planned = &plan().streams[0].config;
        let found = stream::Config {
            retention: stream::RetentionPolicy::Limits,
            republish: Some(stream::Republish {
                source: ">".to_owned(),
                destination: "copy.>".to_owned(),
                headers_only: false,
            }),
            ..planned.clone()
        };
        assert_eq!(list(&in_stream(&found, planned)), "NC_MOH (retention), NC_MOH (republish)");
    }

    #[test]
    fn a_consumer_of_another_kind_is_named() {
        let planned = &plan().streams[0].consumers[0];
        let found = consumer::Config {
            deliver_subject: Some("elsewhere".to_owned()),
            ack_policy: consumer::AckPolicy::None,
            filter_subject: planned.filter_subject.clone(),
            ..consumer::Config::default()
        };
        let settings: Vec<_> = in_consumer("NC_MOH/m", &found, planned).iter().map(|d| d.setting).collect();
        assert_eq!(settings, ["deliver_subject", "ack_policy"]);
    }
}
