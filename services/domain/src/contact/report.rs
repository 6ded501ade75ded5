//! What is known of a contact: how and when it was received, and as much of the person and the need as somebody stated.
//!
//! Nothing has to be known but the reception, and nothing is filled in before it is sent. What is stated obeys the
//! rules of a referral's content, so that whatever was recorded can be sent as it stands.

use jiff::Timestamp;
use nhipcau_proto::{
    referral::v1::{self as referral, UnknownReason},
    switchboard::v1 as pb,
};

use crate::{
    area::AdminUnitRef,
    reason,
    referral::{CLOCK_TOLERANCE, Content, Giver, Part, PartSet, Personal, Refusal, Salt, Timeframe},
};

/// What holds while nobody stated how soon an answer in deed is needed: nobody waits because nobody asked.
const SOONEST: referral::ResponseTimeframe = referral::ResponseTimeframe::OneHour;

/// What is known of a contact. Not printable: any of it may be about a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    known: Personal<(referral::Reception, pb::ContactDetails)>,
    received: Timestamp,
    area: Option<Personal<AdminUnitRef>>,
    suspects: Personal<Vec<Giver>>,
}

impl Report {
    /// Reads what was recorded. What is wrong is added, every violation at once.
    pub fn read(
        reception: Option<&referral::Reception>,
        details: Option<&pb::ContactDetails>,
        now: Timestamp,
        refusal: &mut Refusal,
    ) -> Option<Self> {
        let details = unsalted(details.cloned().unwrap_or_default());
        if details.incident_area.is_some() && details.area_unknown {
            refusal.add("details.area_unknown", reason::FIELD_FORMAT);
        }
        let Some(reception) = reception.cloned() else {
            refusal.add("reception", reason::FIELD_REQUIRED);
            return None;
        };
        let time = reception.report_time.as_ref().and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
        if time.is_some_and(|time| time.duration_since(now) > CLOCK_TOLERANCE) {
            refusal.add("reception.report_time", reason::TIME_IN_FUTURE);
        }
        let content = match Content::read(&content(&reception, &details), || Salt::new([0; 32])) {
            Ok(content) => content,
            Err(broken) => {
                for violation in broken.violations() {
                    refusal.add(path(&violation.subject), violation.reason);
                }
                return None;
            }
        };
        // Bytes are handed over for a referral: a contact has nobody to give them to yet.
        for (path, _) in content.attachments() {
            refusal.add(self::path(path), reason::ATTACHMENT_UNKNOWN);
        }
        let received = content.preview.reception.time;
        let suspects = Personal::new(content.suspects().to_vec());
        Some(Self {
            known: Personal::new((reception, details)),
            received,
            area: content.preview.incident_area,
            suspects,
        })
    }

    /// With what is given now: what is not given stays, or is dropped where the whole is `replaced`.
    pub(super) fn amended(&self, given: pb::ContactDetails, is_replaced: bool) -> pb::ContactDetails {
        if is_replaced { given } else { merged(self.details().clone(), given) }
    }

    /// How and when it was received.
    #[must_use]
    pub const fn reception(&self) -> &referral::Reception {
        &self.known.expose().0
    }

    /// What is known of the person and the need.
    #[must_use]
    pub const fn details(&self) -> &pb::ContactDetails {
        &self.known.expose().1
    }

    /// When it was received. Statutory time limits run from here.
    #[must_use]
    pub const fn received(&self) -> Timestamp {
        self.received
    }

    /// Where it happened; `None` while nobody stated an area.
    #[must_use]
    pub fn area(&self) -> Option<&AdminUnitRef> {
        self.area.as_ref().map(Personal::expose)
    }

    /// Carers under suspicion; none of them may have consented.
    pub(super) fn suspects(&self) -> &[Giver] {
        self.suspects.expose()
    }

    /// How soon an answer in deed is needed.
    #[must_use]
    pub fn timeframe(&self) -> Option<Timeframe> {
        Timeframe::from_wire(timeframe(self.details()))
    }

    /// What is sent: everything that is known, and of the rest that nobody asked.
    #[must_use]
    pub fn content(&self) -> referral::ReferralContent {
        let (reception, details) = self.known.expose();
        content(reception, details)
    }

    /// The parts of the content.
    #[must_use]
    pub fn parts(&self) -> PartSet {
        let always = [Part::Preview, Part::Identity, Part::Narrative];
        always.into_iter().chain(self.details().reporter.is_some().then_some(Part::Reporter)).collect()
    }

    /// The parts of the content that say something else than those of the other report.
    #[must_use]
    pub fn changed(&self, other: &Self) -> PartSet {
        let (mine, theirs) = (self.content(), other.content());
        let parts = [
            (Part::Preview, mine.preview != theirs.preview),
            (Part::Identity, mine.identity != theirs.identity),
            (Part::Narrative, mine.narrative != theirs.narrative),
            // A reporter who is taken back leaves no part that could be disclosed.
            (Part::Reporter, mine.reporter.is_some() && mine.reporter != theirs.reporter),
        ];
        parts.into_iter().filter(|(_, is_other)| *is_other).map(|(part, _)| part).collect()
    }
}

