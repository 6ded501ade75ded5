//! Notices at a real webhook over TLS and in a real file, and what becomes of those that cannot be told.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::FutureExt as _;
use jiff::SignedDuration;
use nhipcau_domain::id::{PartyId, UnitId};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{clock::Clock, config::Notifier as Way, rosters::Rosters};

const KEY: [u8; 32] = [7; 32];
const ADDRESS: &str = "+84 900 000 017";

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// How a server answers.
#[derive(Clone, Copy)]
enum Answer {
    Status(u16),
    Never,
    Hangup,
}

/// A server that keeps what it was given.
struct Server {
    url: String,
    root: String,
    given: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: Answer) -> Self {
        let (issuer, key) = (authority(), KeyPair::generate().unwrap());
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let chain = vec![CertificateDer::from(leaf.der().to_vec())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/hook?of=111", listener.local_addr().unwrap().port());
        let (given, acceptor) = (Arc::new(Mutex::new(Vec::new())), TlsAcceptor::from(Arc::new(tls)));
        let keep = Arc::clone(&given);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Whoever does not believe the certificate goes away.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let keep = Arc::clone(&keep);
                tokio::spawn(async move {
                    let request = whole(&mut stream).await;
                    keep.lock().unwrap().push(request);
                    match answer {
                        Answer::Status(status) => {
                            let text = format!("HTTP/1.1 {status} It\r\nContent-Length: 0\r\n\r\n");
                            drop(stream.write_all(text.as_bytes()).await);
                        }
                        Answer::Never => std::future::pending::<()>().await,
                        Answer::Hangup => {}
                    }
                });
            }
        });
        Self { url, root: issuer.pem(), given }
    }

    fn given(&self) -> Vec<String> {
        self.given.lock().unwrap().clone()
    }
}

/// Reads a request with its body.
async fn whole(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    loop {
        let read = stream.read(&mut bytes).await.unwrap();
        text += std::str::from_utf8(&bytes[..read]).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = header(head, "content-length").parse::<usize>().unwrap();
        if read == 0 || body.len() >= length {
            return text;
        }
    }
}

fn header(head: &str, name: &str) -> String {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).collect()
}

/// What a webhook needs, on a disk.
struct Files {
    home: tempfile::TempDir,
}

impl Files {
    fn new(root: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let secret = format!("whsec_{}\n", STANDARD.encode(KEY));
        private_file::create(&home.path().join("secret"), secret.as_bytes()).unwrap();
        fs::write(home.path().join("roots.pem"), root).unwrap();
        Self { home }
    }

    fn config(&self, ways: Vec<(&str, Way)>) -> config::Duty {
        let notifiers = ways.into_iter().map(|(name, way)| (name.to_owned(), way)).collect();
        let rosters = self.home.path().join("rosters");
        config::Duty { rosters, wait: jiff::SignedDuration::from_mins(10), notifiers, page: None }
    }

    fn webhook(&self, url: &str) -> Way {
        let path = |name: &str| self.home.path().join(name);
        Way::Webhook {
            url: url.to_owned(),
            secret_file: path("secret"),
            root_certificates: path("roots.pem"),
            timeout: Duration::from_millis(1500),
        }
    }

    fn open(&self, url: &str) -> Notifiers {
        Notifiers::open(&self.config(vec![("sms", self.webhook(url))])).unwrap()
    }
}

pub(super) fn notice(channel: &str) -> Notice {
    Notice {
        id: Uuid::from_u128(0x1234_5678_9abc_def0),
        word: Word::Waiting,
        unit: UnitRef { party: PartyId::new("hanoi").unwrap(), unit: UnitId::new("cua-nam").unwrap() },
        person: PersonRef::new("cb-17").unwrap(),
        channel: channel.into(),
        address: Personal::new(ADDRESS.into()),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_417_200 + second).unwrap()
}

#[test]
fn a_notice_says_nothing_of_any_case() {
    let body = notice("sms").body();
    let expected = "{\"address\":\"+84 900 000 017\",\"channel\":\"sms\",\
        \"id\":\"00000000-0000-0000-1234-56789abcdef0\",\"person\":\"cb-17\",\
        \"text\":\"Có việc cần xem. Mã 00000000.\",\"type\":\"duty.notice\",\"unit\":\"hanoi/cua-nam\"}";
    assert_eq!(body, expected);
    let shown = format!("{:?}", notice("sms"));
    assert!(!shown.contains(ADDRESS), "{shown}");
}

