//! The content of a release as lines of text, every field of it: what does not show in a line, a signer would sign
//! without having seen it change.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::{directory::v1 as pb, google::r#type::Date};
use prost::Message;
use serde::Serialize;

use crate::terminal::counted;

/// The content, each list as lines that can be compared.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    parties: Vec<String>,
    access_points: Vec<String>,
    keys: Vec<String>,
    units: Vec<String>,
    contracts: Vec<String>,
    agreements: Vec<String>,
    publications: Vec<String>,
    statistics: Vec<String>,
    time_limits: Vec<String>,
    retention: Vec<String>,
    tables: Vec<String>,
}

impl Facts {
    pub(super) fn of(wire: &pb::Release) -> Self {
        let statistics = (wire.dataflows.iter().map(dataflow))
            .chain(wire.provision_agreements.iter().map(|it| format!("{} provides {}", it.party, it.dataflow)))
            .chain(
                wire.data_structures.iter().map(|it| whole(format!("structure {}", structure(it.key.as_ref())), it)),
            );
        let tables = (wire.attachments.iter().map(attachment))
            .chain(wire.code_lists.iter().map(|it| whole(format!("code list {}", list(it.key.as_ref())), it)))
            .chain(wire.code_list_refs.iter().map(|it| whole(format!("code list file {}", list(it.key.as_ref())), it)))
            .chain(
                wire.crosswalks.iter().map(|it| {
                    whole(format!("crosswalk {} to {}", list(it.source.as_ref()), list(it.target.as_ref())), it)
                }),
            )
            .chain(wire.crosswalk_refs.iter().map(|it| {
                whole(format!("crosswalk file {} to {}", list(it.source.as_ref()), list(it.target.as_ref())), it)
            }));
        let publications = wire.publications.iter().map(|it| format!("{} publishes {}", it.party, it.contract));
        Self {
            parties: wire.parties.iter().map(party).collect(),
            access_points: wire.access_points.iter().map(access_point).collect(),
            keys: wire.access_points.iter().flat_map(keys).collect(),
            units: wire.units.iter().map(unit).collect(),
            contracts: wire.contracts.iter().map(contract).collect(),
            agreements: wire.agreements.iter().map(agreement).collect(),
            publications: publications.collect(),
            statistics: statistics.collect(),
            time_limits: wire.calendars.iter().map(calendar).chain(wire.time_limits.iter().map(time_limit)).collect(),
            retention: wire.retention_classes.iter().map(retention_class).collect(),
            tables: tables.collect(),
        }
    }

    /// Every list with its name.
    pub(super) fn lists(&self) -> [(&'static str, &Vec<String>); 11] {
        [
            ("parties", &self.parties),
            ("access points", &self.access_points),
            ("keys", &self.keys),
            ("units", &self.units),
            ("contracts", &self.contracts),
            ("agreements", &self.agreements),
            ("publications", &self.publications),
            ("statistics", &self.statistics),
            ("time limits", &self.time_limits),
            ("retention", &self.retention),
            ("tables", &self.tables),
        ]
    }
}

/// A line that grows by what is there.
struct Line(String);

impl Line {
    fn new(text: String) -> Self {
        Self(text)
    }

    /// Adds a part unless it is empty.
    fn with(mut self, name: &str, text: impl AsRef<str>) -> Self {
        if !text.as_ref().is_empty() {
            for part in ["; ", name, " ", text.as_ref()] {
                self.0.push_str(part);
            }
        }
        self
    }

