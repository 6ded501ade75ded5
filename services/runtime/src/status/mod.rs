//! The one place where a refusal becomes a `tonic::Status`: with `google.rpc` details, a stable reason of the domain
//! `nhipcau.vn`, a text for people, and never a value that may be about a person.
//!
//! Details travel in one header, and several gRPC implementations take no more than 8 KiB of headers: violations are
//! counted all and listed as far as they fit.

mod from;
mod vietnamese;

pub use from::{check, of_submit};

use std::{borrow::Cow, collections::HashMap, time::Duration};

use nhipcau_domain::reason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// The domain of every reason.
pub const DOMAIN: &str = "nhipcau.vn";

/// Most violations that a refusal lists.
pub const LISTED_VIOLATIONS: usize = 100;

/// Bytes of listed violations. In base64 and with the other details they stay below 8 KiB of headers.
const VIOLATION_BYTES: usize = 4_800;

/// How long a caller waits who meets a full queue, or may not be answered in time.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// One broken rule of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the contract's spelling, such as `observations[2].value`; empty for the whole request.
    pub field: String,
    /// The stable reason, one of [`nhipcau_domain::reason`].
    pub reason: &'static str,
    /// What is wrong, without the value.
    pub description: String,
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    code: Code,
    reason: &'static str,
    message: Cow<'static, str>,
    violations: Vec<Violation>,
    metadata: Vec<(&'static str, String)>,
    retry_delay: Option<Duration>,
}

impl Refusal {
    /// A refusal with a reason of [`nhipcau_domain::reason`] and a message in English for developers. The text for
    /// people is the one that `docs/errors.md` gives for the reason.
    #[must_use]
    pub fn new(code: Code, reason: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self { code, reason, message, violations: Vec::new(), metadata: Vec::new(), retry_delay: None }
    }

    /// Breaks of the contract, all at once.
    #[must_use]
    pub fn invalid(violations: impl IntoIterator<Item = impl Into<Violation>>) -> Self {
        let refusal = Self::new(Code::InvalidArgument, reason::REQUEST_INVALID, "the request breaks its contract");
        refusal.violations(violations)
    }

    /// Not allowed, or not there: the caller does not learn which.
    #[must_use]
    pub fn access_denied() -> Self {
        let message = "not allowed, or it does not exist";
        Self::new(Code::PermissionDenied, reason::ACCESS_DENIED, message)
    }

    /// A fault of this program or its machine. What happened is for the log, not for the caller.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal, reason::INTERNAL_FAULT, "a fault in this access point; its operator can find it")
    }

    /// The queue of this access point is full; nothing was done.
    #[must_use]
    pub fn busy() -> Self {
        let refusal = Self::new(
            Code::ResourceExhausted,
            reason::TOO_MANY_CALLS,
            "more calls are being answered than there is room for",
        );
        refusal.retry_after(PAUSE)
    }

    /// The calling system has made more calls than its rate allows; nothing was done.
    #[must_use]
    pub fn too_often(wait: Duration) -> Self {
        let message = "the calling system makes more calls than its rate allows";
        Self::new(Code::ResourceExhausted, reason::RATE_EXCEEDED, message).retry_after(wait)
    }

    /// The process is ending. The same call may be made again with the same request id.
    #[must_use]
    pub fn shutting_down() -> Self {
        let refusal = Self::new(Code::Unavailable, reason::SHUTTING_DOWN, "the access point is shutting down");
        refusal.retry_after(PAUSE)
    }

    /// Adds broken rules; they are counted in the metadata and listed as far as they fit.
    #[must_use]
    pub fn violations(mut self, violations: impl IntoIterator<Item = impl Into<Violation>>) -> Self {
        self.violations.extend(violations.into_iter().map(Into::into));
        self
    }

    /// Adds a variable of the message under a camelCase key. Never a value that may be about a person.
    #[must_use]
    pub fn metadata(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.metadata.push((key, value.into()));
        self
    }

    /// Says when repeating the same call makes sense.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_delay = Some(delay);
        self
    }

    /// The status code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, reason, message, violations, metadata, retry_delay } = refusal;
        let mut metadata: HashMap<String, String> =
            metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let mut details = ErrorDetails::new();
        if !violations.is_empty() {
            // Whoever lists only the first of very many has set the count of all already.
            metadata.entry("violationCount".to_owned()).or_insert_with(|| violations.len().to_string());
            details.set_bad_request(listed(&violations));
        }
        details.set_error_info(reason, DOMAIN, metadata);
        details.set_localized_message("vi-VN", vietnamese::text(reason));
        if let Some(delay) = retry_delay {
            details.set_retry_info(Some(delay));
        }
        Self::with_error_details(code, message, details)
    }
}

/// As many violations as fit, with their descriptions if all of them then fit.
fn listed(violations: &[Violation]) -> Vec<FieldViolation> {
    let first = || violations.iter().take(LISTED_VIOLATIONS);
    // Two bytes of framing for each of three fields and for the violation.
    let size = |v: &Violation, described: usize| 8 + v.field.len() + v.reason.len() + described;
    let is_described = first().map(|v| size(v, v.description.len())).sum::<usize>() <= VIOLATION_BYTES;
    let mut room = VIOLATION_BYTES;
    first()
        .map_while(|violation| {
            let description = if is_described { violation.description.as_str() } else { "" };
            room = room.checked_sub(size(violation, description.len()))?;
            let mut listed = FieldViolation::new(&violation.field, description);
            listed.reason = violation.reason.to_owned();
            Some(listed)
        })
        .collect()
}

#[cfg(test)]
mod tests;
