//! Coded values of the contract that may grow. A number that this build does not know becomes an explicit
//! `Unrecognized`, never the default, and is encoded back as it came.

use nhipcau_proto::referral::v1 as pb;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident from $wire:ident { $($(#[$vdoc:meta])* $variant:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// A number that this build does not know.
            Unrecognized(i32),
        }

        impl $name {
            /// Every known value, in contract order.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),*];

            /// Reads the contract's number; `None` for the value that is never sent.
            #[must_use]
            pub fn from_wire(number: i32) -> Option<Self> {
                match pb::$wire::try_from(number) {
                    Ok(pb::$wire::Unspecified) => None,
                    $(Ok(pb::$wire::$variant) => Some(Self::$variant),)*
                    Err(_) => Some(Self::Unrecognized(number)),
                }
            }

            /// The number in the contract.
            #[must_use]
            pub const fn to_wire(self) -> i32 {
                match self {
                    $(Self::$variant => pb::$wire::$variant as i32,)*
                    Self::Unrecognized(number) => number,
                }
            }

            /// True unless the number is one that this build does not know.
            #[must_use]
            pub const fn is_known(self) -> bool {
                !matches!(self, Self::Unrecognized(_))
            }
        }
    )*};
}

codes! {
    /// Who can consent, and who can be under suspicion. An unknown one consents to nothing.
    Giver from ConsentGiver {
        /// The person concerned.
        Subject,
        /// The mother.
        Mother,
        /// The father.
        Father,
        /// A guardian.
        Guardian,
        /// Another lawful representative.
        OtherRepresentative,
    }
    /// What consent covers. An unknown one covers nothing.
    Scope from ConsentScope {
        /// Showing the preview in order to find a service.
        Services,
        /// Giving the identity to the unit that accepted.
        Identity,
        /// Giving the narrative to the unit that accepted.
        Narrative,
    }
    /// What endangers life or health.
    Danger from Danger {
        /// To life.
        Life,
        /// To health.
        Health,
        /// Another danger that cannot wait.
        Other,
    }
    /// The event that stops a time limit.
    Stop from TimeLimitStop {
        /// A person acknowledged.
        Acknowledged,
        /// A person decided.
        Decided,
        /// The service began.
        ServiceStarted,
        /// The service ended.
        Completed,
    }
    /// Why a branch was opened.
    Cause from OpeningCause {
        /// Submitted.
        Initial,
        /// A redirect was followed.
        Redirect,
        /// Nobody answered in time.
        Escalation,
        /// The need was over and is opened again.
        Reopened,
    }
    /// Why a recipient rejects.
    Rejection from RejectionCode {
        /// No capacity.
        NoCapacity,
        /// Service not offered.
        ServiceNotOffered,
        /// Outside the target group.
        NotEligible,
        /// Outside the area.
        OutsideArea,
        /// Already served.
        AlreadyServed,
        /// The preview does not suffice.
        NotEnoughInformation,
        /// Another reason.
        Other,
    }
    /// Why a recipient redirects.
    Redirection from RedirectReason {
        /// Another unit's area.
        OutsideArea,
        /// Another unit is competent by law.
        NotCompetent,
        /// Nobody can act in time.
        NobodyOnDuty,
        /// Another reason.
        Other,
    }
    /// Why a recipient asks to hand a branch back.
    HandBack from HandBackReason {
        /// Another unit's area.
        OutsideArea,
        /// Another unit is competent by law.
        NotCompetent,
        /// No capacity to go on.
        NoCapacity,
        /// It may do harm that this unit goes on.
        Safety,
        /// Another reason.
        Other,
    }
    /// Why a branch was revoked.
    Revocation from RevocationReason {
        /// The need is met otherwise.
        NeedMet,
        /// Nobody answered.
        NoAnswer,
        /// It may do harm.
        Safety,
        /// Consent was withdrawn; set by the rules.
        ConsentWithdrawn,
        /// Another reason.
        Other,
        /// The recipient handed it back; set by the rules.
        HandedBack,
    }
    /// Why a referral never should have been sent.
    Mistake from ErrorReason {
        /// Sent to the wrong unit.
        WrongRecipient,
        /// About the wrong person.
        WrongPerson,
        /// Sent twice.
        Duplicate,
        /// A trial.
        Trial,
        /// Another reason.
        Other,
    }
    /// How a service ended.
    Outcome from Outcome {
        /// No risk remains.
        Resolved,
        /// Support goes on elsewhere.
        OngoingElsewhere,
        /// The person declined.
        Declined,
        /// The person could not be reached.
        NotReached,
        /// The service could not be given.
        NotProvided,
        /// Another outcome.
        Other,
    }
    /// A part of the content. An unknown one is not disclosed.
    Part from ReferralPart {
        /// Coded preview.
        Preview,
        /// Identity.
        Identity,
        /// Narrative.
        Narrative,
        /// Reporter.
        Reporter,
        /// What is said about the child beside a work: the recipient's own.
        Work,
    }
    /// A kind of work on a case. An unknown one is refused.
    WorkKind from WorkKind {
        /// First assessment of risk and harm (form 02).
        InitialAssessment,
        /// A measure that danger did not let wait.
        EmergencyMeasure,
        /// Specific assessment (form 03).
        SpecificAssessment,
        /// A plan was drafted.
        PlanDrafted,
        /// The plan was approved.
        PlanApproved,
        /// Another measure.
        Measure,
        /// Review (form 06).
        Review,
    }
    /// What a review comes to. An unknown one is refused.
    Conclusion from ReviewConclusion {
        /// The case may be brought to its end.
        Close,
        /// A new plan is needed.
        NewPlan,
    }
    /// Why a value is unknown.
    Unknown from UnknownReason {
        /// Nobody knew.
        NotKnown,
        /// Nobody asked.
        NotAsked,
        /// The person asked would not say.
        Declined,
        /// Held back by the sender.
        Withheld,
    }
    /// Sex as on the form.
    Sex from Sex {
        /// Male.
        Male,
        /// Female.
        Female,
        /// Unknown.
        Unknown,
    }
    /// Age group.
    AgeGroup from AgeGroup {
        /// Unknown.
        Unknown,
        /// Up to 5 years.
        Under6,
        /// 6 to 12 years.
        AgeGroup6To12,
        /// 13 to 15 years.
        AgeGroup13To15,
        /// 16 and 17 years.
        AgeGroup16To17,
        /// 18 years and over.
        Adult,
    }
    /// Who is concerned. An unknown one is refused.
    Subject from CaseSubject {
        /// An abused child.
        Abused,
        /// A child at risk.
        AtRisk,
        /// A child in special circumstances.
        SpecialCircumstances,
        /// An adult who suffers violence at home.
        AdultViolence,
        /// Not known yet.
        Unknown,
    }
    /// Forms of abuse.
    AbuseType from AbuseType {
        /// Violence.
        Violence,
        /// Exploitation.
        Exploitation,
        /// Sexual abuse.
        SexualAbuse,
        /// Trafficking.
        Trafficking,
        /// Abandonment.
        Abandonment,
        /// Neglect.
        Neglect,
        /// Another harmful form.
        Other,
    }
    /// Services.
    ServiceType from ServiceType {
        /// A place of safety, arranged between desks.
        SafePlace,
        /// Health.
        Health,
        /// Psychosocial support.
        Psychosocial,
        /// Police.
        Police,
        /// Legal aid.
        Legal,
        /// Livelihood.
        Livelihood,
        /// Child protection.
        ChildProtection,
        /// Family mediation.
        FamilyMediation,
        /// Family reunification.
        FamilyReunification,
        /// Education.
        Education,
        /// Goods.
        Goods,
        /// Water and sanitation.
        WaterSanitation,
        /// Civil registration.
        Registration,
        /// Food.
        Food,
        /// Another service.
        Other,
    }
    /// How soon an answer in deed is needed.
    Timeframe from ResponseTimeframe {
        /// Within an hour.
        OneHour,
        /// Within three hours.
        ThreeHours,
        /// Within a day.
        OneDay,
        /// Within three days.
        ThreeDays,
    }
    /// Risk.
    RiskLevel from RiskLevel {
        /// High.
        High,
        /// Medium.
        Medium,
        /// Low.
        Low,
        /// Not assessed yet.
        Unknown,
    }
    /// A criterion by which risk is graded (form 06 of Decree 56/2017/NĐ-CP).
    Criterion from RiskCriterionCode {
        /// The harm is still serious.
        HarmStillSerious,
        /// The perpetrator can reach the child.
        PerpetratorAccess,
        /// Obstacles where the child is cared for.
        ObstaclesInCare,
        /// The child's capacity to protect itself and to recover.
        SelfProtection,
    }
    /// Channel of a report.
    ReportChannel from ReportChannel {
        /// Phone.
        Phone,
        /// Face to face.
        InPerson,
        /// Messaging account.
        Messaging,
        /// Application.
        App,
        /// Web.
        Web,
        /// Letter.
        Letter,
        /// Dispatch of an authority.
        Dispatch,
        /// Press.
        Press,
        /// Alarm key.
        AlarmKey,
        /// Another channel.
        Other,
    }
    /// What the bytes of an attachment are. An unknown one is refused.
    MediaType from AttachmentMediaType {
        /// A document.
        Pdf,
        /// A picture.
        Jpeg,
        /// A picture.
        Png,
        /// Text in UTF-8.
        Text,
        /// Sound.
        Wav,
        /// Sound.
        Mp3,
        /// Sound.
        Ogg,
    }
    /// What an attachment is.
    AttachmentKind from AttachmentKind {
        /// A photograph.
        Photograph,
        /// The recording of a call.
        CallRecording,
        /// A form or record of an authority.
        OfficialRecord,
        /// A record of a health service.
        HealthRecord,
        /// Something else in writing.
        Writing,
        /// Anything else.
        Other,
    }
    /// Channel of a contact detail. An unknown one is not safe to use.
    ContactChannel from ContactChannel {
        /// Voice call.
        Call,
        /// Text message.
        Text,
        /// Messaging account.
        Messaging,
        /// Through a trusted person.
        TrustedPerson,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_number_stays_itself() {
        assert_eq!(Outcome::from_wire(4_711), Some(Outcome::Unrecognized(4_711)));
        assert_eq!(Outcome::Unrecognized(4_711).to_wire(), 4_711);
        assert!(!Outcome::Unrecognized(4_711).is_known());
    }

    #[test]
    fn the_value_that_is_never_sent_is_no_value() {
        assert_eq!(Rejection::from_wire(0), None);
    }

    #[test]
    fn known_numbers_come_back() {
        for part in Part::KNOWN {
            assert_eq!(Part::from_wire(part.to_wire()), Some(*part));
        }
    }
}