/// Where a field of the content stands in a contact.
fn path(subject: &str) -> String {
    let inside = subject.strip_prefix("content.").unwrap_or(subject);
    match inside.strip_prefix("preview.") {
        Some(field) if field.starts_with("reception") => field.to_owned(),
        Some(field) => format!("details.{field}"),
        None => format!("details.{inside}"),
    }
}

fn timeframe(details: &pb::ContactDetails) -> i32 {
    stated(details.response_timeframe, SOONEST as i32)
}

fn content(reception: &referral::Reception, details: &pb::ContactDetails) -> referral::ReferralContent {
    let sex = stated(details.sex, referral::Sex::Unknown as i32);
    let preview = referral::ReferralPreview {
        salt: Vec::new(),
        reception: Some(reception.clone()),
        subject: stated(details.subject, referral::CaseSubject::Unknown as i32),
        abuse_types: details.abuse_types.clone(),
        protection_concerns: details.protection_concerns.clone(),
        service_types: details.service_types.clone(),
        response_timeframe: timeframe(details),
        risk_level: stated(details.risk_level, referral::RiskLevel::Unknown as i32),
        age_group: stated(details.age_group, referral::AgeGroup::Unknown as i32),
        sex,
        incident_area: details.incident_area.clone(),
        criteria: details.criteria.clone(),
    };
    referral::ReferralContent {
        preview: Some(preview),
        identity: Some(details.identity.clone().unwrap_or_else(|| identity(sex))),
        narrative: Some(details.narrative.clone().unwrap_or_else(narrative)),
        reporter: details.reporter.clone(),
    }
}

/// Who the child is, where nobody asked.
pub(super) fn identity(sex: i32) -> referral::ReferralIdentity {
    let birth = referral::Birth { unknown: UnknownReason::NotAsked as i32, ..referral::Birth::default() };
    referral::ReferralIdentity {
        full_name: not_asked(),
        birth: Some(birth),
        sex,
        home_address: not_asked(),
        ..referral::ReferralIdentity::default()
    }
}

/// What happened, where nobody asked.
pub(super) fn narrative() -> referral::ReferralNarrative {
    referral::ReferralNarrative {
        incident_place: not_asked(),
        incident_time_text: not_asked(),
        condition: not_asked(),
        likely_consequences: not_asked(),
        family_circumstances: not_asked(),
        actions_taken: not_asked(),
        request_reason: not_asked(),
        ..referral::ReferralNarrative::default()
    }
}

fn not_asked() -> Option<referral::KnownText> {
    Some(referral::KnownText { value: String::new(), unknown: UnknownReason::NotAsked as i32 })
}

/// Without salts, which are drawn where a part is sealed.
fn unsalted(mut details: pb::ContactDetails) -> pb::ContactDetails {
    let salts = [
        details.identity.as_mut().map(|part| &mut part.salt),
        details.narrative.as_mut().map(|part| &mut part.salt),
        details.reporter.as_mut().map(|part| &mut part.salt),
    ];
    salts.into_iter().flatten().for_each(Vec::clear);
    details
}

const fn stated(value: i32, otherwise: i32) -> i32 {
    if value == 0 { otherwise } else { value }
}

fn given<T>(values: Vec<T>, otherwise: Vec<T>) -> Vec<T> {
    if values.is_empty() { otherwise } else { values }
}

/// What is given replaces what stood there: a list and a part as a whole, criteria one by one, an area and its being
/// unknown each other.
fn merged(old: pb::ContactDetails, new: pb::ContactDetails) -> pb::ContactDetails {
    let is_placed = new.incident_area.is_some() || new.area_unknown;
    let (incident_area, area_unknown) =
        if is_placed { (new.incident_area, new.area_unknown) } else { (old.incident_area, old.area_unknown) };
    let mut criteria = old.criteria;
    for graded in new.criteria {
        match criteria.iter_mut().find(|other| other.criterion == graded.criterion) {
            Some(other) => other.level = graded.level,
            None => criteria.push(graded),
        }
    }
    pb::ContactDetails {
        subject: stated(new.subject, old.subject),
        incident_area,
        area_unknown,
        criteria,
        abuse_types: given(new.abuse_types, old.abuse_types),
        protection_concerns: given(new.protection_concerns, old.protection_concerns),
        service_types: given(new.service_types, old.service_types),
        response_timeframe: stated(new.response_timeframe, old.response_timeframe),
        risk_level: stated(new.risk_level, old.risk_level),
        age_group: stated(new.age_group, old.age_group),
        sex: stated(new.sex, old.sex),
        identity: new.identity.or(old.identity),
        narrative: new.narrative.or(old.narrative),
        reporter: new.reporter.or(old.reporter),
    }
}
