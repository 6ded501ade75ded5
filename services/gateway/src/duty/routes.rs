//! The paths of the duty page. Decides nothing: reads a request, asks the entrance or a door, and answers with a page.
//!
//! ```text
//! GET  /duty                                     what waits at the unit
//! GET  /duty/sign-in[?unit=PARTY/UNIT]  POST …   who they are; a code is told
//! GET  /duty/code                       POST …   the code
//! POST /duty/sign-out
//! GET  /duty/PARTY/REFERRAL/BRANCH               a branch with its content, which is recorded
//! POST /duty/PARTY/REFERRAL/BRANCH/ACT            what act.rs has; what is final is shown once more
//! POST /duty/PARTY/REFERRAL/BRANCH/ACT/confirmed  and done when it is confirmed
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
    act::Act,
    cookie::{ASKED, SESSION},
    door::Asked,
    enquiry::Enquiries,
    entrance::Entrance,
    form, page,
    person::Person,
    refusal,
    shown::{Name, Opened, Waiting},
    words,
    work::{self, Done},
};

/// What a page is about, as a path has it.
type Place = Path<(String, String, String)>;
/// And what is asked of it.
type Deed = Path<(String, String, String, String)>;

/// The paths, without what holds for every answer.
pub(crate) fn routes(entrance: Arc<Entrance>) -> Router {
    Router::new()
        .route("/", get(|| async { to("/duty") }))
        .route("/duty", get(list))
        .route("/duty/sign-in", get(sign_in).post(ask))
        .route("/duty/code", get(code).post(give))
        .route("/duty/sign-out", post(sign_out))
        .route("/duty/{party}/{referral}/{branch}", get(branch))
        .route("/duty/{party}/{referral}/{branch}/{act}", get(back).post(act))
        .route("/duty/{party}/{referral}/{branch}/{act}/confirmed", get(back).post(confirmed))
        .fallback(|| async { refused(&Refusal::access_denied().into()) })
        .with_state(entrance)
}

async fn list(State(entrance): State<Arc<Entrance>>, headers: HeaderMap) -> Response {
    let person = match entrance.who(&headers) {
        Ok(person) => person,
        Err(status) => return turned_away(&status),
    };
    listed(&entrance, &person).await.unwrap_or_else(|status| refused(&status))
}

/// What waits.
async fn listed(entrance: &Entrance, person: &Person) -> Result<Response, Status> {
    let (referrals, is_cut) = entrance.needs.doors.waiting(person).await?;
    let named = |unit: Option<&pb::UnitRef>| entrance.named(unit);
    let waiting = Waiting::of(&referrals, &person.unit, &named, is_cut);
    // Children come first: without the enquiries the page says that some may be missing.
    let (asked, is_cut) = entrance.needs.doors.asked(person).await.unwrap_or_else(|_| (Vec::new(), true));
    let enquiries = Enquiries::of(&asked, &person.unit, &named, is_cut);
    Ok(shown(StatusCode::OK, &page::List { unit: own(entrance, person), person, waiting, enquiries }))
}

async fn sign_in(RawQuery(query): RawQuery) -> Response {
    let unit = form::read(query.unwrap_or_default().as_bytes(), ["unit"]).map(|[unit]| unit).unwrap_or_default();
    shown(StatusCode::OK, &page::SignIn { unit, error: None })
}

async fn ask(State(entrance): State<Arc<Entrance>>, headers: HeaderMap, body: Bytes) -> Response {
    let [unit, person] = match fields(&headers, &body, ["unit", "person"]) {
        Ok(fields) => fields,
        Err(status) => return refused(&status),
    };
    // What cannot be anybody is answered like anybody.
    let asked = entrance.ask(&headers, Person::read(&unit, &person));
    with(to("/duty/code"), [ASKED.give(&asked)])
}

async fn code() -> Response {
    shown(StatusCode::OK, &page::Code { error: None })
}

