//! Certificates, authorities and systems that are renewed under an open door: who gets in afterwards, what goes on, and
//! what a bad file changes, which is nothing.

use std::{fs, os::unix::fs::PermissionsExt as _, time::SystemTime};

use tokio::task::JoinHandle;

use super::*;

/// Between a wrong and a right moment, for whatever a machine does in between.
const PATIENCE: Duration = Duration::from_secs(20);

fn systems(listed: &[(&str, &[Role])]) -> Systems {
    listed.iter().map(|(name, roles)| (name.parse().unwrap(), roles.iter().copied().collect())).collect()
}

/// Those of [`World::start`].
fn same() -> Systems {
    [
        ("moh/hotline".parse().unwrap(), [Role::Submit].into_iter().collect(), None),
        ("moh/desk".parse().unwrap(), Role::ALL.into_iter().collect(), Some(OWN_RATE)),
    ]
    .into_iter()
    .collect()
}

/// An open door with what renews it.
struct House {
    world: World,
    address: SocketAddr,
    renewal: Renewal,
    _serving: Serving,
}

impl House {
    async fn open() -> Self {
        let world = World::new();
        let server = Server::bind(&world.config, same(), &mut crate::metrics::registry()).await.unwrap();
        let (address, renewal) = (server.local_addr(), server.renewal());
        let services = Services::default()
            .with(ReferralSteeringServiceServer::new(world.probe.clone()))
            .with(ReferralWatchServiceServer::new(world.probe.clone()));
        let _serving = server.start(services).await.unwrap();
        Self { world, address, renewal, _serving }
    }

    fn write(&self, name: &str, text: &str) {
        // The file keeps its mode.
        fs::write(self.world.directory.path().join(name), text).unwrap();
    }

    fn renew(&self) -> Result<bool, Error> {
        self.renewal.renew(&self.world.config, same(), Timestamp::now())
    }

    /// A new certificate of the server, with its key.
    fn issue(&self, by: &CertifiedIssuer<'static, KeyPair>) -> (String, String) {
        let names = vec![SanType::DnsName("localhost".try_into().unwrap())];
        issue(by, names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A new handshake by a client that trusts one authority, and a call.
    async fn lets_in(&self, trusted: &CertifiedIssuer<'static, KeyPair>, identity: Identity) -> bool {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(trusted.pem())).domain_name("localhost");
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address)).unwrap();
        let connected = endpoint.tls_config(tls.identity(identity)).unwrap().connect().await;
        match connected {
            Ok(channel) => Client::new(channel).open_branch(OpenBranchRequest::default()).await.is_ok(),
            Err(_) => false,
        }
    }

    /// A call in progress, which ends when the probe is released.
    async fn call(&self, channel: Channel) -> JoinHandle<Result<Response<DiscloseBranchResponse>, Status>> {
        let mut client = Client::new(channel);
        let call = tokio::spawn(async move { client.disclose_branch(DiscloseBranchRequest::default()).await });
        self.world.probe.entered.notified().await;
        call
    }

