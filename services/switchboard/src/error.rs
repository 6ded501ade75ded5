//! Why the service refuses a call. Every kind has a stable reason; none repeats what the caller sent.

use std::time::Duration;

use nhipcau_domain::{
    reason,
    referral::{self, Violation as Broken},
};
use nhipcau_messaging::{
    engine::{self, RestError, SubmitError},
    store,
};
use nhipcau_runtime::{
    keys,
    status::{Refusal, Violation, of_submit},
    telemetry::chain,
};
use tonic::Code;

/// How long a caller waits whose hand-over is being given back by the other side.
const RECOVERY_PAUSE: Duration = Duration::from_secs(10);

/// What stands against a change although the request is well-formed.
const PRECONDITIONS: [&str; 28] = [
    reason::WRONG_STATE,
    reason::CONTACT_BEING_SENT,
    reason::PERSON_REQUIRED,
    reason::NOT_HOSTED,
    reason::NOT_AGREED,
    reason::AREA_MISSING,
    reason::AREA_SPLIT,
    reason::AREA_UNKNOWN,
    reason::NO_UNIT_FITS,
    reason::SEVERAL_UNITS_FIT,
    reason::NOT_FOR_THIS_KIND,
    reason::BASIS_MISSING,
    reason::BASIS_SUSPECT_ASKED,
    reason::BASIS_NOT_YET,
    reason::BASIS_EXPIRED,
    reason::BASIS_SCOPE,
    reason::CONTACT_OFFERED,
    reason::UNIT_CLOSED,
    reason::ALREADY_OPENED,
    reason::NOT_ACCEPTED,
    reason::HAND_BACK_REQUESTED,
    reason::NO_HAND_BACK_REQUESTED,
    reason::HANDOVER_CONTINUED,
    reason::HANDOVER_CONTENT_GONE,
    reason::DISCLOSURE_TOO_EARLY,
    reason::TOO_MANY,
    reason::PLACEMENT_TIME_INVALID,
    reason::PLACEMENT_LIMIT,
];

/// A refusal, or a failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request breaks the contract or the rules.
    #[error("the rules of contacts, hand-overs and enquiries do not allow it")]
    Rules(#[source] referral::Refusal),
    /// Not the caller's, or not there.
    #[error("not allowed, or it does not exist")]
    AccessDenied,
    /// The page token belongs to another request or is none.
    #[error("the page token belongs to another request, or is none")]
    PageTokenInvalid,
    /// The request id was used for another request.
    #[error("the request id was used for another request")]
    RequestIdReused,
    /// The recipient of the hand-over has a contact of its own from it.
    #[error("the hand-over goes on in a contact already")]
    HasContact {
        /// Its name.
        contact: String,
    },
    /// Own events of the hand-over are being given back by the other side, and none can be written before.
    #[error("the hand-over is being restored from the other side")]
    Recovering,
    /// Messaging does not take the message, for instance because no agreement allows it.
    #[error("the message could not be sent")]
    Sending(#[source] SubmitError),
    /// The bytes are no press of a device of the party.
    #[error("not a press of a device of this party")]
    NotAFrame,
    /// The party has devices, and the alarm key that they were made with is not there.
    #[error("an alarm key is missing")]
    AlarmKeyMissing,
    /// The alarm keys cannot be used.
    #[error("the alarm keys cannot be used")]
    AlarmKeys(#[from] keys::Error),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] store::Error),
    /// A body cannot be put to rest or read.
    #[error("a body could not be put to rest or read")]
    Rest(#[from] RestError),
    /// The engine failed.
    #[error("the engine failed")]
    Engine(#[from] engine::Error),
}

impl Error {
    /// A rule that is broken by the request as a whole.
    pub(crate) fn rule(subject: &str, reason: &'static str) -> Self {
        Self::Rules(referral::Refusal::one(subject, reason))
    }

    fn kind(&self) -> (Code, &'static str) {
        match self {
            Self::Rules(refusal) if refusal.has(reason::ETAG_STALE) => (Code::Aborted, reason::ETAG_STALE),
            Self::Rules(refusal) => {
                let mut reasons = refusal.violations().iter().map(|violation| violation.reason);
                let unmet = reasons.find(|reason| PRECONDITIONS.contains(reason));
                unmet
                    .map_or((Code::InvalidArgument, reason::REQUEST_INVALID), |unmet| (Code::FailedPrecondition, unmet))
            }
            Self::AccessDenied => (Code::PermissionDenied, reason::ACCESS_DENIED),
            Self::PageTokenInvalid => (Code::InvalidArgument, reason::PAGE_TOKEN_INVALID),
            Self::RequestIdReused => (Code::AlreadyExists, reason::REQUEST_ID_REUSED),
            Self::HasContact { .. } => (Code::AlreadyExists, reason::HANDOVER_HAS_CONTACT),
            Self::Recovering => (Code::Unavailable, reason::BRANCH_RECOVERING),
            Self::Sending(error) => of_submit(error),
            Self::NotAFrame => (Code::InvalidArgument, reason::ALARM_FRAME_REFUSED),
            Self::Store(_) | Self::Rest(_) | Self::Engine(_) | Self::AlarmKeyMissing | Self::AlarmKeys(_) => {
                (Code::Internal, reason::INTERNAL_FAULT)
            }
        }
    }

    /// The stable reason, documented in `docs/errors.md`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.kind().1
    }
}

impl From<referral::Refusal> for Error {
    fn from(refusal: referral::Refusal) -> Self {
        Self::Rules(refusal)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (code, reason) = error.kind();
        let refusal = Self::new(code, reason, error.to_string());
        match error {
            Error::AccessDenied => Self::access_denied(),
            Error::Rules(broken) => {
                // Of which areas a person has to choose one is personal: the route says it, after an access record.
                let violation = |violation: &Broken| Violation {
                    field: violation.subject.clone(),
                    reason: violation.reason,
                    description: "does not fit".to_owned(),
                };
                let total = broken.total().to_string();
                refusal.metadata("violationCount", total).violations(broken.violations().iter().map(violation))
            }
            Error::HasContact { contact } => refusal.metadata("contact", contact),
            Error::Recovering => refusal.retry_after(RECOVERY_PAUSE),
            Error::Sending(error) => error.into(),
            Error::Store(error) => error.into(),
            Error::Rest(error) => error.into(),
            Error::Engine(error) => error.into(),
            Error::AlarmKeyMissing | Error::AlarmKeys(_) => {
                tracing::error!(error = %chain(&error), "Alarm keys cannot be used: no press of their devices is heard.");
                Self::internal()
            }
            Error::PageTokenInvalid | Error::RequestIdReused | Error::NotAFrame => refusal,
        }
    }
}

impl From<SubmitError> for Error {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Store(error) => Self::Engine(error),
            other => Self::Sending(other),
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        Refusal::from(error).into()
    }
}
