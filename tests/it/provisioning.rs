//! Provisioning on a real broker: it makes what is missing, changes nothing twice, refuses what is of another kind,
//! and its permissions fence every access point in.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_nats::{Client, jetstream};
use nhipcau_messaging::provision::{self, Action, Change, Error, Layout, Plan};
use nhipcau_tests::{
    bus::{Bus, id},
    nats::{MOHA, OPERATOR, User, VWU},
    wait,
};

use crate::repository;

fn plan(users: &[User], layout: Layout) -> Plan {
    Plan::new(users.iter().map(|user| id(*user)), layout).unwrap()
}

async fn operator(bus: &Bus) -> Client {
    bus.server.connection(OPERATOR).unwrap().connect().await.unwrap()
}

fn named(changes: &[Change], action: Action) -> Vec<&str> {
    changes.iter().filter(|change| change.action == action).map(|change| change.name.as_str()).collect()
}

#[tokio::test]
async fn provisioning_twice_changes_nothing() {
    let bus = Bus::bare(Layout::default()).await.unwrap();
    let first = bus.provision().await.unwrap();
    assert_eq!(
        named(&first, Action::Created),
        [
            "NC_MOHA",
            "NC_MOHA/m",
            "NC_MOHA/b",
            "NC_MOHA/r",
            "NC_VWU",
            "NC_VWU/m",
            "NC_VWU/b",
            "NC_VWU/r",
            "NC_ALL",
            "NC_ALL/moha",
            "NC_ALL/vwu",
        ]
    );
    let second = bus.provision().await.unwrap();
    assert_eq!(named(&second, Action::Kept).len(), first.len());
}

#[tokio::test]
async fn a_preview_says_what_would_be_done_and_does_nothing() {
    let bus = Bus::bare(Layout::default()).await.unwrap();
    let wanted = plan(&[MOHA, VWU], Layout::default());
    for _ in 0..2 {
        let changes = provision::preview(operator(&bus).await, &wanted).await.unwrap();
        assert_eq!(named(&changes, Action::Created).len(), changes.len());
    }
    bus.provision().await.unwrap();
    let changes = provision::preview(operator(&bus).await, &wanted).await.unwrap();
    assert_eq!(named(&changes, Action::Kept).len(), changes.len());
}

#[tokio::test]
async fn an_access_point_that_joins_leaves_the_others_alone() {
    let bus = Bus::bare(Layout::default()).await.unwrap();
    provision::apply(operator(&bus).await, &plan(&[MOHA], Layout::default())).await.unwrap();
    let changes = bus.provision().await.unwrap();
    assert_eq!(
        named(&changes, Action::Kept),
        ["NC_MOHA", "NC_MOHA/m", "NC_MOHA/b", "NC_MOHA/r", "NC_ALL", "NC_ALL/moha"]
    );
    assert!(named(&changes, Action::Updated).is_empty());
}

#[tokio::test]
async fn limits_follow_the_plan() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let wider = plan(&[MOHA, VWU], Layout { share: 512, ..Layout::default() });
    let changes = provision::apply(operator(&bus).await, &wider).await.unwrap();
    assert_eq!(named(&changes, Action::Updated), ["NC_MOHA", "NC_VWU"]);
    let again = provision::apply(operator(&bus).await, &wider).await.unwrap();
    assert_eq!(named(&again, Action::Kept).len(), again.len());
}

#[tokio::test]
async fn something_else_under_a_planned_name_is_refused_before_anything_is_made() {
    let bus = Bus::bare(Layout::default()).await.unwrap();
    let context = jetstream::new(operator(&bus).await);
    let foreign = jetstream::stream::Config {
        name: "NC_VWU".to_owned(),
        subjects: vec!["nc.v1.m.vwu.*".to_owned()],
        republish: Some(jetstream::stream::Republish {
            source: ">".to_owned(),
            destination: "elsewhere.>".to_owned(),
            headers_only: false,
        }),
        ..Default::default()
    };
    context.create_stream(foreign).await.unwrap();
    let refused = provision::apply(operator(&bus).await, &plan(&[MOHA, VWU], Layout::default())).await;
    let Err(Error::Differs(differences)) = refused else { panic!("{refused:?}") };
    let settings: BTreeSet<&str> = differences.iter().map(|difference| difference.setting).collect();
    assert!(settings.is_superset(&BTreeSet::from(["subjects", "retention", "republish"])), "{settings:?}");
    assert!(context.get_stream("NC_MOHA").await.is_err(), "something was made");
}