    async fn hotline(&self) -> Channel {
        self.world.channel(self.address, "moh/hotline").await
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_connections_and_calls_in_progress_go_on() {
    let house = House::open().await;
    let (old, new) = (&house.world.authority, authority());
    let identity = || house.world.identity("moh/hotline");
    let channel = house.hotline().await;
    let call = house.call(channel.clone()).await;
    assert!(!house.renew().unwrap(), "nothing has changed");
    let (certificate, key) = house.issue(&new);
    house.write("server.pem", &certificate);
    house.write("server.key", &key);
    assert!(house.lets_in(old, identity()).await && !house.lets_in(&new, identity()).await, "not before it is renewed");
    assert!(house.renew().unwrap());
    assert!(house.lets_in(&new, identity()).await && !house.lets_in(old, identity()).await);
    house.world.probe.released.notify_one();
    call.await.unwrap().unwrap();
    Client::new(channel).open_branch(OpenBranchRequest::default()).await.unwrap();
    assert!(!house.renew().unwrap());
}

#[tokio::test]
async fn a_file_that_cannot_be_used_changes_nothing() {
    let house = House::open().await;
    let here = house.world.directory.path();
    let good = ["server.pem", "server.key", "clients.pem"].map(|name| fs::read_to_string(here.join(name)).unwrap());
    let (_, another_key) = house.issue(&house.world.authority);
    let dated = |from: i32, until: i32| {
        let key = KeyPair::from_pem(&good[1]).unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(from, 1, 1), rcgen::date_time_ymd(until, 1, 1));
        params.signed_by(&key, &house.world.authority).unwrap().pem()
    };
    let bad = [
        ("server.pem", String::new()),
        ("server.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned()),
        ("server.pem", dated(2020, 2021)),
        ("server.pem", dated(4000, 4096)),
        ("server.key", String::new()),
        ("server.key", another_key),
        ("clients.pem", String::new()),
        ("clients.pem", good[1].clone()),
    ];
    let is_open = async || house.lets_in(&house.world.authority, house.world.identity("moh/hotline")).await;
    for (name, text) in bad {
        house.write(name, &text);
        assert!(house.renew().is_err(), "{name}: {text}");
        assert!(is_open().await, "{name}: {text}");
        ["server.pem", "server.key", "clients.pem"].iter().zip(&good).for_each(|(name, text)| house.write(name, text));
    }
    let others = |mode| fs::set_permissions(here.join("server.key"), fs::Permissions::from_mode(mode)).unwrap();
    others(0o640);
    assert!(matches!(house.renew(), Err(Error::Tls(tls::Error::Key(private_file::Error::Open(0o640))))));
    others(0o600);
    fs::remove_file(here.join("clients.pem")).unwrap();
    assert!(house.renew().is_err() && is_open().await);
    house.write("clients.pem", &good[2]);
    assert!(!house.renew().unwrap(), "what was in use is in use");
}

#[tokio::test]
async fn a_system_that_loses_a_role_loses_it_at_once_and_nobody_else_notices() {
    let house = House::open().await;
    let hotline = house.hotline().await;
    let desk = house.world.channel(house.address, "moh/desk").await;
    let mut watch = house.world.watch(house.address).await;
    let call = house.call(desk.clone()).await;
    let other = house.world.channel(house.address, "moh/other").await;
    let refusal = async |channel: &Channel| {
        let answer = Client::new(channel.clone()).open_branch(OpenBranchRequest::default()).await;
        answer.map_or_else(|status| reason(&status), |_| String::new())
    };
    assert_eq!(refusal(&other).await, reason::SYSTEM_UNKNOWN);
    let changed = systems(&[("moh/desk", &Role::ALL), ("moh/other", &[Role::Submit])]);
    assert!(house.renewal.renew(&house.world.config, changed, Timestamp::now()).unwrap());
    assert!(timeout(PATIENCE, watch.message()).await.unwrap().is_err(), "its streams end");
    let refused = async {
        // The first call may still meet the connection that ends.
        while refusal(&hotline).await != reason::SYSTEM_UNKNOWN {}
    };
    timeout(PATIENCE, refused).await.unwrap();
    assert_eq!(refusal(&other).await, "", "on the connection that it had");
    house.world.probe.released.notify_one();
    call.await.unwrap().unwrap();
    assert_eq!(refusal(&desk).await, "");
}

#[tokio::test]
async fn an_authority_that_is_taken_away_lets_nobody_in_and_ends_what_it_let_in() {
    let house = House::open().await;
    let (old, new) = (&house.world.authority, authority());
    let names = || vec![SanType::URI("nhipcau://moh/hotline".try_into().unwrap())];
    let by_new = || {
        let (certificate, key) = issue(&new, names(), ExtendedKeyUsagePurpose::ClientAuth);
        Identity::from_pem(certificate, key)
    };
    let by_old = || house.world.identity("moh/hotline");
    let mut watch = house.world.watch(house.address).await;
    // Beside each other for a while: both are let in and nothing ends.
    house.write("clients.pem", &format!("{}{}", old.pem(), new.pem()));
    assert!(house.renew().unwrap());
    assert!(house.lets_in(old, by_old()).await && house.lets_in(old, by_new()).await);
    assert!(timeout(Duration::from_millis(50), watch.message()).await.is_err(), "it goes on");
    house.write("clients.pem", &new.pem());
    assert!(house.renew().unwrap());
    assert!(timeout(PATIENCE, watch.message()).await.unwrap().is_err());
    assert!(!house.lets_in(old, by_old()).await && house.lets_in(old, by_new()).await);
}

#[tokio::test]
async fn a_certificate_that_expires_lets_no_new_connection_in_and_ends_the_one_that_it_opened() {
    let house = House::open().await;
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI("nhipcau://moh/hotline".try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let in_three_seconds = u64::try_from(Timestamp::now().as_second()).unwrap() + 3;
    params.not_after = (SystemTime::UNIX_EPOCH + Duration::from_secs(in_three_seconds)).into();
    let certificate = params.signed_by(&key, &house.world.authority).unwrap().pem();
    let identity = || Identity::from_pem(&certificate, key.serialize_pem());
    assert!(house.lets_in(&house.world.authority, identity()).await);
    let channel = house.world.connect(house.address, Some(identity())).await.unwrap();
    let watched = WatchClient::new(channel).watch_referrals(WatchReferralsRequest::default()).await;
    let ended = timeout(PATIENCE, watched.unwrap().into_inner().message()).await;
    assert!(ended.unwrap().is_err(), "its streams end");
    let expired = async { while house.lets_in(&house.world.authority, identity()).await {} };
    timeout(PATIENCE, expired).await.unwrap();
}
