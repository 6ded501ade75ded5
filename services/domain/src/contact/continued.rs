//! A contact that goes on from a hand-over: what was told becomes the recipient's own contact, and what becomes of that
//! when the hand-over has ended.
//!
//! What was told is taken as it travelled, what nobody knew or would say included, and nobody is asked again; what the
//! wire has of what nobody asked stays open. The reporter is left out: they agreed to be named to this switchboard and
//! to nobody behind it. So are attachments, whose bytes travel with referrals alone.

use jiff::Timestamp;
use nhipcau_proto::{
    referral::v1::{self as referral, AgeGroup, CaseSubject, RiskLevel, Sex},
    switchboard::v1 as pb,
};

use super::{
    Call, CloseReason, Contact, Ids, Report, State,
    report::{identity, narrative},
};
use crate::{
    handover::{self, Asked, Handover},
    reason,
    referral::{CLOCK_TOLERANCE, Refusal, Side, write_time},
};

/// What becomes of an own contact once the hand-over that it went on from has ended.
#[derive(Debug, Clone, PartialEq)]
pub enum GivenBack {
    /// It is closed, like this, and everything of its case is erased.
    Erased(Box<Contact>),
    /// Not certain yet: it is being sent, or offered to another switchboard.
    Undecided,
    /// It stays: a referral stands from it, or may, or another switchboard has it.
    Kept,
}

impl Contact {
    /// Records the recipient's own contact of what a hand-over told it. The call is one about the hand-over.
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn continued(
        handover: &Handover,
        told: &referral::ReferralContent,
        call: &Call<'_>,
        ids: Ids,
    ) -> Result<Self, Refusal> {
        let (view, now, mut refusal) = (handover.view(), call.now, Refusal::default());
        if view.state != handover::State::Taken {
            refusal.add("handover", reason::WRONG_STATE);
        }
        if call.etag != handover.etag() {
            refusal.add("etag", reason::ETAG_STALE);
        }
        if call.actor.person.is_none() {
            refusal.add("acting_person", reason::PERSON_REQUIRED);
        }
        let Some(preview) = refusal.or(told.preview.as_ref())? else {
            return Err(Refusal::one("handover", reason::HANDOVER_CONTENT_GONE));
        };
        let reception = preview.reception.clone().map(|reception| received(reception, call));
        let details = details(preview, told, &view.asked);
        let mut refusal = Refusal::default();
        let report = Report::read(reception.as_ref(), Some(&details), now, &mut refusal);
        let Some(report) = refusal.or(report)? else { return Err(Refusal::one("reception", reason::FIELD_REQUIRED)) };
        let begun = Self::begun(ids, handover.unit(Side::Recipient).clone(), report, now);
        Ok(Self { handover: Some(handover.ids().handover), ..begun })
    }

    /// What keeps the hand-over that it goes on from from being given back: until it is closed the unit acts in it, and
    /// a referral that was sent from it is the unit's own duty.
    #[must_use]
    pub fn against_hand_back(&self) -> Option<&'static str> {
        let is_over = self.state == State::Closed && !self.may_be_referred();
        (!is_over).then_some(reason::HANDOVER_CONTINUED)
    }

    /// What becomes of it once the hand-over that it goes on from has ended all the same. A referral outweighs the end:
    /// somebody was told of a need, and this unit answers for that. So does a switchboard that has taken it over since:
    /// two answer then, and people have to agree.
    #[must_use]
    pub fn given_back(&self, is_offered: bool, now: Timestamp) -> GivenBack {
        if self.referral.is_some() || self.state == State::HandedOver {
            GivenBack::Kept
        } else if self.sending.is_some() || is_offered {
            GivenBack::Undecided
        } else if self.may_be_referred() {
            GivenBack::Kept
        } else if self.state == State::Closed {
            GivenBack::Erased(Box::new(self.clone()))
        } else {
            let (state, close_reason, version) = (State::Closed, Some(CloseReason::Other), self.version + 1);
            GivenBack::Erased(Box::new(Self { state, close_reason, since: now, version, ..self.clone() }))
        }
    }

    /// Whether a referral stands from it, or may: what was never answered may have been made.
    pub(super) fn may_be_referred(&self) -> bool {
        let is_unanswered = self.objections.iter().any(|it| &*it.reason == reason::CONTACT_UNANSWERED);
        self.referral.is_some() || self.sending.is_some() || is_unanswered
    }
}

/// What was told, as a contact has it. Codes say UNKNOWN both of what nobody asked and of what nobody knew; only of
/// some does the offer say which.
fn details(
    preview: &referral::ReferralPreview,
    told: &referral::ReferralContent,
    asked: &[Asked],
) -> pb::ContactDetails {
    let is_sex_asked = asked.contains(&Asked::Sex);
    // Salts are drawn where a part is sealed.
    let who = told.identity.clone();
    let who = who.map(|part| referral::ReferralIdentity { salt: Vec::new(), attachments: Vec::new(), ..part });
    let what = told.narrative.clone();
    let what = what.map(|part| referral::ReferralNarrative { salt: Vec::new(), attachments: Vec::new(), ..part });
    pb::ContactDetails {
        subject: stated(preview.subject, CaseSubject::Unknown.into()),
        incident_area: preview.incident_area.clone(),
        area_unknown: preview.incident_area.is_none() && asked.contains(&Asked::IncidentArea),
        criteria: preview.criteria.clone(),
        abuse_types: preview.abuse_types.clone(),
        protection_concerns: preview.protection_concerns.clone(),
        service_types: preview.service_types.clone(),
        response_timeframe: preview.response_timeframe,
        risk_level: stated(preview.risk_level, RiskLevel::Unknown.into()),
        age_group: stated(preview.age_group, AgeGroup::Unknown.into()),
        sex: if is_sex_asked { preview.sex } else { stated(preview.sex, Sex::Unknown.into()) },
        // What says of everything that nobody asked is what a contact sends that knows nothing.
        identity: who.filter(|part| *part != identity(preview.sex)),
        narrative: what.filter(|part| *part != narrative()),
        reporter: None,
    }
}

/// Not stated, where the code says that it is unknown.
const fn stated(value: i32, unknown: i32) -> i32 {
    if value == unknown { 0 } else { value }
}

/// How it was received, by whoever goes on: the reference of an officer counts in the system of the unit alone. The
/// time is not ahead of this clock: that of the origin may be, and keeps nobody from going on.
fn received(reception: referral::Reception, call: &Call<'_>) -> referral::Reception {
    let (person, now) = (call.actor.person.as_ref(), call.now);
    let officer = person.map_or_else(String::new, |person| person.as_str().to_owned());
    let time = reception.report_time.as_ref().and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    let is_ahead = time.is_some_and(|time| time.duration_since(now) > CLOCK_TOLERANCE);
    let report_time = if is_ahead { Some(write_time(now)) } else { reception.report_time };
    referral::Reception { officer, report_time, ..reception }
}