#[test]
fn a_code_is_told_to_its_person_and_shown_to_nobody_else() {
    let code = Notice { word: Word::SignInCode(Personal::new("00041952".into()), 10), ..notice("sms") };
    let body: serde_json::Value = serde_json::from_str(&code.body()).unwrap();
    assert_eq!(body["type"], "duty.sign-in-code");
    assert_eq!(body["text"], "Mã đăng nhập 00041952, dùng một lần trong 10 phút. Không đưa cho ai.");
    let shown = format!("{code:?}");
    assert!(!shown.contains("041952"), "{shown}");
}

#[tokio::test]
async fn a_webhook_is_signed_as_its_receiver_verifies_it() {
    let server = Server::start(Answer::Status(204)).await;
    let notifiers = Files::new(&server.root).open(&server.url);
    notifiers.tell(&notice("sms"), at(0)).await.unwrap();
    let given = server.given();
    let (head, body) = given[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook?of=111 HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(head, "content-type"), "application/json");
    let [id, time, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|it| header(head, it));
    assert_eq!((id.as_str(), time.as_str()), ("00000000-0000-0000-1234-56789abcdef0", "1795417200"));
    let tag = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &KEY);
    hmac::verify(&key, format!("{id}.{time}.{body}").as_bytes(), &tag).unwrap();
    assert_eq!(body, notice("sms").body());
    // The test vector of the specification's reference libraries.
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
    let text = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
    let signed = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    assert_eq!(signed, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[tokio::test]
async fn only_who_says_that_they_have_it_has_it() {
    for status in [301, 400, 404, 500, 503] {
        let server = Server::start(Answer::Status(status)).await;
        let refused = Files::new(&server.root).open(&server.url).tell(&notice("sms"), at(0)).await.unwrap_err();
        assert!(matches!(refused, Error::Answer(answer) if answer == status), "{refused}");
        assert_eq!(server.given().len(), 1, "one attempt, and nowhere else");
    }
    let server = Server::start(Answer::Never).await;
    let late = Files::new(&server.root).open(&server.url).tell(&notice("sms"), at(0)).await.unwrap_err();
    assert!(matches!(late, Error::Timeout), "{late}");
    let server = Server::start(Answer::Hangup).await;
    let gone = Files::new(&server.root).open(&server.url).tell(&notice("sms"), at(0)).await.unwrap_err();
    assert!(matches!(gone, Error::Http(_) | Error::Connection(_)), "{gone}");
}

#[tokio::test]
async fn nothing_is_said_to_whoever_shows_another_certificate() {
    let server = Server::start(Answer::Status(200)).await;
    let files = Files::new(&authority().pem());
    let refused = files.open(&server.url).tell(&notice("sms"), at(0)).await.unwrap_err();
    assert!(matches!(refused, Error::Connection(_)), "{refused}");
    let by_address = server.url.replace("localhost", "127.0.0.1");
    let refused = Files::new(&server.root).open(&by_address).tell(&notice("sms"), at(0)).await.unwrap_err();
    assert!(matches!(refused, Error::Connection(_)), "of another name: {refused}");
    assert_eq!(server.given(), [""; 0]);
}

#[tokio::test]
async fn a_file_gets_one_line_for_each_notice_and_is_its_owners_alone() {
    let files = Files::new(&authority().pem());
    let path = files.home.path().join("notices.jsonl");
    let notifiers = Notifiers::open(&files.config(vec![("desk", Way::File { path: path.clone() })])).unwrap();
    for _ in 0..2 {
        notifiers.tell(&notice("desk"), at(0)).await.unwrap();
    }
    let line = notice("desk").body() + "\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), line.repeat(2));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let unknown = notifiers.tell(&notice("sms"), at(0)).await.unwrap_err();
    assert!(matches!(unknown, Error::NoWay));
}

#[test]
fn what_could_not_be_used_keeps_it_from_starting() {
    let files = Files::new(&authority().pem());
    let open = || Notifiers::open(&files.config(vec![("sms", files.webhook("https://localhost/"))])).map(drop);
    open().unwrap();
    let secret = files.home.path().join("secret");
    for text in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        fs::write(&secret, text).unwrap();
        assert!(matches!(open(), Err(SetupError::SecretForm)), "{text}");
    }
    fs::write(files.home.path().join("roots.pem"), "").unwrap();
    fs::write(&secret, format!("whsec_{}", STANDARD.encode(KEY))).unwrap();
    assert!(open().is_ok(), "nobody is believed then");
    for url in ["http://localhost/", "https://user@localhost/", "localhost", ""] {
        assert!(!is_address(url), "{url}");
    }
    assert!(is_address("https://sms.example:8443/nhipcau") && is_address("https://[::1]/"));
}

