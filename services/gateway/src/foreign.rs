//! What a browser sends, read as the routes read it: for whoever tries that with bytes which no browser would send.

use axum::http::{HeaderMap, HeaderValue, header};
use nhipcau_proto::referral::v1 as pb;

use crate::duty::{
    SESSION, form,
    work::{Done, FIELDS},
};

/// The fields of a form by these names, in their order; `None` when it has others, or one is missing or there twice.
#[must_use]
pub fn form<const N: usize>(body: &[u8], names: [&str; N]) -> Option<[String; N]> {
    form::read(body, names)
}

/// The form by which somebody says what was done, as it is asked of the door; `None` when no page sends it so.
#[must_use]
pub fn work(body: &[u8]) -> Option<pb::RecordWorkRequest> {
    let done = Done::read(form::read(body, FIELDS)?)?;
    Some(done.request(""))
}

/// Whether a line of cookies shows a session.
#[must_use]
pub fn shows_a_session(cookies: &[u8]) -> bool {
    let line = HeaderValue::from_bytes(cookies).ok();
    let headers = line.into_iter().map(|line| (header::COOKIE, line)).collect::<HeaderMap>();
    SESSION.read(&headers).is_some()
}
