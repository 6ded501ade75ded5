//! An answer that is none: what a person reads of it, whether the call may be repeated, and the exit code.

use std::{error::Error as _, fmt, io, time::Duration};

use tonic::{Code as Grpc, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{
    exit::{Code, Failure},
    terminal::counted,
};

/// A call that was refused or that nobody answered.
#[derive(Debug)]
pub(crate) struct Refused {
    status: Box<Status>,
    details: Box<ErrorDetails>,
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let details = Box::new(status.get_error_details());
        Self { status: Box::new(status), details }
    }
}

impl Refused {
    /// The stable reason of docs/errors.md; empty when no access point answered.
    pub(crate) fn reason(&self) -> &str {
        self.details.error_info().map_or("", |info| info.reason.as_str())
    }

    /// A variable of the refusal.
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.details.error_info()?.metadata.get(key).map(String::as_str)
    }

    /// Field and reason of each violation that is listed.
    pub(crate) fn violations(&self) -> impl Iterator<Item = (&str, &str)> {
        let listed = self.details.bad_request().map_or(&[][..], |request| &request.field_violations);
        listed.iter().map(|violation| (violation.field.as_str(), violation.reason.as_str()))
    }

    /// How many violations there are in all.
    pub(crate) fn violation_count(&self) -> u64 {
        let counted = self.metadata("violationCount").and_then(|count| count.parse().ok());
        counted.unwrap_or_else(|| self.violations().count() as u64)
    }

    /// Whether the same call may be made again.
    pub(crate) fn may_be_repeated(&self) -> bool {
        self.repeat_after().is_some()
    }

    /// Whether the same call may be made again, and after which delay if the answer says. Only what says so itself,
    /// and what never reached an access point.
    pub(super) fn repeat_after(&self) -> Option<Option<Duration>> {
        if let Some(retry) = self.details.retry_info() {
            return Some(retry.retry_delay);
        }
        (self.status.code() == Grpc::Unavailable && !self.is_distrust()).then_some(None)
    }

    /// Whether a certificate was not accepted: that does not mend itself.
    fn is_distrust(&self) -> bool {
        let mut source = self.status.source();
        while let Some(error) = source {
            if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::InvalidData) {
                return true;
            }
            source = error.source();
        }
        false
    }

    fn exit_code(&self) -> Code {
        match self.status.code() {
            Grpc::Unavailable | Grpc::DeadlineExceeded | Grpc::ResourceExhausted | Grpc::Cancelled => Code::Unavailable,
            // What the connection said, not an access point.
            Grpc::Unknown if self.reason().is_empty() => Code::Unavailable,
            Grpc::Ok | Grpc::Internal | Grpc::DataLoss | Grpc::Unknown => Code::Failed,
            Grpc::InvalidArgument
            | Grpc::NotFound
            | Grpc::AlreadyExists
            | Grpc::PermissionDenied
            | Grpc::Unauthenticated
            | Grpc::FailedPrecondition
            | Grpc::Aborted
            | Grpc::OutOfRange
            | Grpc::Unimplemented => Code::Refused,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reason, message) = (self.reason(), self.status.message());
        if reason.is_empty() {
            write!(f, "nobody answered as an access point does: {message}")?;
            let mut source = self.status.source();
            while let Some(error) = source {
                let text = error.to_string();
                if text != message {
                    write!(f, ": {text}")?;
                }
                source = error.source();
            }
            return Ok(());
        }
        write!(f, "{reason}: {message}")?;
        if let Some(localized) = self.details.localized_message() {
            write!(f, "\n  {}", localized.message)?;
        }
        if let Some(info) = self.details.error_info() {
            let mut variables: Vec<_> = info.metadata.iter().filter(|(key, _)| *key != "violationCount").collect();
            variables.sort();
            for (key, value) in variables {
                write!(f, "\n  {key}: {value}")?;
            }
        }
        let listed = self.details.bad_request().map_or(&[][..], |request| &request.field_violations);
        for violation in listed {
            let place = if violation.field.is_empty() { "request" } else { &violation.field };
            write!(f, "\n  {place}: {}", violation.reason)?;
            if !violation.description.is_empty() {
                write!(f, " ({})", violation.description)?;
            }
        }
        let more = self.violation_count().saturating_sub(listed.len() as u64);
        if more > 0 {
            write!(f, "\n  … and {}", counted(more, "more violation"))?;
        }
        if let Some(delay) = self.details.retry_info().and_then(|retry| retry.retry_delay) {
            write!(f, "\n  try again after {} s, with the same request id", delay.as_secs().max(1))?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::new(refused.exit_code(), refused)
    }
}