/// An outbox in memory whose marks can be lost, as by a process that is killed.
#[derive(Clone, Default)]
struct Memory {
    unsent: Arc<Mutex<Vec<Pending>>>,
    loses_marks: Arc<Mutex<bool>>,
}

impl Outbox for Memory {
    fn unsent(&self, after: Option<Mark>) -> BoxFuture<'_, Result<Page, Failed>> {
        let unsent = self.unsent.lock().unwrap();
        let begin = after.map_or(0, |mark| usize::try_from(mark.time).unwrap());
        let end = unsent.len().min(begin + 256);
        let next = (end < unsent.len()).then(|| Mark { time: end.try_into().unwrap(), id: unsent[end - 1].id });
        let pending = unsent[begin..end].to_vec();
        async move { Ok(Page { pending, next }) }.boxed()
    }

    fn sent(&self, notice: Uuid) -> BoxFuture<'_, Result<(), Failed>> {
        if *self.loses_marks.lock().unwrap() {
            return async { Err(Failed) }.boxed();
        }
        self.unsent.lock().unwrap().retain(|pending| pending.id != notice);
        async { Ok(()) }.boxed()
    }
}

struct Ticked {
    outbox: Memory,
    ticking: Ticking<Memory>,
    now: Arc<Mutex<Timestamp>>,
    alarms: Arc<Mutex<u32>>,
}

impl Ticked {
    /// One notice for whoever the roster has, by these ways.
    fn new(rosters: Rosters, notifiers: Notifiers) -> Self {
        let outbox = Memory::default();
        let notice = notice("sms");
        outbox.unsent.lock().unwrap().push(Pending { id: notice.id, unit: notice.unit, person: notice.person });
        let (now, alarms) = (Arc::new(Mutex::new(at(0))), Arc::new(Mutex::new(0)));
        let (clock, raised) = (Arc::clone(&now), Arc::clone(&alarms));
        let ticking = Ticking::new(
            outbox.clone(),
            watch::Sender::new(rosters).subscribe(),
            notifiers,
            Clock::new(move || *clock.lock().unwrap()),
            Box::new(move |_| *raised.lock().unwrap() += 1),
        );
        Self { outbox, ticking, now, alarms }
    }

    /// As many notices for somebody before those that are there.
    fn before(&mut self, count: u128, person: &str) {
        let mut unsent = self.outbox.unsent.lock().unwrap();
        let first = u128::try_from(unsent.len()).unwrap() << 64;
        let (unit, person) = (notice("sms").unit, PersonRef::new(person).unwrap());
        let more = (0..count).map(|n| Uuid::from_u128(first + n));
        unsent.splice(0..0, more.map(|id| Pending { id, unit: unit.clone(), person: person.clone() }));
    }

    /// As many ticks, each at its time.
    async fn ticks(&mut self, count: u32) {
        for _ in 0..count {
            self.ticking.tick().await;
            *self.now.lock().unwrap() += EVERY;
        }
    }

    fn page(&self) -> String {
        let mut registry = crate::metrics::registry();
        registry.register_collector(Box::new(self.ticking.counts()));
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
        page
    }
}

fn on_duty() -> Rosters {
    crate::rosters::tests::of_all(&[notice("sms")])
}

/// Beside who is told by SMS, one who is told by another way, and one by a way that is not configured.
fn three_on_duty() -> Rosters {
    let other = |person, channel| Notice { person: PersonRef::new(person).unwrap(), ..notice(channel) };
    crate::rosters::tests::of_all(&[notice("sms"), other("cb-18", "other"), other("cb-19", "none")])
}

/// A way that keeps whom it was given and when.
#[derive(Clone)]
struct Kept {
    given: Arc<Mutex<Vec<(Uuid, Timestamp)>>>,
    /// How it ends, if ever.
    answer: Option<u16>,
}

