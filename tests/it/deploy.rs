//! The deployment files: the server accepts them, opens nothing but what they name, and fences each access point
//! into its own subjects, streams and inbox.

use std::sync::{Arc, Mutex};

use async_nats::{
    Client,
    jetstream::{self, consumer::pull, stream},
};
use futures_util::StreamExt as _;
use nhipcau_tests::{
    nats::{Config, MOHA, OPERATOR, Server, User, VWU},
    process::{output, program},
    wait,
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

/// What `nhipcau provision` will make for one access point.
async fn provision(operator: &Client, name: &str) {
    let context = jetstream::new(operator.clone());
    let stream = format!("NC_{}", name.to_uppercase().replace('-', "_"));
    let subjects = ["m", "b", "r"].map(|lane| format!("nc.v1.{lane}.{name}.*"));
    let made = context
        .create_stream(stream::Config {
            name: stream,
            subjects: subjects.to_vec(),
            retention: stream::RetentionPolicy::WorkQueue,
            discard: stream::DiscardPolicy::New,
            discard_new_per_subject: true,
            max_messages_per_subject: 64,
            ..Default::default()
        })
        .await
        .unwrap();
    for (lane, subject) in ["m", "b", "r"].into_iter().zip(subjects) {
        let consumer =
            pull::Config { durable_name: Some(lane.to_owned()), filter_subject: subject, ..Default::default() };
        made.create_consumer(consumer).await.unwrap();
    }
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
    provision(&connect(&server, OPERATOR).await.client, "vwu").await;
    travels(&server, "nc.v1.m.vwu.moha", "NC_VWU", "m").await;
}

#[tokio::test]
async fn the_permissions_hold_for_the_acknowledgements_of_the_servers_next_format_too() {
    let config = Config::shipped().unwrap();
    config.append("server.conf", "feature_flags { js_ack_fc_v2: true }").unwrap();
    let server = config.start().await.unwrap();
    provision(&connect(&server, OPERATOR).await.client, "vwu").await;
    travels(&server, "nc.v1.m.vwu.moha", "NC_VWU", "m").await;
}

#[tokio::test]
async fn a_broadcast_reaches_a_subscribers_own_consumer() {
    let server = Config::shipped().unwrap().start().await.unwrap();
    let operator = connect(&server, OPERATOR).await;
    let broadcasts =
        stream::Config { name: "NC_ALL".to_owned(), subjects: vec!["nc.v1.b.all.*".to_owned()], ..Default::default() };
    let made = jetstream::new(operator.client.clone()).create_stream(broadcasts).await.unwrap();
    let subscriber = pull::Config { durable_name: Some("vwu".to_owned()), ..Default::default() };
    made.create_consumer(subscriber).await.unwrap();
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

#[tokio::test]
async fn an_access_point_can_neither_speak_as_another_nor_read_or_touch_what_is_anothers() {
    let server = Config::shipped().unwrap().start().await.unwrap();
    let operator = connect(&server, OPERATOR).await;
    provision(&operator.client, "vwu").await;

    let publications = [
        "nc.v1.m.vwu.vwu",
        "nc.v1.b.all.vwu",
        "$JS.API.CONSUMER.INFO.NC_VWU.m",
        "$JS.API.CONSUMER.MSG.NEXT.NC_VWU.m",
        "$JS.API.CONSUMER.CREATE.NC_VWU.mine",
        "$JS.API.STREAM.MSG.GET.NC_VWU",
        "$JS.API.DIRECT.GET.NC_VWU",
        "$JS.API.STREAM.PURGE.NC_VWU",
        "$JS.API.STREAM.DELETE.NC_VWU",
        "$JS.ACK.NC_VWU.m.1.1.1.1.0",
        "_INBOX_vwu.forged",
    ];
    let subscriptions = ["nc.v1.>", "nc.v1.m.vwu.*", "nc.v1.s.vwu.*", "_INBOX_vwu.>", "$JS.EVENT.ADVISORY.>"];

    let moha = connect(&server, MOHA).await;
    for subject in publications {
        moha.client.publish(subject, "forged".into()).await.unwrap();
    }
    let mut held = Vec::new();
    for subject in subscriptions {
        held.push(moha.client.subscribe(subject).await.unwrap());
    }
    moha.client.flush().await.unwrap();

    let expected = publications.len() + subscriptions.len();
    let refused = wait::until("every refusal", || {
        let refused = moha.refused.lock().unwrap();
        (refused.len() >= expected).then(|| refused.iter().map(|error| error.to_lowercase()).collect::<Vec<_>>())
    });
    let refused = refused.await.unwrap();
    for subject in publications.iter().chain(&subscriptions) {
        let quoted = format!("\"{subject}\"").to_lowercase();
        assert!(refused.iter().any(|error| error.contains(&quoted)), "{subject} was allowed");
    }
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