async fn give(State(entrance): State<Arc<Entrance>>, headers: HeaderMap, body: Bytes) -> Response {
    let given = fields(&headers, &body, ["code"]);
    let session = match given {
        Ok([code]) => entrance.sign_in(&headers, code.trim()),
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

async fn sign_out(State(entrance): State<Arc<Entrance>>, headers: HeaderMap) -> Response {
    entrance.sign_out(&headers);
    with(to("/duty/sign-in"), [SESSION.take()])
}

async fn branch(State(entrance): State<Arc<Entrance>>, Path(place): Place, headers: HeaderMap) -> Response {
    let person = match entrance.who(&headers) {
        Ok(person) => person,
        Err(status) => return turned_away(&status),
    };
    opened(&entrance, &person, &place, None).await.unwrap_or_else(|status| refused(&status))
}

/// A page that only a form leads to, opened without it.
async fn back(Path((party, referral, branch, _)): Deed) -> Response {
    match Name::read(&party, &referral, &branch) {
        Some(name) => to(&name.path()),
        None => refused(&Refusal::access_denied().into()),
    }
}

async fn act(State(entrance): State<Arc<Entrance>>, Path(deed): Deed, headers: HeaderMap, body: Bytes) -> Response {
    sent(&entrance, deed, &headers, &body, false).await
}

async fn confirmed(
    State(entrance): State<Arc<Entrance>>,
    Path(deed): Deed,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    sent(&entrance, deed, &headers, &body, true).await
}

/// A form of a branch: does what it asks, or shows it once more.
async fn sent(
    entrance: &Entrance,
    (party, referral, branch, act): (String, String, String, String),
    headers: &HeaderMap,
    body: &[u8],
    is_confirmed: bool,
) -> Response {
    let person = match entrance.who(headers) {
        Ok(person) => person,
        Err(status) if status.code() == Code::Unauthenticated => {
            let (error, _) = refusal::told(&status);
            return shown(refusal::http(status.code()), &page::SignIn { unit: String::new(), error: Some(error) });
        }
        Err(status) => return refused(&status),
    };
    let place = (party, referral, branch);
    let (asked, seen) = match asked(&place, &act, is_confirmed, headers, body, &entrance.role(&person)) {
        Ok(asked) => asked,
        Err(status) => return refused(&status),
    };
    match entrance.needs.doors.act(&person, asked.clone()).await {
        Ok(referral) if asked.validate_only => shown(StatusCode::OK, &once_more(entrance, &referral, asked, seen)),
        Ok(_) => to(&asked.name.path()),
        // Nothing was done, and the branch is there: it is shown as it is now, with what they had not seen.
        Err(status) if refusal::http(status.code()) == StatusCode::CONFLICT => {
            let told = Some((&status, seen));
            opened(entrance, &person, &place, told).await.unwrap_or_else(|status| refused(&status))
        }
        Err(status) => refused(&status),
    }
}

/// What is to be confirmed.
fn once_more(entrance: &Entrance, referral: &pb::Referral, asked: Asked, seen: usize) -> page::Confirm {
    let Asked { name, act, choice, request_id, etag, .. } = asked;
    let word = act.choices().into_iter().find(|(code, _)| *code == choice).map(|(_, word)| word);
    let (kind, from) = (words::kind(referral.kind), entrance.named(referral.origin.as_ref()));
    page::Confirm { path: name.path(), kind, from, act, choice, word: word.unwrap_or_default(), request_id, etag, seen }
}

/// A branch, and why what was asked for was not done.
async fn opened(
    entrance: &Entrance,
    person: &Person,
    (party, referral, branch): &(String, String, String),
    told: Option<(&Status, usize)>,
) -> Result<Response, Status> {
    let name = Name::read(party, referral, branch).ok_or_else(Refusal::access_denied)?;
    let referral = entrance.needs.doors.open(person, &name).await?;
    let named = |unit: Option<&pb::UnitRef>| entrance.named(unit);
    let opened = Opened::of(&referral, &name, &person.unit, &named).ok_or_else(Refusal::access_denied)?;
    let now = entrance.needs.clock.now();
    let time = words::time(Some(&prost_types::Timestamp { seconds: now.as_second(), nanos: 0 }));
    let code = told.map_or(StatusCode::OK, |(status, _)| refusal::http(status.code()));
    let refused = told.map(|(status, seen)| (refusal::told(status).0, seen));
    Ok(shown(code, &page::Branch { unit: own(entrance, person), person, opened, time, now, refused }))
}

/// What a form asks of a branch, and how much of its history whoever sent it had seen.
fn asked(
    (party, referral, branch): &(String, String, String),
    act: &str,
    is_confirmed: bool,
    headers: &HeaderMap,
    body: &[u8],
    role: &str,
) -> Result<(Asked, usize), Status> {
    let name = Name::read(party, referral, branch).ok_or_else(Refusal::access_denied)?;
    // What is done at once has no page that confirms it.
    let act = Act::read(act).filter(|act| act.is_final() || !is_confirmed).ok_or_else(Refusal::access_denied)?;
    let names = ["request_id", "etag", "seen"];
    let (choice, done, [request_id, etag, seen]) = if act == Act::Record {
        let [kind, time, a, b, c, d, conclusion, note] = work::FIELDS;
        let [one, two, three] = names;
        let names = [kind, time, a, b, c, d, conclusion, note, one, two, three];
        let [kind, time, a, b, c, d, conclusion, note, rest @ ..] = fields(headers, body, names)?;
        let done = Done::read([kind, time, a, b, c, d, conclusion, note]).ok_or_else(refusal::malformed)?;
        (0, Some((Box::new(done), role.to_owned())), rest)
    } else if act.question().is_empty() {
        (0, None, fields(headers, body, names)?)
    } else {
        let [choice, rest @ ..] = fields(headers, body, ["choice", "request_id", "etag", "seen"])?;
        (choice.parse().map_err(|_| refusal::malformed())?, None, rest)
    };
    let request_id = Uuid::try_parse(&request_id).map_err(|_| refusal::malformed())?;
    let seen = seen.parse().map_err(|_| refusal::malformed())?;
    let validate_only = act.is_final() && !is_confirmed;
    Ok((Asked { name, act, choice, done, validate_only, request_id, etag }, seen))
}

/// The fields of a form.
fn fields<const N: usize>(headers: &HeaderMap, body: &[u8], names: [&str; N]) -> Result<[String; N], Status> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_form = kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    form::read(body, names).filter(|_| is_form).ok_or_else(refusal::malformed)
}

/// The name of the unit of whoever is signed in.
fn own(entrance: &Entrance, person: &Person) -> String {
    let (party, unit) = (person.unit.party.to_string(), person.unit.unit.to_string());
    entrance.named(Some(&pb::UnitRef { party, unit }))
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

/// For whoever opens a page: who is not signed in is led to where they can.
fn turned_away(status: &Status) -> Response {
    if status.code() == Code::Unauthenticated { to("/duty/sign-in") } else { refused(status) }
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
