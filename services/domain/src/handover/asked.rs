//! What was asked or told already: by the names of the fields, never by what stands in them.

use nhipcau_proto::{
    referral::v1::{self as referral, UnknownReason},
    switchboard::v1 as pb,
};

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident),* $(,)?) => {
        /// Something that form 01 asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Asked {
            $($(#[$doc])* $field,)*
            /// A number that this build does not know.
            Unrecognized(i32),
        }

        impl Asked {
            /// Every known one, in contract order.
            pub const KNOWN: &'static [Self] = &[$(Self::$field),*];

            /// Reads the contract's number; `None` for the value that is never sent.
            #[must_use]
            pub fn from_wire(number: i32) -> Option<Self> {
                match pb::AskedField::try_from(number) {
                    Ok(pb::AskedField::Unspecified) => None,
                    $(Ok(pb::AskedField::$field) => Some(Self::$field),)*
                    Err(_) => Some(Self::Unrecognized(number)),
                }
            }

            /// The number in the contract.
            #[must_use]
            pub const fn to_wire(self) -> i32 {
                match self {
                    $(Self::$field => pb::AskedField::$field as i32,)*
                    Self::Unrecognized(number) => number,
                }
            }
        }
    };
}

fields! {
    /// The full name.
    FullName,
    /// The date of birth or the age.
    Birth,
    /// The sex.
    Sex,
    /// Where the child lives.
    HomeArea,
    /// The address there.
    HomeAddress,
    /// Where the child is now.
    CurrentArea,
    /// About the mother.
    Mother,
    /// About the father.
    Father,
    /// About whoever cares for the child.
    Carer,
    /// How the child can be reached safely.
    Contact,
    /// In which area it happened.
    IncidentArea,
    /// Where it happened, in words.
    IncidentPlace,
    /// When it happened.
    IncidentTime,
    /// How the child is.
    Condition,
    /// What is likely to follow without help.
    LikelyConsequences,
    /// How the family lives.
    FamilyCircumstances,
    /// What was done already.
    ActionsTaken,
    /// What is asked for and why.
    RequestReason,
    /// Who reports.
    Reporter,
}

/// What was asked or told of a contact: also what nobody knew or would say, because that was asked as well.
#[must_use]
pub fn asked(details: &pb::ContactDetails) -> Vec<Asked> {
    let identity = details.identity.as_ref();
    let narrative = details.narrative.as_ref();
    let person = |field: fn(&referral::ReferralIdentity) -> bool| identity.is_some_and(field);
    let told = |field: fn(&referral::ReferralNarrative) -> &Option<referral::KnownText>| {
        narrative.is_some_and(|part| is_asked(field(part).as_ref()))
    };
    let all = [
        (Asked::FullName, person(|part| is_asked(part.full_name.as_ref()))),
        (Asked::Birth, person(|part| part.birth.as_ref().is_some_and(|birth| is_stated(birth.unknown)))),
        (Asked::Sex, details.sex != 0),
        (Asked::HomeArea, person(|part| part.home_area.is_some())),
        (Asked::HomeAddress, person(|part| is_asked(part.home_address.as_ref()))),
        (Asked::CurrentArea, person(|part| part.current_area.is_some())),
        (Asked::Mother, person(|part| part.mother.is_some())),
        (Asked::Father, person(|part| part.father.is_some())),
        (Asked::Carer, person(|part| part.carer.is_some())),
        (Asked::Contact, person(|part| part.contact.is_some())),
        (Asked::IncidentArea, details.incident_area.is_some() || details.area_unknown),
        (Asked::IncidentPlace, told(|part| &part.incident_place)),
        (Asked::IncidentTime, told(|part| &part.incident_time_text)),
        (Asked::Condition, told(|part| &part.condition)),
        (Asked::LikelyConsequences, told(|part| &part.likely_consequences)),
        (Asked::FamilyCircumstances, told(|part| &part.family_circumstances)),
        (Asked::ActionsTaken, told(|part| &part.actions_taken)),
        (Asked::RequestReason, told(|part| &part.request_reason)),
        (Asked::Reporter, details.reporter.is_some()),
    ];
    all.into_iter().filter(|(_, was_asked)| *was_asked).map(|(field, _)| field).collect()
}

fn is_asked(text: Option<&referral::KnownText>) -> bool {
    text.is_some_and(|text| is_stated(text.unknown))
}

/// Anything but that nobody asked.
const fn is_stated(unknown: i32) -> bool {
    unknown != UnknownReason::NotAsked as i32
}
