//! The paths of the duty page. Decides nothing: reads a request, asks the desk or a door, and answers with a page.
//!
//! ```text
//! GET  /duty                                     what waits at the unit
//! GET  /duty/sign-in[?unit=PARTY/UNIT]  POST …   who they are; a code is told
//! GET  /duty/code                       POST …   the code
//! POST /duty/sign-out
//! GET  /duty/PARTY/REFERRAL/BRANCH               a branch with its content, which is recorded
//! POST /duty/PARTY/REFERRAL/BRANCH/{acknowledge,start,redirect,record}
//! ```
//!
//! A form that was carried out is answered by the way back to a page, so that reloading that page sends nothing again.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use nhipcau_domain::reason;
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::status::Refusal;
use tonic::{Code, Status};
use uuid::Uuid;

use super::{
    cookie::{ASKED, SESSION},
    desk::Desk,
    door::{Act, Asked},
    form, page,
    person::Person,
    refusal,
    shown::{Name, Opened, Waiting},
    words,
    work::{self, Done},
};

/// What a page is about, as a path has it.
type Place = Path<(String, String, String)>;

/// The paths, without what holds for every answer.
pub(crate) fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/", get(|| async { to("/duty") }))
        .route("/duty", get(list))
        .route("/duty/sign-in", get(sign_in).post(ask))
        .route("/duty/code", get(code).post(give))
        .route("/duty/sign-out", post(sign_out))
        .route("/duty/{party}/{referral}/{branch}", get(branch))
        .route("/duty/{party}/{referral}/{branch}/{act}", post(act))
        .fallback(|| async { refused(&Refusal::access_denied().into()) })
        .with_state(desk)
}

async fn list(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let Ok(person) = desk.who(&headers) else { return to("/duty/sign-in") };
    match desk.needs.doors.waiting(&person).await {
        Ok((referrals, is_cut)) => {
            let named = |unit: Option<&pb::UnitRef>| desk.named(unit);
            let waiting = Waiting::of(&referrals, &person.unit, &named, is_cut);
            shown(StatusCode::OK, &page::List { unit: own(&desk, &person), person: &person, waiting })
        }
        Err(status) => refused(&status),
    }
}

async fn sign_in(RawQuery(query): RawQuery) -> Response {
    let unit = form::read(query.unwrap_or_default().as_bytes(), ["unit"]).map(|[unit]| unit).unwrap_or_default();
    shown(StatusCode::OK, &page::SignIn { unit, error: None })
}

async fn ask(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    let [unit, person] = match fields(&headers, &body, ["unit", "person"]) {
        Ok(fields) => fields,
        Err(status) => return refused(&status),
    };
    // What cannot be anybody is answered like anybody.
    let asked = desk.ask(&headers, Person::read(&unit, &person));
    with(to("/duty/code"), [ASKED.give(&asked)])
}

async fn code() -> Response {
    shown(StatusCode::OK, &page::Code { error: None })
}

async fn give(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    let given = fields(&headers, &body, ["code"]);
    let session = match given {
        Ok([code]) => desk.sign_in(&headers, code.trim()),
        Err(status) => return refused(&status),
    };
    match session {
        Ok(token) => with(to("/duty"), [SESSION.give(&token), ASKED.take()]),
        Err(status) => {
            let (error, _) = refusal::told(&status);
            shown(refusal::http(status.code()), &page::Code { error: Some(error) })
        }
    }
}

async fn sign_out(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    desk.sign_out(&headers);
    with(to("/duty/sign-in"), [SESSION.take()])
}

async fn branch(State(desk): State<Arc<Desk>>, Path(place): Place, headers: HeaderMap) -> Response {
    let Ok(person) = desk.who(&headers) else { return to("/duty/sign-in") };
    opened(&desk, &person, &place, None).await.unwrap_or_else(|status| refused(&status))
}

