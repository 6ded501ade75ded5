//! Refusals of the layers below as refusals of a call. Faults are logged here with their causes and answered without.
//!
//! A layer below never says which status a caller gets; here each of its errors has one, with its stable reason. A
//! caller who cannot know whether a call was carried out is told so, and may repeat it under the same request id.

use std::error::Error as StdError;

use nhipcau_domain::reason;
use nhipcau_messaging::{
    engine::{self, RestError, SubmitError},
    store,
    writer::CallError,
};
use nhipcau_proto::Validate;
use tonic::Code;

use super::{PAUSE, Refusal, Violation};
use crate::telemetry::chain;

/// Checks a request against the rules of its contract.
///
/// # Errors
/// [`Refusal`] with every broken rule.
pub fn check(request: &impl Validate) -> Result<(), Refusal> {
    let violations = nhipcau_proto::violations(request);
    if violations.is_empty() { Ok(()) } else { Err(Refusal::invalid(violations)) }
}

impl From<nhipcau_proto::Violation> for Violation {
    fn from(violation: nhipcau_proto::Violation) -> Self {
        let reason = match violation.rule.as_str() {
            "required" => reason::FIELD_REQUIRED,
            "string.max_len" => reason::TEXT_TOO_LONG,
            "string.min_len" => reason::TEXT_EMPTY,
            "repeated.max_items" => reason::TOO_MANY,
            "enum.defined_only" | "enum.not_in" => reason::CODE_UNKNOWN,
            _ => reason::FIELD_FORMAT,
        };
        Self { field: violation.field, reason, description: format!("breaks the rule {}", violation.rule) }
    }
}

impl<E: Into<Self>> From<CallError<E>> for Refusal {
    fn from(error: CallError<E>) -> Self {
        match error {
            CallError::Work(error) => error.into(),
            CallError::Busy => Self::busy(),
            CallError::Stopped => {
                let message = "whether the call was carried out is unknown; repeat it with the same request id";
                Self::new(Code::Unavailable, reason::OUTCOME_UNKNOWN, message).retry_after(PAUSE)
            }
        }
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        fault(&error, "The store failed.")
    }
}

impl From<engine::Error> for Refusal {
    fn from(error: engine::Error) -> Self {
        fault(&error, "The engine failed.")
    }
}

impl From<RestError> for Refusal {
    fn from(error: RestError) -> Self {
        fault(&error, "A body could not be put to rest or read.")
    }
}

/// How a caller is told that messaging does not take a message.
#[must_use]
pub fn of_submit(error: &SubmitError) -> (Code, &'static str) {
    match error {
        SubmitError::IdReused => (Code::AlreadyExists, reason::REQUEST_ID_REUSED),
        SubmitError::NotAgreed => (Code::FailedPrecondition, reason::NOT_AGREED),
        SubmitError::NotHosted => (Code::FailedPrecondition, reason::NOT_HOSTED),
        SubmitError::UnknownRecipient => (Code::FailedPrecondition, reason::RECIPIENT_UNKNOWN),
        // No valid request of today's services is: a test sends the largest one.
        SubmitError::TooLarge => (Code::InvalidArgument, reason::MESSAGE_TOO_LARGE),
        SubmitError::OutboxFull { .. } => (Code::ResourceExhausted, reason::OUTBOX_FULL),
        SubmitError::DiskLow { .. } => (Code::ResourceExhausted, reason::DISK_LOW),
        // A draft that no caller could have avoided: a fault of this program or of its store.
        SubmitError::Malformed | SubmitError::Misaddressed | SubmitError::Store(_) => {
            (Code::Internal, reason::INTERNAL_FAULT)
        }
    }
}

impl From<SubmitError> for Refusal {
    fn from(error: SubmitError) -> Self {
        match of_submit(&error) {
            (Code::Internal, _) => fault(&error, "A message was not accepted for sending."),
            (code, reason) => {
                let refusal = Self::new(code, reason, error.to_string());
                match error {
                    SubmitError::OutboxFull { retry_after } | SubmitError::DiskLow { retry_after } => {
                        refusal.retry_after(retry_after)
                    }
                    _ => refusal,
                }
            }
        }
    }
}

/// Says what happened to the log, and nothing to the caller.
fn fault(error: &(dyn StdError + 'static), message: &'static str) -> Refusal {
    tracing::error!(error = %chain(error), "{message}");
    Refusal::internal()
}