impl Kept {
    fn new(answer: Option<u16>) -> Self {
        Self { given: Arc::default(), answer }
    }

    /// With so much time for a notice.
    fn within(&self, timeout: Duration) -> Timed {
        Timed { by: Box::new(self.clone()), timeout }
    }

    fn ids(&self) -> Vec<Uuid> {
        self.given.lock().unwrap().iter().map(|(id, _)| *id).collect()
    }
}

impl Notifier for Kept {
    fn notify<'n>(&'n self, notice: &'n Notice, at: Timestamp) -> BoxFuture<'n, Result<(), Error>> {
        async move {
            self.given.lock().unwrap().push((notice.id, at));
            match self.answer {
                Some(200) => Ok(()),
                Some(status) => Err(Error::Answer(status)),
                None => std::future::pending().await,
            }
        }
        .boxed()
    }
}

fn ways<const N: usize>(ways: [(&str, Timed); N]) -> Notifiers {
    Notifiers(Arc::new(ways.map(|(name, way)| (name.to_owned(), way)).into()))
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_cannot_be_told_keeps_nothing_else_out() {
    let (sms, other) = (Kept::new(Some(200)), Kept::new(Some(500)));
    let mut ticked = Ticked::new(three_on_duty(), ways([("sms", sms.within(LONG)), ("other", other.within(LONG))]));
    for person in ["cb-18", "cb-19", "nobody"] {
        ticked.before(300, person);
    }
    ticked.ticks(1).await;
    assert_eq!(sms.ids(), [notice("sms").id], "behind 900 that fail");
    assert_eq!((other.ids().len(), *ticked.alarms.lock().unwrap()), (300, 600));
    ticked.ticks(3).await;
    assert_eq!((sms.ids().len(), other.ids().len()), (1, 900), "each with its own pauses");
}

#[tokio::test]
async fn what_was_not_tried_yet_goes_before_what_failed() {
    let other = Kept::new(None);
    let way = other.within(Duration::from_millis(700));
    let mut ticked = Ticked::new(three_on_duty(), ways([("other", way)]));
    ticked.ticking.begin = Duration::from_millis(500);
    ticked.before(24, "cb-18");
    ticked.ticks(3).await;
    let ids = other.ids();
    let different: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), different.len()), (24, 24), "eight at once, and everybody once before anybody again");
}

#[tokio::test]
async fn a_server_that_never_answers_holds_up_neither_another_nor_the_next_tick() {
    let (sms, other) = (Server::start(Answer::Status(200)).await, Server::start(Answer::Never).await);
    let files = Files::new(&format!("{}\n{}", sms.root, other.root));
    let config = files.config(vec![("sms", files.webhook(&sms.url)), ("other", files.webhook(&other.url))]);
    let mut ticked = Ticked::new(three_on_duty(), Notifiers::open(&config).unwrap());
    ticked.ticking.begin = Duration::from_millis(500);
    ticked.before(25, "cb-18");
    ticked.ticks(1).await;
    assert_eq!(sms.given().len(), 1);
    assert!((1..=8).contains(&other.given().len()), "{} were begun", other.given().len());
    assert!(ticked.page().contains("nhipcau_duty_notices_told_total 1\n"), "{}", ticked.page());
}

#[tokio::test]
async fn a_notice_bears_the_time_of_its_attempt() {
    let sms = Kept::new(Some(200));
    let mut ticked = Ticked::new(on_duty(), Notifiers::default());
    ticked.before(2, "cb-17");
    // Every look at the clock takes it on by a second.
    let (now, seconds) = (Arc::clone(&ticked.now), SignedDuration::from_secs(1));
    let clock = Clock::new(move || {
        let mut now = now.lock().unwrap();
        *now += seconds;
        *now
    });
    let rosters = watch::Sender::new(on_duty()).subscribe();
    let notifiers = ways([("sms", sms.within(LONG))]);
    Ticking::new(ticked.outbox.clone(), rosters, notifiers, clock, Box::new(drop)).tick().await;
    let times: Vec<_> = sms.given.lock().unwrap().iter().map(|(_, at)| *at).collect();
    assert_eq!(times, [at(2), at(3), at(4)], "the tick began at {}", at(1));
}

