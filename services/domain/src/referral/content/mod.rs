//! The content of a referral as checked values: four parts, each sealed and disclosed by itself.
//!
//! Reading is total and reports every violation at once. Values about a person live in [`Personal`] and are never
//! printed. Whether an area exists is asked of the area lists by who holds them; see [`Content::areas`].

mod attachment;
mod identity;
mod known;
mod narrative;
mod preview;

pub use attachment::{Attachment, MOST_BYTES, Unlike, looks_like};
pub use identity::{Birth, Identity, Relative, Reporter, SafeContact, Vagueness};
pub use known::{Known, Salt};
pub use narrative::Narrative;
pub use preview::{Preview, Reception};
pub(super) use preview::{criteria, write_criterion};

use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;

use super::{
    code::{Giver, Part},
    parts::PartSet,
    personal::Personal,
    violation::Refusal,
    wire,
    work::WorkDetails,
};
use crate::{area::AdminUnitRef, reason};

/// The parts of a referral as far as they are at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Coded preview.
    pub preview: Preview,
    /// Identity.
    pub identity: Option<Identity>,
    /// Narrative.
    pub narrative: Option<Narrative>,
    /// Reporter; present only if the reporter agreed.
    pub reporter: Option<Reporter>,
}

impl Content {
    /// Reads the content of a request; `salt` gives 32 fresh random bytes for each part.
    ///
    /// # Errors
    /// A [`Refusal`] with every violation.
    pub fn read(value: &pb::ReferralContent, mut salt: impl FnMut() -> Salt) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        let preview = wire::required(value.preview.as_ref(), "content.preview", &mut refusal)
            .and_then(|part| Preview::read(part, salt(), "content.preview", &mut refusal));
        let identity =
            value.identity.as_ref().and_then(|part| Identity::read(part, salt(), "content.identity", &mut refusal));
        let narrative =
            value.narrative.as_ref().and_then(|part| Narrative::read(part, salt(), "content.narrative", &mut refusal));
        let reporter =
            value.reporter.as_ref().and_then(|part| Reporter::read(part, salt(), "content.reporter", &mut refusal));
        match refusal.or(preview)? {
            Some(preview) => Ok(Self { preview, identity, narrative, reporter }),
            None => Err(Refusal::one("content.preview", reason::FIELD_REQUIRED)),
        }
    }

    /// The parts at hand.
    #[must_use]
    pub fn parts(&self) -> PartSet {
        let mut parts = PartSet::of(&[Part::Preview]);
        let optional = [
            (Part::Identity, self.identity.is_some()),
            (Part::Narrative, self.narrative.is_some()),
            (Part::Reporter, self.reporter.is_some()),
        ];
        for (part, _) in optional.into_iter().filter(|(_, present)| *present) {
            parts.insert(part);
        }
        parts
    }

    /// The bytes of a part as they are sealed and digested; `None` when it is not at hand.
    #[must_use]
    pub fn encode(&self, part: Part) -> Option<Vec<u8>> {
        match part {
            Part::Preview => Some(self.preview.write().encode_to_vec()),
            Part::Identity => self.identity.as_ref().map(|part| part.write().encode_to_vec()),
            Part::Narrative => self.narrative.as_ref().map(|part| part.write().encode_to_vec()),
            Part::Reporter => self.reporter.as_ref().map(|part| part.write().encode_to_vec()),
            Part::Work | Part::Unrecognized(_) => None,
        }
    }

    /// Whether the bytes of a part, as they were sealed and digested, say the same as this content: all but the salt,
    /// which is drawn anew each time that a request is read.
    #[must_use]
    pub fn says(&self, part: Part, bytes: &[u8]) -> bool {
        match part {
            Part::Preview => pb::ReferralPreview::decode(bytes)
                .is_ok_and(|other| pb::ReferralPreview { salt: other.salt.clone(), ..self.preview.write() } == other),
            Part::Identity => pb::ReferralIdentity::decode(bytes).is_ok_and(|other| {
                let mine = self.identity.as_ref().map(Identity::write);
                mine.is_some_and(|mine| pb::ReferralIdentity { salt: other.salt.clone(), ..mine } == other)
            }),
            Part::Narrative => pb::ReferralNarrative::decode(bytes).is_ok_and(|other| {
                let mine = self.narrative.as_ref().map(Narrative::write);
                mine.is_some_and(|mine| pb::ReferralNarrative { salt: other.salt.clone(), ..mine } == other)
            }),
            Part::Reporter => pb::ReferralReporter::decode(bytes).is_ok_and(|other| {
                let mine = self.reporter.as_ref().map(Reporter::write);
                mine.is_some_and(|mine| pb::ReferralReporter { salt: other.salt.clone(), ..mine } == other)
            }),
            Part::Work | Part::Unrecognized(_) => false,
        }
    }

    /// Every area that is named, with its path, to be looked up in the lists in force.
    pub fn areas(&self) -> impl Iterator<Item = (&'static str, &AdminUnitRef)> {
        let identity = self.identity.as_ref();
        [
            ("content.preview.incident_area", self.preview.incident_area.as_ref()),
            ("content.identity.home_area", identity.and_then(|part| part.home_area.as_ref())),
            ("content.identity.current_area", identity.and_then(|part| part.current_area.as_ref())),
        ]
        .into_iter()
        .filter_map(|(path, area)| Some((path, area?.expose())))
    }

    /// What is attached to each part, with its path.
    pub fn attachments(&self) -> impl Iterator<Item = (&'static str, &Attachment)> {
        let identity = self.identity.iter().flat_map(|part| &part.attachments);
        let narrative = self.narrative.iter().flat_map(|part| &part.attachments);
        let identity = identity.map(|attachment| ("content.identity.attachments", attachment));
        identity.chain(narrative.map(|attachment| ("content.narrative.attachments", attachment)))
    }

    /// Carers under suspicion; none of them may have consented.
    #[must_use]
    pub fn suspects(&self) -> &[Giver] {
        self.narrative.as_ref().map_or(&[], |part| part.suspects.expose().as_slice())
    }
}

