//! A server of the page with a roster, a file by which people are told, and a clock that tests set.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    duty,
    referral::{PersonRef, Personal, UnitRef},
};
use nhipcau_gateway::{Doors, Needs, Renewal, Roll, Server};
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::{
    clock::Clock,
    config::{self, DutyPage},
    notify::Notifiers,
    private_file,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{browser::Browser, doors::Case, enquiries::Enquiries};

const START: i64 = 1_795_417_200;
/// By when something that was begun has to be there.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything around a server of the page.
pub(crate) struct World {
    _home: TempDir,
    notices: PathBuf,
    pub(crate) address: SocketAddr,
    authority: CertifiedIssuer<'static, KeyPair>,
    pub(crate) case: Case,
    pub(crate) enquiries: Enquiries,
    now: Arc<AtomicI64>,
    /// When the shift of everybody ends, in seconds from the start.
    pub(crate) shift: Arc<AtomicI64>,
    /// The last digits of the number by which everybody is reached.
    pub(crate) number: Arc<AtomicI64>,
    pub(crate) stop: CancellationToken,
    pub(crate) page: DutyPage,
    pub(crate) renewal: Renewal,
    serving: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Two people of one unit and one of another are on duty.
struct Shift(Arc<AtomicI64>, Arc<AtomicI64>);

impl Roll for Shift {
    fn on_duty(&self, unit: &UnitRef, person: &PersonRef, at: Timestamp) -> Option<duty::Person> {
        let people = ["hanoi/cua-nam cb-17", "hanoi/cua-nam cb-18", "hanoi/ba-dinh cb-30"];
        let is_there = people.contains(&&*format!("{unit} {}", person.as_str()));
        let person = duty::Person {
            person: person.clone(),
            role: "officer".into(),
            channel: "desk".into(),
            address: Personal::new(format!("+84 900 000 {:03}", self.1.load(Ordering::SeqCst)).into()),
        };
        (is_there && at.as_second() < START + self.0.load(Ordering::SeqCst)).then_some(person)
    }

    fn name(&self, unit: &pb::UnitRef) -> Option<String> {
        (unit.unit == "cua-nam").then(|| "Phường <Cửa Nam>".to_owned())
    }
}

/// An authority, and a certificate of it with its key.
fn issued() -> (CertifiedIssuer<'static, KeyPair>, String, KeyPair) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    (authority, own.pem(), key)
}

impl World {
    pub(crate) async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (authority, own, key) = issued();
        let page = DutyPage {
            listen: "127.0.0.1:0".parse().unwrap(),
            certificate: home.path().join("page.pem"),
            key: home.path().join("page.key"),
        };
        write(&page, &own, &key);
        let notices = home.path().join("notices.jsonl");
        let way = config::Notifier::File { path: notices.clone() };
        let duty = config::Duty {
            rosters: home.path().join("rosters"),
            wait: SignedDuration::from_mins(10),
            notifiers: BTreeMap::from([("desk".to_owned(), way)]),
            page: None,
        };
        let (now, shift, case) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(86_400)), Case::default());
        let (time, number) = (Arc::clone(&now), Arc::new(AtomicI64::new(17)));
        let enquiries = Enquiries::default();
        let needs = Needs {
            doors: Doors {
                referrals: Arc::new(case.clone()),
                decisions: Arc::new(case.clone()),
                placements: Some(Arc::new(enquiries.clone())),
            },
            roll: Arc::new(Shift(Arc::clone(&shift), Arc::clone(&number))),
            notifiers: Notifiers::open(&duty).unwrap(),
            clock: Clock::new(move || Timestamp::from_second(START + time.load(Ordering::SeqCst)).unwrap()),
        };
        let server = Server::bind(&page).await.unwrap();
        let (address, renewal, stop) = (server.local_addr(), server.renewal(), CancellationToken::new());
        let serving = tokio::spawn(server.serve(needs, stop.clone()));
        Self {
            _home: home,
            notices,
            address,
            authority,
            case,
            enquiries,
            now,
            shift,
            number,
            stop,
            page,
            renewal,
            serving,
        }
    }

    /// A certificate of another authority, and a browser that trusts that one.
    pub(crate) fn another(&self) -> (String, KeyPair, Browser) {
        let (authority, own, key) = issued();
        (own, key, Browser::new(self.address, authority.der().clone()))
    }

    /// A browser that trusts the page's certificate.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address, self.authority.der().clone())
    }

    pub(crate) fn later(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    /// What people were told so far.
    pub(crate) fn told(&self) -> Vec<String> {
        fs::read_to_string(&self.notices).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The code that was told as the so-manieth.
    pub(crate) async fn code(&self, number: usize) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.told().get(number - 1) {
                let text = line.split("Mã đăng nhập ").nth(1).unwrap();
                return text[..8].to_owned();
            }
            assert!(Instant::now() < end, "no code was told");
            tokio::task::yield_now().await;
        }
    }

    /// A browser in which somebody has signed in.
    pub(crate) async fn signed_in(&self, unit: &str, person: &str) -> Browser {
        let mut browser = self.browser();
        let before = self.told().len();
        browser.post("/duty/sign-in", &[("unit", unit), ("person", person)]).await;
        let code = self.code(before + 1).await;
        let answer = browser.post("/duty/code", &[("code", &code)]).await;
        assert_eq!((answer.status, answer.location()), (303, "/duty"), "{}", answer.body);
        browser
    }
}

/// Writes the files of a certificate.
pub(crate) fn write(page: &DutyPage, certificate: &str, key: &KeyPair) {
    fs::write(&page.certificate, certificate).unwrap();
    private_file::replace(&page.key, key.serialize_pem().as_bytes()).unwrap();
}
