//! Lawful basis as a precondition: consent (by whom, for what, how long), a statutory duty, or a vital interest.
//!
//! A person under suspicion is never asked for consent. What consent does not cover is not sent. Whether the cited
//! article fits the facts is for people to judge.

use jiff::Timestamp;

use super::{
    code::{Danger, Giver, Part, Scope},
    text::Text,
};
use crate::reason;

/// By what right a referral is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Basis {
    /// The person concerned or a representative agreed.
    Consent(Consent),
    /// A law obliges the sender.
    StatutoryDuty {
        /// Article that obliges.
        citation: Text,
    },
    /// Life or health is in danger.
    VitalInterest {
        /// Article that allows it.
        citation: Text,
        /// What the danger is.
        danger: Danger,
    },
}

/// Consent to share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who agreed.
    pub giver: Giver,
    /// To what.
    pub scopes: Vec<Scope>,
    /// When.
    pub given: Timestamp,
    /// Until when; `None` until withdrawn.
    pub expires: Option<Timestamp>,
}

impl Basis {
    /// True when sharing rests on consent, so that its withdrawal ends it.
    #[must_use]
    pub const fn is_consent(&self) -> bool {
        matches!(self, Self::Consent(_))
    }

    /// True when a danger to life or health is the basis.
    #[must_use]
    pub const fn is_vital_interest(&self) -> bool {
        matches!(self, Self::VitalInterest { .. })
    }

    /// The reasons for which nothing may be shared on this basis at `now`; empty when it carries.
    #[must_use]
    pub fn objections(&self, suspects: &[Giver], now: Timestamp) -> Vec<&'static str> {
        let Self::Consent(consent) = self else { return Vec::new() };
        let mut reasons = Vec::new();
        if !consent.giver.is_known() {
            reasons.push(reason::CODE_UNKNOWN);
        }
        if consent.giver != Giver::Subject && suspects.contains(&consent.giver) {
            reasons.push(reason::BASIS_SUSPECT_ASKED);
        }
        if consent.given > now {
            reasons.push(reason::BASIS_NOT_YET);
        }
        if consent.expires.is_some_and(|end| end <= now) {
            reasons.push(reason::BASIS_EXPIRED);
        }
        reasons
    }

    /// True when this basis covers the part. A reporter speaks only for himself, so his own agreement decides;
    /// what a unit says of its own work goes to whoever gave it the case.
    #[must_use]
    pub fn covers(&self, part: Part) -> bool {
        let Self::Consent(consent) = self else { return part.is_known() };
        let scope = match part {
            Part::Preview => Scope::Services,
            Part::Identity => Scope::Identity,
            Part::Narrative => Scope::Narrative,
            Part::Reporter | Part::Work => return true,
            Part::Unrecognized(_) => return false,
        };
        consent.scopes.contains(&scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent(giver: Giver) -> Basis {
        Basis::Consent(Consent {
            giver,
            scopes: vec![Scope::Services, Scope::Identity],
            given: Timestamp::from_second(1_000).expect("in range"),
            expires: Some(Timestamp::from_second(2_000).expect("in range")),
        })
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_suspected_parent_is_never_asked() {
        let basis = consent(Giver::Father);
        assert_eq!(basis.objections(&[Giver::Father], at(1_500)), [reason::BASIS_SUSPECT_ASKED]);
        assert!(basis.objections(&[Giver::Mother], at(1_500)).is_empty());
    }

    #[test]
    fn consent_carries_only_in_its_time() {
        let basis = consent(Giver::Mother);
        assert_eq!(basis.objections(&[], at(999)), [reason::BASIS_NOT_YET]);
        assert_eq!(basis.objections(&[], at(2_000)), [reason::BASIS_EXPIRED]);
    }

    #[test]
    fn what_consent_does_not_cover_is_not_covered() {
        let basis = consent(Giver::Mother);
        assert!(basis.covers(Part::Identity));
        assert!(!basis.covers(Part::Narrative));
        assert!(!basis.covers(Part::Unrecognized(9)));
    }

    #[test]
    fn an_unknown_giver_consents_to_nothing() {
        assert_eq!(consent(Giver::Unrecognized(77)).objections(&[], at(1_500)), [reason::CODE_UNKNOWN]);
    }
}