async fn act(
    State(desk): State<Arc<Desk>>,
    Path((party, referral, branch, act)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let person = match desk.who(&headers) {
        Ok(person) => person,
        Err(status) => {
            let (error, _) = refusal::told(&status);
            return shown(refusal::http(status.code()), &page::SignIn { unit: String::new(), error: Some(error) });
        }
    };
    let place = (party, referral, branch);
    let (asked, seen) = match asked((&place, &act), &headers, &body, &desk.role(&person)) {
        Ok(asked) => asked,
        Err(status) => return refused(&status),
    };
    let path = asked.name.path();
    let Err(status) = desk.needs.doors.act(&person, asked).await else { return to(&path) };
    // Nothing was done, and the branch is there: it is shown as it is now, with what they had not seen.
    if refusal::http(status.code()) == StatusCode::CONFLICT {
        let told = Some((&status, seen));
        return opened(&desk, &person, &place, told).await.unwrap_or_else(|status| refused(&status));
    }
    refused(&status)
}

/// A branch, and why what was asked for was not done.
async fn opened(
    desk: &Desk,
    person: &Person,
    (party, referral, branch): &(String, String, String),
    told: Option<(&Status, usize)>,
) -> Result<Response, Status> {
    let name = Name::read(party, referral, branch).ok_or_else(Refusal::access_denied)?;
    let referral = desk.needs.doors.open(person, &name).await?;
    let named = |unit: Option<&pb::UnitRef>| desk.named(unit);
    let opened = Opened::of(&referral, &name, &person.unit, &named).ok_or_else(Refusal::access_denied)?;
    let now = desk.needs.clock.now();
    let time = words::time(Some(&prost_types::Timestamp { seconds: now.as_second(), nanos: 0 }));
    let code = told.map_or(StatusCode::OK, |(status, _)| refusal::http(status.code()));
    let refused = told.map(|(status, seen)| (refusal::told(status).0, seen));
    Ok(shown(code, &page::Branch { unit: own(desk, person), person, opened, time, now, refused }))
}

/// What a form asks of a branch, and how much of its history whoever sent it had seen.
fn asked(
    ((party, referral, branch), act): (&(String, String, String), &str),
    headers: &HeaderMap,
    body: &[u8],
    role: &str,
) -> Result<(Asked, usize), Status> {
    let name = Name::read(party, referral, branch).ok_or_else(Refusal::access_denied)?;
    let (act, [request_id, etag, seen]) = match act {
        "acknowledge" => (Act::Acknowledge, fields(headers, body, ["request_id", "etag", "seen"])?),
        "start" => (Act::Start, fields(headers, body, ["request_id", "etag", "seen"])?),
        "redirect" => {
            let [reason, rest @ ..] = fields(headers, body, ["reason", "request_id", "etag", "seen"])?;
            (Act::Redirect(reason.parse().map_err(|_| refusal::malformed())?), rest)
        }
        "record" => {
            let [kind, time, a, b, c, d, conclusion, note] = work::FIELDS;
            let names = [kind, time, a, b, c, d, conclusion, note, "request_id", "etag", "seen"];
            let [kind, time, a, b, c, d, conclusion, note, rest @ ..] = fields(headers, body, names)?;
            let done = Done::read([kind, time, a, b, c, d, conclusion, note]).ok_or_else(refusal::malformed)?;
            (Act::Record(Box::new(done), role.to_owned()), rest)
        }
        _ => return Err(Refusal::access_denied().into()),
    };
    let request_id = Uuid::try_parse(&request_id).map_err(|_| refusal::malformed())?;
    let seen = seen.parse().map_err(|_| refusal::malformed())?;
    Ok((Asked { name, act, request_id, etag }, seen))
}

/// The fields of a form.
fn fields<const N: usize>(headers: &HeaderMap, body: &[u8], names: [&str; N]) -> Result<[String; N], Status> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_form = kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    form::read(body, names).filter(|_| is_form).ok_or_else(refusal::malformed)
}

/// The name of the unit of whoever is signed in.
fn own(desk: &Desk, person: &Person) -> String {
    let (party, unit) = (person.unit.party.to_string(), person.unit.unit.to_string());
    desk.named(Some(&pb::UnitRef { party, unit }))
}

fn to(path: &str) -> Response {
    let place = HeaderValue::try_from(path).ok();
    let headers: HeaderMap = place.map(|place| (header::LOCATION, place)).into_iter().collect();
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn with<const N: usize>(mut response: Response, cookies: [Option<HeaderValue>; N]) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn shown(code: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(page) => (code, Html(page)).into_response(),
        // Nothing that a template of ours does fails.
        Err(error) => {
            tracing::error!(%error, "A page could not be made.");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The page of a refusal.
pub(crate) fn refused(status: &Status) -> Response {
    let (text, reason) = refusal::told(status);
    let code = match status.code() {
        // The door does not tell the two apart, and a path that is none is answered like one that is not theirs.
        Code::PermissionDenied if reason == reason::ACCESS_DENIED => StatusCode::NOT_FOUND,
        code => refusal::http(code),
    };
    shown(code, &page::Refused { text, reason })
}
