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
use nhipcau_runtime::status::{Refusal, Violation, of_submit};
use tonic::Code;

/// How long a caller waits whose branch is being given back by the other side.
const RECOVERY_PAUSE: Duration = Duration::from_secs(10);

/// How long a caller waits that has uploaded too much: by then a referral may name it.
const UPLOADS_PAUSE: Duration = Duration::from_secs(60);

/// A refusal, or a failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field does not fit.
    #[error("the field {field} does not fit")]
    Field {
        /// The field, as the contract names it.
        field: &'static str,
        /// The stable reason.
        reason: &'static str,
    },
    /// The content breaks the contract.
    #[error("the content breaks its contract")]
    Content(#[source] referral::Refusal),
    /// The rules do not allow it.
    #[error("the rules of referrals do not allow it")]
    Rules(#[source] referral::Refusal),
    /// Not the caller's, or not there.
    #[error("not allowed, or it does not exist")]
    AccessDenied,
    /// The page token belongs to another request or is none.
    #[error("the page token belongs to another request, or is none")]
    PageTokenInvalid,
    /// The cursor belongs to another party or access point or is none.
    #[error("the cursor belongs to another party or access point, or is none")]
    CursorInvalid,
    /// The request id was used for another request.
    #[error("the request id was used for another request")]
    RequestIdReused,
    /// Own events of the branch are being given back by the other side, and none can be written before.
    #[error("the branch is being restored from the other side")]
    Recovering,
    /// So much was uploaded by the party that no referral names that no more is accepted.
    #[error("too much was uploaded that no referral names")]
    AttachmentsWaiting,
    /// Messaging does not take the event, for instance because no agreement allows it.
    #[error("the event could not be sent")]
    Sending(#[source] SubmitError),
    /// Everything was checked and nothing is to be kept. Undoes what was written on the way; never told to a caller.
    #[error("checked only")]
    Checked,
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
            Self::Field { reason, .. } => (Code::InvalidArgument, reason),
            Self::Content(_) => (Code::InvalidArgument, reason::REQUEST_INVALID),
            Self::Rules(refusal) if refusal.has(reason::ETAG_STALE) => (Code::Aborted, reason::ETAG_STALE),
            Self::Rules(refusal) => {
                let first = refusal.violations().first();
                (Code::FailedPrecondition, first.map_or(reason::WRONG_STATE, |violation| violation.reason))
            }
            Self::AccessDenied => (Code::PermissionDenied, reason::ACCESS_DENIED),
            Self::PageTokenInvalid => (Code::InvalidArgument, reason::PAGE_TOKEN_INVALID),
            Self::CursorInvalid => (Code::InvalidArgument, reason::CURSOR_INVALID),
            Self::RequestIdReused => (Code::AlreadyExists, reason::REQUEST_ID_REUSED),
            Self::Recovering => (Code::Unavailable, reason::BRANCH_RECOVERING),
            Self::AttachmentsWaiting => (Code::ResourceExhausted, reason::ATTACHMENTS_WAITING),
            Self::Sending(error) => of_submit(error),
            Self::Checked | Self::Store(_) | Self::Rest(_) | Self::Engine(_) => {
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

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (code, reason) = error.kind();
        let refusal = Self::new(code, reason, error.to_string());
        let unfit = || "does not fit".to_owned();
        match error {
            Error::AccessDenied => Self::access_denied(),
            Error::Content(broken) | Error::Rules(broken) => {
                let violation = |violation: &Broken| {
                    let candidates: Vec<_> = violation.candidates.iter().map(ToString::to_string).collect();
                    Violation {
                        field: violation.subject.clone(),
                        reason: violation.reason,
                        description: if candidates.is_empty() { unfit() } else { candidates.join(" ") },
                    }
                };
                let total = broken.total().to_string();
                refusal.metadata("violationCount", total).violations(broken.violations().iter().map(violation))
            }
            Error::Field { field, reason } => {
                refusal.violations([Violation { field: field.to_owned(), reason, description: unfit() }])
            }
            Error::Recovering => refusal.retry_after(RECOVERY_PAUSE),
            Error::AttachmentsWaiting => refusal.retry_after(UPLOADS_PAUSE),
            Error::Sending(error) => error.into(),
            Error::Store(error) => error.into(),
            Error::Rest(error) => error.into(),
            Error::Engine(error) => error.into(),
            _ => refusal,
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
