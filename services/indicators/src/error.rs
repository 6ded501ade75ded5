//! Why the service refuses a call. Every kind has a stable reason; none repeats what the caller sent.

use std::time::Duration;

use nhipcau_domain::{
    indicator::{InvalidSelection, Violations},
    reason,
};
use nhipcau_messaging::{engine::SubmitError, store};
use nhipcau_runtime::status::{Refusal, Violation, of_submit};
use tonic::Code;

/// How long a caller waits whose pieces fill the place for them: somebody has to commit or a day has to pass.
const UPLOADS_PAUSE: Duration = Duration::from_hours(1);
/// Most missing pieces that an answer names; the rest is asked for again.
const NAMED_CHUNKS: usize = 50;

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
    /// The selection does not fit its structure.
    #[error("the selection does not fit its structure")]
    Selection(#[source] InvalidSelection),
    /// The observations break the structure.
    #[error(transparent)]
    Invalid(#[from] Violations),
    /// The structure or dataflow is not in the directory in use.
    #[error("the structure or dataflow is not registered")]
    UnknownStructure,
    /// The submission is larger than a publisher may send.
    #[error("the submission is larger than allowed")]
    TooLarge,
    /// More pieces wait for their commit than are kept.
    #[error("too many pieces wait for their commit")]
    TooManyUploads,
    /// The request id was used for another submission.
    #[error("the request id was used for another submission")]
    RequestIdReused,
    /// Pieces of a bulk load are not held.
    #[error("{} pieces are not held", .0.len())]
    ChunksMissing(Vec<[u8; 32]>),
    /// There is no such submission or series.
    #[error("not held here")]
    NotFound,
    /// The cursor or page token belongs to another request or is none.
    #[error("the cursor belongs to another access point or selection, or is none")]
    CursorInvalid,
    /// The cursor is beyond what is held.
    #[error("the cursor is beyond what is held")]
    CursorExpired,
    /// Messaging does not take the submission, for instance because the party may not publish from here.
    #[error("the submission could not be published")]
    Publishing(#[source] SubmitError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] store::Error),
}

impl Error {
    fn kind(&self) -> (Code, &'static str) {
        match self {
            Self::Field { reason, .. } => (Code::InvalidArgument, reason),
            Self::Selection(error) => (Code::InvalidArgument, error.reason()),
            Self::Invalid(_) => (Code::InvalidArgument, reason::SUBMISSION_INVALID),
            Self::UnknownStructure => (Code::InvalidArgument, reason::STRUCTURE_UNKNOWN),
            Self::TooLarge => (Code::InvalidArgument, reason::SUBMISSION_TOO_LARGE),
            Self::TooManyUploads => (Code::ResourceExhausted, reason::UPLOADS_WAITING),
            Self::RequestIdReused => (Code::AlreadyExists, reason::REQUEST_ID_REUSED),
            Self::ChunksMissing(_) => (Code::FailedPrecondition, reason::CHUNK_MISSING),
            Self::NotFound => (Code::NotFound, reason::NOT_HELD),
            Self::CursorInvalid => (Code::InvalidArgument, reason::CURSOR_INVALID),
            Self::CursorExpired => (Code::OutOfRange, reason::CURSOR_EXPIRED),
            Self::Publishing(error) => of_submit(error),
            Self::Store(_) => (Code::Internal, reason::INTERNAL_FAULT),
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
        match error {
            Error::Publishing(error) => error.into(),
            Error::Store(error) => error.into(),
            Error::Invalid(violations) => {
                let listed = violations.listed().iter().map(|violation| Violation {
                    field: match &violation.component {
                        Some(component) => format!("{}.{component}", violation.place),
                        None => violation.place.to_string(),
                    },
                    reason: violation.reason,
                    description: String::new(),
                });
                refusal.metadata("violationCount", violations.total().to_string()).violations(listed)
            }
            Error::Field { field, reason } => {
                let description = "does not fit".to_owned();
                refusal.violations([Violation { field: field.to_owned(), reason, description }])
            }
            Error::ChunksMissing(digests) => {
                let named: Vec<_> = digests.iter().take(NAMED_CHUNKS).map(hex::encode).collect();
                refusal.metadata("chunks", named.join(" ")).metadata("chunkCount", digests.len().to_string())
            }
            Error::TooManyUploads => refusal.retry_after(UPLOADS_PAUSE),
            _ => refusal,
        }
    }
}

impl From<SubmitError> for Error {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::TooLarge => Self::TooLarge,
            SubmitError::IdReused => Self::RequestIdReused,
            other => Self::Publishing(other),
        }
    }
}
