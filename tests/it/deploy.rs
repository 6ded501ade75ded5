//! The deployment files: the server accepts them, opens nothing but what they name, and messages travel under their
//! permissions. What the permissions keep out stands in `provisioning`, which writes the same.

use std::sync::{Arc, Mutex};

use async_nats::{
    Client,
    jetstream::{self, consumer::pull},
};
use futures_util::StreamExt as _;
use nhipcau_messaging::provision::{self, Layout, Plan};
use nhipcau_tests::{
    bus::id,
    nats::{Config, MOHA, OPERATOR, Server, User, VWU},
    process::{output, program},
};

use crate::repository;

/// A client with what the server refused it.
struct Connected {
    client: Client,
    refused: Arc<Mutex<Vec<String>>>,
}

async fn connect(server: &Server, user: User) -> Connected {
    let refused = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&refused);
    let client = server.connect(user, move |error| seen.lock().unwrap().push(error)).await.unwrap();
    Connected { client, refused }
}

/// Makes the streams and consumers, as `nhipcau provision` does.
async fn provision(server: &Server) {
    let operator = server.connection(OPERATOR).unwrap().connect().await.unwrap();
    let plan = Plan::new([id(MOHA), id(VWU)], Layout::default()).unwrap();
    provision::apply(operator, &plan).await.unwrap();
}

#[test]
fn the_server_accepts_the_shipped_configurations() {
    let config = Config::shipped().unwrap();
    for file in ["server.conf", "cluster.conf"] {
        let checked = config.check(file).unwrap();
        assert!(checked.status.success(), "{file}: {}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn the_server_refuses_a_setting_it_does_not_know() {
    let config = Config::shipped().unwrap();
    config.append("bus.conf", "jetstreem: true").unwrap();
    assert!(!config.check("server.conf").unwrap().status.success());
}

#[test]
fn no_other_door_of_the_server_is_opened() {
    for (path, text) in repository::files(&[".conf"]) {
        let settings = text.lines().map(|line| line.split('#').next().unwrap_or_default().to_lowercase());
        for line in settings {
            for door in ["mqtt", "websocket", "gateway", "leafnode", "no_auth_user", "profile"] {
                assert!(!line.contains(door), "{path} opens {door}");
            }
        }
    }
    let bus = repository::read("deploy/nats/bus.conf");
    for wanted in ["sync_interval: always", "verify: true", "min_version: \"1.3\"", "http: \"127.0.0.1:"] {
        assert!(bus.contains(wanted), "bus.conf lacks {wanted}");
    }
}

/// `moha` sends, `vwu` fetches from its own consumer and acknowledges; nothing is refused on the way.
async fn travels(server: &Server, subject: &'static str, stream: &str, consumer: &str) {
    let moha = connect(server, MOHA).await;
    let sent = jetstream::new(moha.client.clone()).publish(subject, "sealed".into()).await.unwrap();
    assert_eq!(sent.await.unwrap().stream, stream);

    let vwu = connect(server, VWU).await;
    let stream = jetstream::new(vwu.client.clone()).get_stream_no_info(stream).await.unwrap();
    let consumer = stream.get_consumer::<pull::Config>(consumer).await.unwrap();
    let mut fetched = consumer.fetch().max_messages(1).messages().await.unwrap();
    let message = fetched.next().await.unwrap().unwrap();
    assert_eq!(message.payload, "sealed");
    message.double_ack().await.unwrap();

    assert_eq!(*moha.refused.lock().unwrap(), Vec::<String>::new());
    assert_eq!(*vwu.refused.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_message_travels_and_is_acknowledged_under_the_shipped_permissions() {
    let server = Config::shipped().unwrap().start().await.unwrap();
    provision(&server).await;
    travels(&server, "nc.v1.m.vwu.moha", "NC_VWU", "m").await;
}

#[tokio::test]
async fn the_permissions_hold_for_the_acknowledgements_of_the_servers_next_format_too() {
    let config = Config::shipped().unwrap();
    config.append("server.conf", "feature_flags { js_ack_fc_v2: true }").unwrap();
    let server = config.start().await.unwrap();
    provision(&server).await;
    travels(&server, "nc.v1.m.vwu.moha", "NC_VWU", "m").await;
}

#[tokio::test]
async fn a_broadcast_reaches_a_subscribers_own_consumer() {
    let server = Config::shipped().unwrap().start().await.unwrap();
    provision(&server).await;
    travels(&server, "nc.v1.b.all.moha", "NC_ALL", "vwu").await;
}

#[tokio::test]
async fn a_signal_reaches_the_access_point_it_is_meant_for() {
    let server = Config::shipped().unwrap().start().await.unwrap();
    let vwu = connect(&server, VWU).await;
    let mut signals = vwu.client.subscribe("nc.v1.s.vwu.*").await.unwrap();
    vwu.client.flush().await.unwrap();

    let moha = connect(&server, MOHA).await;
    moha.client.publish("nc.v1.s.vwu.moha", "status".into()).await.unwrap();
    assert_eq!(signals.next().await.unwrap().payload, "status");
}

/// What a line of a unit or a setting says, without unit and quotes.
fn said<'t>(text: &'t str, key: &str, end: &str) -> &'t str {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(key));
    value.unwrap_or_else(|| panic!("no {key}")).trim().trim_start_matches('"').trim_end_matches(end)
}

#[test]
fn the_unit_of_an_access_point_calls_the_program_as_it_is() {
    let unit = repository::read("deploy/systemd/nhipcau.service");
    let mut words = said(&unit, "ExecStart=", "").split_whitespace();
    assert_eq!(words.next(), Some("/usr/bin/nhipcau"));
    let nowhere = tempfile::tempdir().unwrap().path().join("nhipcau.toml").display().to_string();
    let words: Vec<_> = words.map(|word| if word.starts_with('/') { nowhere.as_str() } else { word }).collect();
    // The command line is taken, and there is no configuration.
    let code = |more: &[&str]| output(program().unwrap().args(&words).args(more)).unwrap().status.code();
    assert_eq!(code(&[]), Some(3));
    assert_eq!(code(&["--no-such-option"]), Some(2));
    assert_eq!(said(&unit, "RestartPreventExitStatus=", ""), "2 3", "both wait for a person");
}

#[test]
fn no_unit_is_killed_within_its_own_grace() {
    let stop = |unit: &str| -> u64 {
        let unit = repository::read(&format!("deploy/systemd/{unit}.service"));
        said(&unit, "TimeoutStopSec=", "s").parse().unwrap()
    };
    let settings = repository::read("services/runtime/src/config/default.toml");
    let seconds = |key: &str| -> u64 { said(&settings, key, "s\"").parse().unwrap() };
    // What is signed at the end is sent in seconds that the grace does not bound.
    assert!(stop("nhipcau") >= seconds("pause =") + seconds("grace =") + 5);
    let broker: u64 = said(&repository::read("deploy/nats/bus.conf"), "lame_duck_duration:", "s\"").parse().unwrap();
    assert!(stop("nats-server") > broker);
}
