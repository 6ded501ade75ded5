//! The entries of a source, and what becomes of each in a release. Whether references resolve is found out when the
//! release is reviewed.

use nhipcau_proto::directory::v1 as pb;
use serde::Deserialize;

use super::text::{Area, Day, Elapsed, Minute, PublicKey, Span, StructureName, Time, UnitName, validity};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Names {
    vi: String,
    en: String,
}

impl From<Names> for pb::Names {
    fn from(names: Names) -> Self {
        Self { vi: names.vi, en: names.en }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contract {
    contract: String,
    minor: u32,
    #[serde(default)]
    oldest_minor: u32,
}

impl From<Contract> for pb::Contract {
    fn from(entry: Contract) -> Self {
        Self { contract: entry.contract, minor: entry.minor, oldest_minor: entry.oldest_minor }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hosting {
    access_point: String,
    contracts: Vec<String>,
}

impl From<Hosting> for pb::Hosting {
    fn from(entry: Hosting) -> Self {
        Self { access_point: entry.access_point, contracts: entry.contracts }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecoveryKey {
    key_id: String,
    public_key: PublicKey,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Party {
    party: String,
    names: Names,
    start_time: Time,
    expire_time: Option<Time>,
    #[serde(default)]
    hostings: Vec<Hosting>,
    #[serde(default)]
    recovery_keys: Vec<RecoveryKey>,
    #[serde(default)]
    successors: Vec<String>,
}

impl From<Party> for pb::Party {
    fn from(entry: Party) -> Self {
        let key = |key: RecoveryKey| pb::RecoveryKey { key_id: key.key_id, public_key: key.public_key.0 };
        Self {
            party: entry.party,
            names: Some(entry.names.into()),
            validity: validity(entry.start_time, entry.expire_time),
            hostings: entry.hostings.into_iter().map(Into::into).collect(),
            recovery_keys: entry.recovery_keys.into_iter().map(key).collect(),
            successors: entry.successors,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    key_id: String,
    public_key: PublicKey,
    start_time: Time,
    expire_time: Time,
    revoke_time: Option<Time>,
}

impl From<Key> for pb::Key {
    fn from(entry: Key) -> Self {
        Self {
            key_id: entry.key_id,
            public_key: entry.public_key.0,
            start_time: Some(entry.start_time.into()),
            expire_time: Some(entry.expire_time.into()),
            revoke_time: entry.revoke_time.map(Into::into),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessPoint {
    access_point: String,
    operator_party: String,
    parties: Vec<String>,
    signing_keys: Vec<Key>,
    sealing_keys: Vec<Key>,
}

impl From<AccessPoint> for pb::AccessPoint {
    fn from(entry: AccessPoint) -> Self {
        Self {
            access_point: entry.access_point,
            operator_party: entry.operator_party,
            parties: entry.parties,
            signing_keys: entry.signing_keys.into_iter().map(Into::into).collect(),
            sealing_keys: entry.sealing_keys.into_iter().map(Into::into).collect(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpeningHours {
    /// Every day when left out.
    weekdays: Option<Vec<u32>>,
    start: Minute,
    end: Minute,
}

impl From<OpeningHours> for pb::OpeningHours {
    fn from(entry: OpeningHours) -> Self {
        let weekdays = entry.weekdays.unwrap_or_else(|| (1..=7).collect());
        Self { weekdays, start_minute: entry.start.0, end_minute: entry.end.0 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unit {
    party: String,
    unit: String,
    names: Names,
    start_time: Time,
    expire_time: Option<Time>,
    #[serde(default)]
    parent: String,
    #[serde(default)]
    areas: Vec<Area>,
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    hostings: Vec<Hosting>,
    #[serde(default)]
    successors: Vec<UnitName>,
    #[serde(default)]
    hours: Vec<OpeningHours>,
    #[serde(default)]
    notified: Vec<UnitName>,
}

impl From<Unit> for pb::Unit {
    fn from(entry: Unit) -> Self {
        Self {
            party: entry.party,
            unit: entry.unit,
            names: Some(entry.names.into()),
            parent: entry.parent,
            areas: entry.areas.into_iter().map(Into::into).collect(),
            services: entry.services,
            hostings: entry.hostings.into_iter().map(Into::into).collect(),
            validity: validity(entry.start_time, entry.expire_time),
            successors: entry.successors.into_iter().map(Into::into).collect(),
            hours: entry.hours.into_iter().map(Into::into).collect(),
            notified: entry.notified.into_iter().map(Into::into).collect(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Agreement {
    sender_party: String,
    contract: String,
    recipient_party: String,
    purpose: String,
    start_time: Time,
    expire_time: Option<Time>,
    #[serde(default)]
    hourly_acceptances: u32,
}

impl From<Agreement> for pb::Agreement {
    fn from(entry: Agreement) -> Self {
        Self {
            sender_party: entry.sender_party,
            contract: entry.contract,
            recipient_party: entry.recipient_party,
            purpose: entry.purpose,
            validity: validity(entry.start_time, entry.expire_time),
            hourly_acceptances: entry.hourly_acceptances,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Publication {
    party: String,
    contract: String,
}

impl From<Publication> for pb::Publication {
    fn from(entry: Publication) -> Self {
        Self { party: entry.party, contract: entry.contract }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dataflow {
    id: String,
    structure: StructureName,
    names: Names,
}

impl From<Dataflow> for pb::Dataflow {
    fn from(entry: Dataflow) -> Self {
        Self { id: entry.id, structure: Some(entry.structure.0), names: Some(entry.names.into()) }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProvisionAgreement {
    party: String,
    dataflow: String,
}

impl From<ProvisionAgreement> for pb::ProvisionAgreement {
    fn from(entry: ProvisionAgreement) -> Self {
        Self { party: entry.party, dataflow: entry.dataflow }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Calendar {
    calendar: String,
    time_zone: String,
    work_weekdays: Vec<u32>,
    #[serde(default)]
    holidays: Vec<Day>,
    #[serde(default)]
    extra_work_dates: Vec<Day>,
    legal_source: String,
    start_date: Day,
    end_date: Day,
    #[serde(default)]
    series: String,
}

impl From<Calendar> for pb::Calendar {
    fn from(entry: Calendar) -> Self {
        Self {
            calendar: entry.calendar,
            time_zone: entry.time_zone,
            work_weekdays: entry.work_weekdays,
            holidays: entry.holidays.into_iter().map(Into::into).collect(),
            extra_work_dates: entry.extra_work_dates.into_iter().map(Into::into).collect(),
            legal_source: entry.legal_source,
            start_date: Some(entry.start_date.into()),
            end_date: Some(entry.end_date.into()),
            series: entry.series,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EscalationStep {
    after: Span,
    unit: Option<UnitName>,
}

impl From<EscalationStep> for pb::EscalationStep {
    fn from(entry: EscalationStep) -> Self {
        Self { after: Some(entry.after.into()), unit: entry.unit.map(Into::into) }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeLimit {
    time_limit: String,
    contract: String,
    start_event: String,
    stop_events: Vec<String>,
    limit: Span,
    acknowledge_within: Option<Span>,
    warn_after: Option<Span>,
    telephone_confirmation: Option<Elapsed>,
    #[serde(default)]
    escalation: Vec<EscalationStep>,
    #[serde(default)]
    calendar: String,
    legal_source: String,
    start_time: Time,
    expire_time: Option<Time>,
}

impl From<TimeLimit> for pb::TimeLimit {
    fn from(entry: TimeLimit) -> Self {
        Self {
            time_limit: entry.time_limit,
            contract: entry.contract,
            start_event: entry.start_event,
            stop_events: entry.stop_events,
            limit: Some(entry.limit.into()),
            acknowledge_within: entry.acknowledge_within.map(Into::into),
            warn_after: entry.warn_after.map(Into::into),
            escalation: entry.escalation.into_iter().map(Into::into).collect(),
            calendar: entry.calendar,
            legal_source: entry.legal_source,
            validity: validity(entry.start_time, entry.expire_time),
            telephone_confirmation: entry.telephone_confirmation.map(Into::into),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionClass {
    retention_class: String,
    contract: String,
    #[serde(default)]
    parties: Vec<String>,
    state_from: String,
    parts: Vec<String>,
    keep_days: u32,
    legal_source: String,
    #[serde(default)]
    note: String,
    start_time: Time,
    expire_time: Option<Time>,
}

impl From<RetentionClass> for pb::RetentionClass {
    fn from(entry: RetentionClass) -> Self {
        Self {
            retention_class: entry.retention_class,
            contract: entry.contract,
            parties: entry.parties,
            state_from: entry.state_from,
            parts: entry.parts,
            keep_days: entry.keep_days,
            legal_source: entry.legal_source,
            note: entry.note,
            validity: validity(entry.start_time, entry.expire_time),
        }
    }
}
