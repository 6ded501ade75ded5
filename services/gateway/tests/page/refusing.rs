//! What is kept out: forms of other pages, what is too large or no form, connections that say nothing; and what a
//! browser is told to keep to itself.

use std::{
    io,
    sync::{Arc, Mutex},
};

use hyper::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    doors::{BRANCHES, CHILD, page},
    world::{World, write},
};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn every_answer_tells_the_browser_to_keep_it_to_itself() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    for path in ["/", "/duty", "/duty/sign-in", "/duty/code", "/nowhere", &page(BRANCHES[0]), &page(BRANCHES[1])] {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{path}: {policy}");
        assert!(policy.contains("form-action 'self'; base-uri 'none'; frame-ancestors 'none'"), "{path}: {policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
    }
}

#[tokio::test]
async fn a_form_that_another_page_sends_is_refused() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let form = [("request_id", "01a22785-2ba7-8eeb-8000-0000000000f0"), ("etag", "0"), ("seen", "1")];
    let path = format!("{}/acknowledge", page(BRANCHES[0]));
    browser.headers = vec![("origin", "https://elsewhere.example".to_owned())];
    assert_eq!(browser.post(&path, &form).await.status, 404);
    browser.headers = vec![("origin", format!("https://localhost:{}", world.address.port()))];
    assert_eq!(browser.post(&path, &form).await.status, 303);
}

#[tokio::test]
async fn what_is_too_large_or_no_form_of_the_page_is_refused_whole() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let path = format!("{}/acknowledge", page(BRANCHES[0]));
    let id = "request_id=01a22785-2ba7-8eeb-8000-0000000000f0";
    let large = format!("{id}&seen=1&etag={}", "a".repeat(5_000));
    for (kind, body, reason) in [
        (FORM, large.as_str(), "REQUEST_TOO_LARGE"),
        (FORM, "", "REQUEST_MALFORMED"),
        (FORM, &format!("{id}&etag=0"), "REQUEST_MALFORMED"),
        (FORM, &format!("{id}&etag=0&seen=1&etag=0"), "REQUEST_MALFORMED"),
        (FORM, &format!("{id}&etag=0&seen=-1"), "REQUEST_MALFORMED"),
        (FORM, "request_id=1&etag=0&seen=1", "REQUEST_MALFORMED"),
        (FORM, &format!("{id}&etag=%ff&seen=1"), "REQUEST_MALFORMED"),
        ("text/plain", &format!("{id}&etag=0&seen=1"), "REQUEST_MALFORMED"),
    ] {
        let answer = browser.send(Method::POST, &path, kind, body.as_bytes().to_vec()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body.contains(reason), "{body}: {}", answer.body);
    }
    for (method, path, status) in [
        (Method::PUT, "/duty", 405),
        (Method::POST, &*page(BRANCHES[0]), 405),
        (Method::POST, &*format!("{}/erase", page(BRANCHES[0])), 404),
        (Method::GET, "/duty/moh/%3Cscript%3E/x", 404),
    ] {
        assert_eq!(browser.send(method, path, FORM, Vec::new()).await.status, status, "{path}");
    }
    let decided = world.case.calls().into_iter().filter(|call| call.starts_with("acknowledge")).count();
    assert_eq!(decided, 0);
}

#[tokio::test]
async fn a_head_without_end_and_a_request_without_tls_end_their_connections() {
    let world = World::new().await;
    let mut stream = world.browser().connect().await;
    stream.write_all(b"GET /duty HTTP/1.1\r\n").await.unwrap();
    let line = format!("x: {}\r\n", "a".repeat(1_000));
    // Fails once the server has had enough.
    for _ in 0..100 {
        if stream.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    assert!(!String::from_utf8_lossy(&answer).contains(" 200 "));
    let mut plain = tokio::net::TcpStream::connect(world.address).await.unwrap();
    plain.write_all(b"GET /duty HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    drop(plain.read_to_end(&mut answer).await);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

/// How many forms are answered at once, as the page has it.
const AT_ONCE: usize = 64;

#[tokio::test]
async fn forms_that_come_slowly_keep_nobody_out_and_end() {
    let world = World::new().await;
    let mut slow = Vec::new();
    for _ in 0..AT_ONCE {
        let mut stream = world.browser().connect().await;
        let head = "POST /duty/code HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
            Content-Length: 13\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        // That it goes on is said once somebody waits for the body.
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100");
        slow.push(stream);
    }
    assert_eq!(world.browser().get("/duty/sign-in").await.status, 200);
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(11)).await;
    tokio::time::resume();
    let mut answer = Vec::new();
    let read = slow[0].read_to_end(&mut answer);
    drop(tokio::time::timeout(std::time::Duration::from_secs(5), read).await.expect("the form ends"));
    assert!(String::from_utf8_lossy(&answer).contains("DEADLINE_PASSED"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn told_to_stop_it_lets_nobody_in_any_more() {
    let world = World::new().await;
    world.stop.cancel();
    let closed = async {
        while tokio::net::TcpStream::connect(world.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), closed).await.unwrap();
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_at_once_and_half_of_one_changes_nothing() {
    let world = World::new().await;
    let (old, (certificate, key, new)) = (world.browser(), world.another());
    std::fs::write(&world.page.certificate, &certificate).unwrap();
    world.renewal.renew(&world.page).unwrap_err();
    old.try_to_connect().await.unwrap();
    write(&world.page, &certificate, &key);
    world.renewal.renew(&world.page).unwrap();
    new.try_to_connect().await.unwrap();
    old.try_to_connect().await.unwrap_err();
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Has whatever this thread says come here. One thread serves and asks.
    fn read_here(&self) -> (tracing::Dispatch, tracing::subscriber::DefaultGuard) {
        let log = || {
            let writer = self.clone();
            tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(move || writer.clone()).finish()
        };
        // With one alone, what other threads have passed by first is never said.
        (tracing::Dispatch::new(log()), tracing::subscriber::set_default(log()))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A minute passes for whatever waits.
pub(crate) async fn a_minute() {
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    tokio::time::resume();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn refused_codes_that_pile_up_are_said_once_a_minute_without_saying_whose() {
    let lines = Lines::default();
    let _here = lines.read_here();
    let world = World::new().await;
    let mut browser = world.browser();
    for (tries, said) in [(9, 0), (12, 1), (0, 1)] {
        for _ in 0..tries {
            assert_eq!(browser.post("/duty/code", &[("code", "12345678")]).await.status, 403);
        }
        a_minute().await;
        let log = lines.text();
        assert_eq!(log.matches("Many sign-in codes did not count within a minute.").count(), said, "{log}");
    }
    assert!(!lines.text().contains("12345678"));
}

#[tokio::test]
async fn no_log_line_path_or_header_says_who_or_what() {
    let lines = Lines::default();
    let _here = lines.read_here();
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let code = world.code(1).await;
    let mut seen = Vec::new();
    for path in ["/duty", &page(BRANCHES[0])] {
        let answer = browser.get(path).await;
        seen.push(format!("{path} {:?}", answer.headers));
    }
    let answer = browser.post("/duty/code", &[("code", "00000000")]).await;
    assert_eq!(answer.status, 403);
    let log = lines.text();
    assert!(log.contains("Somebody signed in to the duty page."), "{log}");
    let token = browser.cookies.values().next().unwrap().clone();
    for text in seen.iter().chain([&log]) {
        for secret in ["cb-17", "+84 900 000 017", &*code, &*token, CHILD, "Nguyễn"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
