//! What happened, in words.

use nhipcau_proto::referral::v1 as pb;

use super::{
    super::{code::Giver, personal::Personal, text::Text, violation::Refusal, wire},
    Attachment, Known, Salt,
};

const LONGEST_NOTES: usize = 4_000;
const MOST_SUSPECTS: usize = 8;

/// The narrative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrative {
    /// Random bytes of the part.
    pub salt: Salt,
    /// Where exactly it happened.
    pub incident_place: Known,
    /// When, as told.
    pub incident_time: Known,
    /// The child's present condition.
    pub condition: Known,
    /// What is likely to follow without help.
    pub likely_consequences: Known,
    /// Circumstances of the family.
    pub family_circumstances: Known,
    /// What has been done already.
    pub actions_taken: Known,
    /// Why this unit is asked.
    pub request_reason: Known,
    /// Carers under suspicion.
    pub suspects: Personal<Vec<Giver>>,
    /// Anything else; may be empty.
    pub notes: Personal<Text>,
    /// What is attached.
    pub attachments: Vec<Attachment>,
}

impl Narrative {
    pub(super) fn read(value: &pb::ReferralNarrative, salt: Salt, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let at = |field: &str| format!("{path}.{field}");
        let place = Known::read(value.incident_place.as_ref(), &at("incident_place"), refusal);
        let time = Known::read(value.incident_time_text.as_ref(), &at("incident_time_text"), refusal);
        let condition = Known::read(value.condition.as_ref(), &at("condition"), refusal);
        let consequences = Known::read(value.likely_consequences.as_ref(), &at("likely_consequences"), refusal);
        let family = Known::read(value.family_circumstances.as_ref(), &at("family_circumstances"), refusal);
        let actions = Known::read(value.actions_taken.as_ref(), &at("actions_taken"), refusal);
        let request = Known::read(value.request_reason.as_ref(), &at("request_reason"), refusal);
        wire::unique(&value.suspects, &at("suspects"), refusal);
        let suspects = wire::codes(&value.suspects, MOST_SUSPECTS, Giver::from_wire, &at("suspects"), refusal);
        let notes = Text::read_or_empty(&value.notes, LONGEST_NOTES, &at("notes"), refusal);
        let attachments = Attachment::read_all(&value.attachments, &at("attachments"), refusal);
        Some(Self {
            salt,
            incident_place: place?,
            incident_time: time?,
            condition: condition?,
            likely_consequences: consequences?,
            family_circumstances: family?,
            actions_taken: actions?,
            request_reason: request?,
            suspects: Personal::new(suspects),
            notes: Personal::new(notes?),
            attachments,
        })
    }

    /// Encodes the part.
    #[must_use]
    pub fn write(&self) -> pb::ReferralNarrative {
        pb::ReferralNarrative {
            salt: self.salt.write(),
            incident_place: Some(self.incident_place.write()),
            incident_time_text: Some(self.incident_time.write()),
            condition: Some(self.condition.write()),
            likely_consequences: Some(self.likely_consequences.write()),
            family_circumstances: Some(self.family_circumstances.write()),
            actions_taken: Some(self.actions_taken.write()),
            request_reason: Some(self.request_reason.write()),
            suspects: self.suspects.expose().iter().map(|giver| giver.to_wire()).collect(),
            notes: self.notes.expose().as_str().to_owned(),
            attachments: self.attachments.iter().map(Attachment::write).collect(),
        }
    }
}
