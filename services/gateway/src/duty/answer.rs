//! What holds for every answer of the duty page: where a form may come from, how long a request may take, how many are
//! answered at once, and the headers by which a browser keeps a page to itself.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, FromRequest as _, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::Response,
};
use nhipcau_runtime::status::Refusal;
use tokio::{sync::Semaphore, time::timeout};
use tonic::Status;

use super::{form, page::POLICY, refusal, routes::refused};

/// How long the body of a request may take to come.
const BODY: Duration = Duration::from_secs(10);
/// How long a request may take from then on.
const WITHIN: Duration = Duration::from_secs(30);
/// Requests that are answered at once; more are refused, and can be made again.
const AT_ONCE: usize = 64;

/// What every answer has. Pages are kept nowhere: a telephone goes from hand to hand.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // With no-referrer a browser would send forms without saying where they come from.
    (header::REFERRER_POLICY, "same-origin"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Puts it around the paths.
pub(crate) fn around(routes: Router) -> Router {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let around = middleware::from_fn(move |request: Request, next: Next| {
        let places = Arc::clone(&places);
        async move {
            let mut response = answered(&places, request, next).await;
            let headers = response.headers_mut();
            headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
            headers.extend(HeaderValue::try_from(POLICY.as_str()).ok().map(|it| (header::CONTENT_SECURITY_POLICY, it)));
            response
        }
    });
    routes.layer(around).layer(DefaultBodyLimit::max(form::BYTES))
}

async fn answered(places: &Semaphore, request: Request, next: Next) -> Response {
    if !is_from_here(request.method(), request.uri(), request.headers()) {
        return refused(&Refusal::access_denied().into());
    }
    // Before there is a place for it: whoever sends slowly keeps nobody else out.
    let request = match whole(request).await {
        Ok(request) => request,
        Err(status) => return refused(&status),
    };
    let Ok(_place) = places.try_acquire() else { return refused(&Refusal::busy().into()) };
    timeout(WITHIN, next.run(request)).await.unwrap_or_else(|_| refused(&refusal::too_late()))
}

/// A request with all of its body.
async fn whole(request: Request) -> Result<Request, Status> {
    let (head, body) = request.into_parts();
    let read = Bytes::from_request(Request::from_parts(head.clone(), body), &());
    let body = timeout(BODY, read).await.map_err(|_| refusal::too_late())?;
    let body = body.map_err(|rejected| match rejected.status() {
        StatusCode::PAYLOAD_TOO_LARGE => refusal::too_large(),
        _ => refusal::malformed(),
    })?;
    Ok(Request::from_parts(head, Body::from(body)))
}

/// Whether a form comes from a page of ours, as far as a browser tells. One that does not tell is an old one, which
/// keeps to the cookie's own rule or to nothing.
fn is_from_here(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) {
        return true;
    }
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let host = text(header::HOST).or_else(|| uri.authority().map(|authority| authority.as_str()));
    let Some(origin) = text(header::ORIGIN) else { return true };
    origin.strip_prefix("https://").is_some_and(|origin| Some(origin) == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_from_here(method: &Method, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("truc.example:8443"));
        headers.extend(origin.map(|origin| (header::ORIGIN, origin.parse().unwrap())));
        super::is_from_here(method, &Uri::from_static("/duty/code"), &headers)
    }

    #[test]
    fn a_form_of_another_page_is_refused() {
        assert!(is_from_here(&Method::POST, Some("https://truc.example:8443")));
        assert!(is_from_here(&Method::POST, None));
        assert!(is_from_here(&Method::GET, Some("https://elsewhere.example")));
        for origin in ["https://elsewhere.example", "http://truc.example:8443", "https://truc.example", "null"] {
            assert!(!is_from_here(&Method::POST, Some(origin)), "{origin}");
        }
    }
}