    fn each(self, name: &str, texts: impl IntoIterator<Item = String>) -> Self {
        let texts: Vec<String> = texts.into_iter().collect();
        self.with(name, texts.join(", "))
    }
}

fn party(it: &pb::Party) -> String {
    let key = |key: &pb::RecoveryKey| format!("{} {}", key.key_id, hex::encode(&key.public_key));
    Line::new(format!("{} {}, {}", it.party, names(it.names.as_ref()), validity(it.validity.as_ref())))
        .each("served", it.hostings.iter().map(hosting))
        .each("recovery keys", it.recovery_keys.iter().map(key))
        .each("successors", it.successors.iter().cloned())
        .0
}

fn access_point(it: &pb::AccessPoint) -> String {
    Line::new(format!("{} run by {}", it.access_point, it.operator_party)).each("serves", it.parties.iter().cloned()).0
}

fn keys(it: &pb::AccessPoint) -> impl Iterator<Item = String> {
    let signing = it.signing_keys.iter().map(|key| ("signing", key));
    signing.chain(it.sealing_keys.iter().map(|key| ("sealing", key))).map(|(kind, key)| {
        let (from, until) = (time(key.start_time.as_ref()), time(key.expire_time.as_ref()));
        let public = hex::encode(&key.public_key);
        Line::new(format!("{} {kind} {} {public}, {from} to {until}", it.access_point, key.key_id))
            .with("revoked", time(key.revoke_time.as_ref()))
            .0
    })
}

fn unit(it: &pb::Unit) -> String {
    let area = |area: &pb::AreaRef| format!("{}@{} ({})", area.code, area.code_list_version, area.code_list);
    let (names, validity) = (names(it.names.as_ref()), validity(it.validity.as_ref()));
    Line::new(format!("{}/{} {names}, {validity}", it.party, it.unit))
        .with("under", &it.parent)
        .each("areas", it.areas.iter().map(area))
        .each("services", it.services.iter().cloned())
        .each("served", it.hostings.iter().map(hosting))
        .each("successors", it.successors.iter().map(unit_name))
        .each("hours", it.hours.iter().map(hours))
        .each("notified", it.notified.iter().map(unit_name))
        .0
}

fn hosting(it: &pb::Hosting) -> String {
    format!("{} at {}", it.contracts.join(" "), it.access_point)
}

fn hours(it: &pb::OpeningHours) -> String {
    let days: Vec<String> = it.weekdays.iter().map(u32::to_string).collect();
    let time = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    format!("{} {}–{}", days.join(" "), time(it.start_minute), time(it.end_minute))
}

fn unit_name(it: &pb::UnitRef) -> String {
    format!("{}/{}", it.party, it.unit)
}

fn contract(it: &pb::Contract) -> String {
    format!("{} minor {} to {}", it.contract, it.oldest_minor, it.minor)
}

fn agreement(it: &pb::Agreement) -> String {
    let validity = validity(it.validity.as_ref());
    let limit = match it.hourly_acceptances {
        0 => String::new(),
        most => format!(", at most {most} acceptances an hour without a person"),
    };
    format!("{} → {}: {} for {}, {validity}{limit}", it.sender_party, it.recipient_party, it.contract, it.purpose)
}

fn dataflow(it: &pb::Dataflow) -> String {
    format!("dataflow {} of {}, {}", it.id, structure(it.structure.as_ref()), names(it.names.as_ref()))
}

fn calendar(it: &pb::Calendar) -> String {
    let days: Vec<String> = it.work_weekdays.iter().map(u32::to_string).collect();
    let (from, until) = (day(it.start_date.as_ref()), day(it.end_date.as_ref()));
    Line::new(format!("calendar {} {}, {from} to {until}", it.calendar, it.time_zone))
        .with("series", &it.series)
        .with("weekdays", days.join(" "))
        .each("holidays", it.holidays.iter().map(|it| day(Some(it))))
        .each("worked all the same", it.extra_work_dates.iter().map(|it| day(Some(it))))
        .with("by", &it.legal_source)
        .0
}

fn time_limit(it: &pb::TimeLimit) -> String {
    let step = |step: &pb::EscalationStep| {
        let to = step.unit.as_ref().map_or_else(|| "the parent".to_owned(), unit_name);
        format!("after {} to {to}", span(step.after.as_ref()))
    };
    let (limit, validity) = (span(it.limit.as_ref()), validity(it.validity.as_ref()));
    Line::new(format!("{} of {}: {limit} from {}, {validity}", it.time_limit, it.contract, it.start_event))
        .each("stopped by", it.stop_events.iter().cloned())
        .with("acknowledged within", span(it.acknowledge_within.as_ref()))
        .with("warned after", span(it.warn_after.as_ref()))
        .with("confirmed after a telephone call within", it.telephone_confirmation.map(elapsed).unwrap_or_default())
        .each("escalated", it.escalation.iter().map(step))
        .with("calendar", &it.calendar)
        .with("by", &it.legal_source)
        .0
}

fn retention_class(it: &pb::RetentionClass) -> String {
    let (parts, span, validity) = (it.parts.join(" "), counted(it.keep_days, "day"), validity(it.validity.as_ref()));
    let line =
        format!("{} of {}: {parts} for {span} from {}, {validity}", it.retention_class, it.contract, it.state_from);
    Line::new(line).each("binds", it.parties.iter().cloned()).with("by", &it.legal_source).with("note", &it.note).0
}

fn attachment(it: &pb::Attachment) -> String {
    Line::new(format!("{} {} bytes sha256 {}", it.name, it.size_bytes, hex::encode(&it.digest)))
        .each("lists", it.code_lists.iter().map(|it| list(Some(it))))
        .each("structures", it.data_structures.iter().map(|it| structure(Some(it))))
        .0
}

/// Something too large for a line, by the digest of its encoding.
fn whole(name: String, message: &impl Message) -> String {
    format!("{name} sha256 {}", hex::encode(digest(&SHA256, &message.encode_to_vec())))
}

fn names(names: Option<&pb::Names>) -> String {
    let Some(names) = names else { return String::new() };
    match (names.vi.as_str(), names.en.as_str()) {
        (vi, "") => vi.to_owned(),
        ("", en) => en.to_owned(),
        (vi, en) => format!("{vi} / {en}"),
    }
}

fn list(key: Option<&pb::CodeListKey>) -> String {
    key.map(|key| format!("{}({})", key.id, key.version)).unwrap_or_default()
}

fn structure(key: Option<&pb::DataStructureKey>) -> String {
    key.map(|key| format!("{}:{}({})", key.agency, key.id, key.version)).unwrap_or_default()
}

fn span(span: Option<&pb::Span>) -> String {
    match span.and_then(|span| span.kind.as_ref()) {
        Some(pb::span::Kind::WorkingDays(days)) => counted(*days, "working day").to_string(),
        Some(pb::span::Kind::Elapsed(it)) => elapsed(*it),
        None => String::new(),
    }
}

fn elapsed(it: prost_types::Duration) -> String {
    format!("{:#}", SignedDuration::new(it.seconds, it.nanos))
}

fn day(date: Option<&Date>) -> String {
    date.map(|date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)).unwrap_or_default()
}

fn validity(validity: Option<&pb::Validity>) -> String {
    let from = time(validity.and_then(|it| it.start_time.as_ref()));
    match validity.and_then(|it| it.expire_time.as_ref()) {
        Some(expire) => format!("{from} to {}", time(Some(expire))),
        None => format!("from {from}"),
    }
}

/// The instant of a wire time, if it is one.
pub(super) fn instant(wire: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(wire.seconds, wire.nanos).ok()
}

pub(super) fn time(wire: Option<&prost_types::Timestamp>) -> String {
    wire.and_then(instant).map(|time| time.to_string()).unwrap_or_default()
}