/// Checks the bytes of a part that arrived.
///
/// # Errors
/// A [`Refusal`] with every violation.
pub fn check_part(part: Part, bytes: &[u8]) -> Result<(), Refusal> {
    let mut refusal = Refusal::default();
    let unreadable = |_| Refusal::one("parts", reason::FIELD_FORMAT);
    match part {
        Part::Preview => {
            let value = pb::ReferralPreview::decode(bytes).map_err(unreadable)?;
            let salt = Salt::read(&value.salt, "preview.salt", &mut refusal);
            salt.and_then(|salt| Preview::read(&value, salt, "preview", &mut refusal));
        }
        Part::Identity => {
            let value = pb::ReferralIdentity::decode(bytes).map_err(unreadable)?;
            let salt = Salt::read(&value.salt, "identity.salt", &mut refusal);
            salt.and_then(|salt| Identity::read(&value, salt, "identity", &mut refusal));
        }
        Part::Narrative => {
            let value = pb::ReferralNarrative::decode(bytes).map_err(unreadable)?;
            let salt = Salt::read(&value.salt, "narrative.salt", &mut refusal);
            salt.and_then(|salt| Narrative::read(&value, salt, "narrative", &mut refusal));
        }
        Part::Reporter => {
            let value = pb::ReferralReporter::decode(bytes).map_err(unreadable)?;
            let salt = Salt::read(&value.salt, "reporter.salt", &mut refusal);
            salt.and_then(|salt| Reporter::read(&value, salt, "reporter", &mut refusal));
        }
        Part::Work => {
            let value = pb::WorkDetails::decode(bytes).map_err(unreadable)?;
            WorkDetails::read(&value, "work", &mut refusal);
        }
        Part::Unrecognized(_) => refusal.add("parts", reason::CODE_UNKNOWN),
    }
    refusal.or(())
}

/// What is attached to a part that was checked, by its bytes.
#[must_use]
pub fn attached(part: Part, bytes: &[u8]) -> Vec<Attachment> {
    let named = match part {
        Part::Identity => pb::ReferralIdentity::decode(bytes).map(|part| part.attachments),
        Part::Narrative => pb::ReferralNarrative::decode(bytes).map(|part| part.attachments),
        Part::Preview | Part::Reporter | Part::Work | Part::Unrecognized(_) => return Vec::new(),
    };
    Attachment::read_all(&named.unwrap_or_default(), "attachments", &mut Refusal::default())
}

pub(crate) fn read_area(
    value: Option<&pb::AdminUnitRef>,
    path: &str,
    refusal: &mut Refusal,
) -> Option<Personal<AdminUnitRef>> {
    let value = value?;
    let reference = wire::formatted(AdminUnitRef::new(&value.code, &value.code_list_version), path, refusal)?;
    if value.level != level(&reference) {
        refusal.add(format!("{path}.level"), reason::FIELD_FORMAT);
    }
    Some(Personal::new(reference))
}

pub(crate) fn write_area(area: &Personal<AdminUnitRef>) -> pb::AdminUnitRef {
    let area = area.expose();
    pb::AdminUnitRef {
        code: area.code.to_string(),
        level: level(area),
        code_list_version: area.code_list_version.to_string(),
    }
}

const fn level(area: &AdminUnitRef) -> i32 {
    use crate::area::Level;
    match area.level {
        Level::Province => pb::AdminLevel::Province as i32,
        Level::District => pb::AdminLevel::District as i32,
        Level::Commune => pb::AdminLevel::Commune as i32,
    }
}