/// Tries all of it and returns what the server did not refuse.
async fn allowed(bus: &Bus, user: User, publications: &[&'static str], subscriptions: &[&'static str]) -> Vec<String> {
    let refused = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&refused);
    let client = bus.server.connect(user, move |error| seen.lock().unwrap().push(error.to_lowercase())).await.unwrap();
    for subject in publications {
        client.publish(*subject, "forged".into()).await.unwrap();
    }
    let mut held = Vec::new();
    for subject in subscriptions {
        held.push(client.subscribe(*subject).await.unwrap());
    }
    // The server answers in order: once this is refused, everything before it has been judged.
    client.publish("last.of.all", "".into()).await.unwrap();
    client.flush().await.unwrap();
    let judged = || refused.lock().unwrap().iter().any(|error| error.contains("last.of.all")).then_some(());
    wait::until("the last refusal", judged).await.unwrap();
    let refused = refused.lock().unwrap();
    let was_refused =
        |subject: &str| refused.iter().any(|error| error.contains(&format!("\"{}\"", subject.to_lowercase())));
    let tried = publications.iter().chain(subscriptions);
    tried.filter(|subject| !was_refused(subject)).map(|subject| (*subject).to_owned()).collect()
}

#[tokio::test]
async fn an_access_point_can_neither_speak_nor_read_nor_acknowledge_as_another() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let publications = [
        "nc.v1.m.vwu.vwu",
        "nc.v1.r.vwu.vwu",
        "nc.v1.b.all.vwu",
        "nc.v1.s.vwu.vwu",
        "nc.v1.m.vwu",
        "$JS.API.CONSUMER.MSG.NEXT.NC_VWU.m",
        "$JS.API.CONSUMER.MSG.NEXT.NC_ALL.vwu",
        "$JS.API.CONSUMER.INFO.NC_VWU.m",
        "$JS.ACK.NC_VWU.m.1.1.1.1.0",
        "$JS.ACK.NC_ALL.vwu.1.1.1.1.0",
        "$JS.ACK._.vJtAJ5s2.NC_VWU.m.1.1.1.1.0",
        "_INBOX_vwu.forged",
    ];
    let subscriptions =
        [">", "nc.v1.>", "nc.v1.m.vwu.*", "nc.v1.s.vwu.*", "nc.v1.s.*.*", "_INBOX_vwu.>", "_INBOX_operator.>"];
    assert_eq!(allowed(&bus, MOHA, &publications, &subscriptions).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_access_point_can_change_nothing_at_the_broker_not_even_its_own() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let publications = [
        "$JS.API.STREAM.CREATE.MINE",
        "$JS.API.STREAM.UPDATE.NC_MOHA",
        "$JS.API.STREAM.DELETE.NC_MOHA",
        "$JS.API.STREAM.PURGE.NC_MOHA",
        "$JS.API.STREAM.MSG.GET.NC_MOHA",
        "$JS.API.STREAM.MSG.DELETE.NC_MOHA",
        "$JS.API.STREAM.SNAPSHOT.NC_MOHA",
        "$JS.API.STREAM.RESTORE.NC_MOHA",
        "$JS.API.DIRECT.GET.NC_MOHA",
        "$JS.API.CONSUMER.CREATE.NC_MOHA",
        "$JS.API.CONSUMER.CREATE.NC_VWU.mine.nc.v1.m.vwu.moha",
        "$JS.API.CONSUMER.DURABLE.CREATE.NC_ALL.mine",
        "$JS.API.CONSUMER.DELETE.NC_MOHA.m",
        "$JS.API.CONSUMER.PAUSE.NC_MOHA.m",
        "$SYS.REQ.SERVER.PING",
    ];
    assert_eq!(allowed(&bus, MOHA, &publications, &["$JS.EVENT.ADVISORY.>"]).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_operator_can_neither_speak_nor_read_nor_take_messages_away() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let publications = [
        "nc.v1.m.vwu.moha",
        "nc.v1.m.vwu.operator",
        "$JS.API.STREAM.PURGE.NC_VWU",
        "$JS.API.STREAM.DELETE.NC_VWU",
        "$JS.API.STREAM.MSG.GET.NC_VWU",
        "$JS.API.STREAM.MSG.DELETE.NC_VWU",
        "$JS.API.DIRECT.GET.NC_VWU",
        "$JS.API.CONSUMER.MSG.NEXT.NC_VWU.m",
        "$JS.API.CONSUMER.DELETE.NC_VWU.m",
        "$JS.ACK.NC_VWU.m.1.1.1.1.0",
    ];
    assert_eq!(allowed(&bus, OPERATOR, &publications, &["nc.v1.>", "_INBOX_moha.>"]).await, Vec::<String>::new());
}

/// The subjects that a permissions file names in quotes.
fn subjects(text: &str) -> BTreeSet<String> {
    let without_comments = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    without_comments.flat_map(|line| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn the_shipped_example_allows_what_provisioning_writes() {
    let account = provision::Account { name: "BUS".to_owned(), domain: None };
    let login = |user: User| provision::Login::nkey(user.public()).unwrap();
    let access_points = [MOHA, VWU].map(|user| (id(user), login(user))).into();
    let written = provision::permissions(&account, &login(OPERATOR), &access_points).unwrap();
    assert_eq!(subjects(&repository::read("deploy/nats/users.conf")), subjects(&written));
}
