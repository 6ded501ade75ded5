//! Refusals as a browser gets them: a page with the text of docs/errors.md, and a status of HTTP.

use axum::http::StatusCode;
use nhipcau_domain::reason;
use nhipcau_runtime::status::Refusal;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The text for people and the stable reason.
pub(crate) fn told(status: &Status) -> (String, String) {
    let details = status.get_error_details();
    let text = details.localized_message().map(|it| it.message.clone());
    let reason = details.error_info().map(|info| info.reason.clone());
    // Whatever comes without them is a fault, and says nothing to people.
    let otherwise = || told(&Refusal::internal().into());
    text.zip(reason).unwrap_or_else(otherwise)
}

/// How HTTP calls it.
pub(crate) fn http(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated | Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound | Code::Unimplemented => StatusCode::NOT_FOUND,
        Code::Aborted | Code::FailedPrecondition | Code::AlreadyExists => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The code is wrong, was used, has ended, or was never told; which of these is not said.
pub(crate) fn sign_in() -> Status {
    let message = "the code does not count";
    Refusal::new(Code::Unauthenticated, reason::SIGN_IN_REFUSED, message).into()
}

/// Nobody is signed in.
pub(crate) fn session() -> Status {
    Refusal::new(Code::Unauthenticated, reason::SESSION_ENDED, "nobody is signed in, or no longer").into()
}

/// It is no form of ours.
pub(crate) fn malformed() -> Status {
    Refusal::new(Code::InvalidArgument, reason::REQUEST_MALFORMED, "the form is not one of the page's").into()
}

/// There is more than a form of ours has.
pub(crate) fn too_large() -> Status {
    Refusal::new(Code::InvalidArgument, reason::REQUEST_TOO_LARGE, "the form has more bytes than the page takes").into()
}

/// It takes too long.
pub(crate) fn too_late() -> Status {
    let message = "the request took too long; whether it was carried out is unknown";
    Refusal::new(Code::DeadlineExceeded, reason::DEADLINE_PASSED, message).into()
}