#[tokio::test]
async fn what_was_told_and_not_marked_is_told_again_under_the_same_id_and_then_no_more() {
    let server = Server::start(Answer::Status(200)).await;
    let mut ticked = Ticked::new(on_duty(), Files::new(&server.root).open(&server.url));
    *ticked.outbox.loses_marks.lock().unwrap() = true;
    ticked.ticks(1).await;
    *ticked.outbox.loses_marks.lock().unwrap() = false;
    ticked.ticks(3).await;
    let ids: Vec<_> = server.given().iter().map(|request| header(request, "webhook-id")).collect();
    assert_eq!(ids, [notice("sms").id.to_string(), notice("sms").id.to_string()]);
    assert!(ticked.page().contains("nhipcau_duty_notices_told_total 2\n"), "{}", ticked.page());
}

#[tokio::test]
async fn what_cannot_be_told_is_tried_again_with_growing_pauses_and_people_hear_of_it_once() {
    let server = Server::start(Answer::Status(500)).await;
    let mut ticked = Ticked::new(on_duty(), Files::new(&server.root).open(&server.url));
    let mut attempts = Vec::new();
    for tick in 0..40 {
        let before = server.given().len();
        ticked.ticks(1).await;
        attempts.extend((server.given().len() > before).then_some(tick));
    }
    assert_eq!(attempts, [0, 1, 3, 7, 15, 31], "pauses of 30 seconds, doubled to 8 minutes");
    assert_eq!(*ticked.alarms.lock().unwrap(), 1);
    let page = ticked.page();
    assert!(
        page.contains("nhipcau_duty_notices_failed_total 6\n") && page.contains("nhipcau_duty_notices_waiting 1\n"),
        "{page}"
    );
    ticked.outbox.unsent.lock().unwrap().clear();
    ticked.ticks(1).await;
    assert!(ticked.page().contains("nhipcau_duty_notices_waiting 0\n"), "whoever acknowledged need not be told");
}

#[tokio::test]
async fn of_whom_nobody_knows_how_to_reach_people_hear_at_once() {
    for (rosters, ways) in [(Rosters::default(), Some("sms")), (on_duty(), None)] {
        let server = Server::start(Answer::Status(200)).await;
        let notifiers = ways.map_or_else(Notifiers::default, |_| Files::new(&server.root).open(&server.url));
        let mut ticked = Ticked::new(rosters, notifiers);
        ticked.ticks(2).await;
        assert_eq!((*ticked.alarms.lock().unwrap(), server.given().len()), (1, 0));
        assert_eq!(ticked.outbox.unsent.lock().unwrap().len(), 1, "it is not given up");
    }
}

#[test]
fn whose_shift_has_ended_is_told_where_the_last_one_that_began_has_them() {
    use crate::rosters::tests::{at, of_shifts};
    let rosters = of_shifts(&[((0, 2), "old"), ((2, 4), "last"), ((20, 24), "next")]);
    let Notice { unit, person, .. } = notice("sms");
    let roster = rosters.of(&unit).unwrap().unwrap();
    let address = |hour| ticking::place(roster, &person, at(hour)).unwrap().address.expose().to_string();
    assert_eq!([-1, 1, 3, 9, 21, 30].map(address), ["old", "old", "last", "last", "next", "next"]);
}

#[tokio::test]
async fn no_log_line_says_where_somebody_is_reached() {
    let lines = crate::telemetry::tests::Lines::default();
    let config = config::Telemetry { filter: "trace".parse().unwrap(), format: config::Format::Json };
    let subscriber = || {
        let writer = lines.clone();
        crate::telemetry::subscriber(&config, move || writer.clone())
    };
    // Where there is but one, what another test's thread logs first is not asked of it, and is never logged here.
    let _another = tracing::Dispatch::new(subscriber());
    let _logging = tracing::subscriber::set_default(subscriber());
    for answer in [Answer::Status(200), Answer::Status(500), Answer::Never, Answer::Hangup] {
        let server = Server::start(answer).await;
        let mut ticked = Ticked::new(on_duty(), Files::new(&server.root).open(&server.url));
        ticked.ticks(3).await;
    }
    let mut unknown = Ticked::new(on_duty(), Notifiers::default());
    unknown.ticks(1).await;
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("could not be told") && logged.contains("answers 500"), "{logged}");
    for canary in [ADDRESS, "cb-17", "900 000 017"] {
        assert!(!logged.contains(canary), "{logged}");
    }
}
