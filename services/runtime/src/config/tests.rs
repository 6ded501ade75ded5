//! What the three sources make together, and everything that is refused in them.

use std::collections::BTreeMap;

use super::*;
use crate::caller::Role;

const FINGERPRINT: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn file() -> String {
    format!(
        r#"
[access_point]
name = "moh"
home = "/srv/moh"
[directory]
fingerprint = "{FINGERPRINT}"
[broker]
servers = ["tls://nats.example:4222"]
root_certificates = "tls/nats.pem"
nkey = "keys/nats.nk"
[systems."moh/hotline"]
roles = ["submit", "read-metadata"]
"#
    )
}

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn keys(problems: &Problems) -> Vec<&str> {
    problems.listed().iter().map(|problem| problem.key.as_str()).collect()
}

#[test]
fn a_file_lies_over_the_defaults_and_paths_start_at_home() {
    let config = Config::parse(Some(&file()), &BTreeMap::new()).unwrap();
    assert_eq!(config.access_point.as_str(), "moh");
    assert_eq!(config.broker.name, "moh");
    assert_eq!(config.store.path, Path::new("/srv/moh/store/store.db"));
    assert_eq!(config.server.timeout, Duration::from_secs(30));
    assert_eq!(config.server.message_bytes, 4 << 20);
    assert_eq!(config.metrics, None);
    let (name, roles) = config.systems.iter().next().unwrap();
    assert_eq!(name.to_string(), "moh/hotline");
    assert_eq!(roles.iter().collect::<Vec<_>>(), [Role::Submit, Role::ReadMetadata]);
    assert_eq!(config.systems.rate(name), None);
    assert_eq!((config.store.floor, config.outbox.bytes), (512 << 20, 1 << 30));
}

#[test]
fn a_system_has_the_rate_that_is_named_for_it_and_the_rest_of_everybodys() {
    let own = format!("{}rate = 10\n", file());
    let config = Config::parse(Some(&own), &environment(&[("NHIPCAU_SERVER__BURST", "7")])).unwrap();
    let (name, _) = config.systems.iter().next().unwrap();
    let rate = |refill| Rate { burst: 7, refill: Duration::from_micros(refill) };
    assert_eq!((config.systems.rate(name), config.server.rate), (Some(rate(100_000)), rate(500)));
}

#[test]
fn a_store_at_a_server_is_named_without_a_password_and_known_by_its_certificate() {
    let with = |lines: &str| Config::parse(Some(&format!("{}[store]\n{lines}\n", file())), &BTreeMap::new());
    let foreign = "url = \"postgres://db.example/nhipcau?user=nhipcau\"";
    let config = with(&format!("{foreign}\nroot_certificates = \"tls/db.pem\"\npassword_file = \"db\"")).unwrap();
    let server = config.store.server.unwrap();
    assert_eq!(server.root_certificates.as_deref(), Some(Path::new("/srv/moh/tls/db.pem")));
    assert_eq!(server.password_file.as_deref(), Some(Path::new("/srv/moh/db")));
    let local = with("url = \"postgres:///nhipcau?user=nhipcau&host=/run/postgresql\"").unwrap();
    assert!(local.store.server.unwrap().root_certificates.is_none());
    for refused in [foreign, "url = \"postgres://n:secret@localhost/n\"", "url = \"store.db\""] {
        let problems = with(refused).unwrap_err();
        assert_eq!(keys(&problems), ["store.url"], "{refused}");
        assert!(!problems.to_string().contains("secret"));
    }
}

#[test]
fn the_environment_lies_over_the_file() {
    let config = Config::parse(
        Some(&file()),
        &environment(&[
            ("NHIPCAU_ACCESS_POINT__NAME", "vwu"),
            ("NHIPCAU_ACCESS_POINT__SERVICES", "referrals, indicators"),
            ("NHIPCAU_STORE__READERS", "2"),
            ("NHIPCAU_SERVER__REFLECTION", "false"),
            ("NHIPCAU_METRICS__LISTEN", "127.0.0.1:0"),
            ("NHIPCAU_CONFIG", "for the command line"),
            ("HOME", "/root"),
        ]),
    )
    .unwrap();
    assert_eq!(config.access_point.as_str(), "vwu");
    assert_eq!(config.services, ["referrals", "indicators"]);
    assert_eq!((config.store.readers, config.server.reflection), (2, false));
    assert!(config.metrics.is_some());
}

#[test]
fn the_largest_request_has_room_in_the_share_of_one_system() {
    let text = "[server]\nmessage_limit = \"1MiB\"\nrequests_limit = \"8191KiB\"\n";
    let problems = Config::parse(Some(text), &environment(&[])).unwrap_err();
    assert!(keys(&problems).contains(&"server.requests_limit"), "{problems}");
    let problems = Config::parse(Some(&text.replace("8191KiB", "8MiB")), &environment(&[])).unwrap_err();
    assert!(!keys(&problems).contains(&"server.requests_limit"), "{problems}");
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = r#"
colour = "blue"
[access_point]
name = "Not A Name"
[store]
readers = 0
path = 7
floor = "1"
[outbox]
messages = 0
[server]
listen = "nowhere"
timeout = "30"
message_limit = "1TB"
connections = 0
watches = 0
spelling = true
[broker]
servers = ["nats://nats.example"]
nkey = "a"
user = "b"
[telemetry]
format = "xml"
[systems."hotline"]
roles = []
[systems."moh/desk"]
roles = ["read"]
[systems."vwu/desk"]
roles = []
extra = 1
rate = 0
"#;
    let problems = Config::parse(Some(text), &environment(&[("NHIPCAU_SERVER__COLOUR", "x")])).unwrap_err();
    let found = keys(&problems);
    for key in [
        "colour",
        "access_point.name",
        "store.readers",
        "store.path",
        "server.listen",
        "server.timeout",
        "server.message_limit",
        "server.connections",
        "server.watches",
        "server.spelling",
        "broker.servers",
        "broker.root_certificates",
        "broker.nkey",
        "directory.fingerprint",
        "telemetry.format",
        "systems.\"hotline\"",
        "systems.\"moh/desk\".roles",
        "systems.\"vwu/desk\"",
        "systems.\"vwu/desk\".extra",
        "systems.\"vwu/desk\".rate",
        "store.floor",
        "outbox.messages",
        "NHIPCAU_SERVER__COLOUR",
    ] {
        assert!(found.contains(&key), "{key} is missing in {found:#?}");
    }
    assert_eq!(found.len(), 23, "{found:#?}");
    assert!(!problems.to_string().contains("Not A Name"), "a value is repeated");
}

#[test]
fn an_unreadable_file_is_reported_with_its_line() {
    let problems = Config::parse(Some("[server]\nlisten = \n"), &BTreeMap::new()).unwrap_err();
    assert!(keys(&problems)[0].starts_with("line "), "{problems}");
    let problems = Config::load(Some(Path::new("/nonexistent/nhipcau.toml")), &BTreeMap::new()).unwrap_err();
    assert_eq!(keys(&problems), ["configuration file"]);
}

#[test]
fn what_is_printed_can_be_given_again() {
    let config = Config::parse(Some(&file()), &environment(&[("NHIPCAU_STORE__READERS", "3")])).unwrap();
    let again = Config::parse(Some(config.printed()), &BTreeMap::new()).unwrap();
    assert_eq!(again.store.readers, 3);
    assert_eq!(again.printed(), config.printed());
}

#[test]
fn a_login_in_an_address_is_refused_and_never_printed() {
    let text = file().replace("tls://nats", "tls://moh:s3cret@nats");
    let problems = Config::parse(Some(&text), &BTreeMap::new()).unwrap_err();
    assert_eq!(keys(&problems), ["broker.servers"]);
    assert!(!problems.to_string().contains("s3cret"));
    let document = text.parse().unwrap();
    let printed = document::printed(document);
    assert!(printed.contains("tls://[redacted]@nats.example"), "{printed}");
    assert!(!printed.contains("s3cret"));
}

#[test]
fn files_that_are_missing_are_all_reported() {
    let config = Config::parse(Some(&file()), &BTreeMap::new()).unwrap();
    let problems = config.check_files().unwrap_err();
    assert_eq!(problems.listed().len(), 5, "{problems}");
}

#[test]
fn every_key_of_the_defaults_has_a_comment() {
    let mut commented = false;
    for line in DEFAULTS.lines() {
        match line.trim() {
            "" => commented = false,
            line if line.starts_with('#') => commented = true,
            line if line.contains('=') => assert!(commented, "{line} has no comment"),
            _ => {}
        }
    }
}

#[test]
fn ways_of_telling_people_have_names_and_every_mistake_in_them_is_reported() {
    let ways = "[notifiers.desk]\nkind = \"file\"\npath = \"notices.jsonl\"\n[notifiers.sms]\nkind = \"webhook\"\n\
        url = \"https://sms.example/hook\"\nsecret_file = \"keys/sms\"\nroot_certificates = \"tls/sms.pem\"\n";
    let config = Config::parse(Some(&(file() + ways)), &BTreeMap::new()).unwrap();
    assert_eq!(config.duty.rosters, Path::new("/srv/moh/rosters"));
    assert_eq!(config.duty.wait, SignedDuration::from_mins(10));
    assert_eq!(config.duty.notifiers["desk"], Notifier::File { path: "/srv/moh/notices.jsonl".into() });
    let webhook = Notifier::Webhook {
        url: "https://sms.example/hook".to_owned(),
        secret_file: "/srv/moh/keys/sms".into(),
        root_certificates: "/srv/moh/tls/sms.pem".into(),
        timeout: Duration::from_secs(10),
    };
    assert_eq!(config.duty.notifiers["sms"], webhook);
    let secrets: Vec<_> = config.files().into_iter().filter(|file| file.is_secret).map(|file| file.key).collect();
    assert!(secrets.contains(&"notifiers secret_file"), "{secrets:?}");

    let wrong = "[duty]\nwait = \"10s\"\n[notifiers.A]\nkind = \"sms\"\n[notifiers.b]\nkind = \"file\"\nurl = \"x\"\n\
        [notifiers.c]\nkind = \"webhook\"\nurl = \"https://me:secret@sms.example\"\nsecret_file = \"s\"\n\
        root_certificates = \"r\"\ntimeout = \"2m\"\n";
    let problems = Config::parse(Some(&(file() + wrong)), &BTreeMap::new()).unwrap_err();
    let expected = [
        "duty.wait",
        "notifiers.A",
        "notifiers.A.kind",
        "notifiers.b.url",
        "notifiers.b.path",
        "notifiers.c.timeout",
        "notifiers.c.url",
    ];
    assert_eq!(keys(&problems), expected);
    assert!(!problems.to_string().contains("secret"), "{problems}");
}

#[test]
fn the_duty_page_is_off_unless_it_has_an_address_and_then_shows_a_certificate() {
    assert_eq!(Config::parse(Some(&file()), &BTreeMap::new()).unwrap().duty.page, None);
    let page = "[duty_page]\nlisten = \"0.0.0.0:8443\"\ncertificate = \"tls/page.pem\"\nkey = \"tls/page.key\"\n";
    let config = Config::parse(Some(&(file() + page)), &BTreeMap::new()).unwrap();
    let expected = DutyPage {
        listen: "0.0.0.0:8443".parse().unwrap(),
        certificate: "/srv/moh/tls/page.pem".into(),
        key: "/srv/moh/tls/page.key".into(),
    };
    assert_eq!(config.duty.page, Some(expected));
    let secrets: Vec<_> = config.files().into_iter().filter(|file| file.is_secret).map(|file| file.key).collect();
    assert!(secrets.contains(&"duty_page.key"), "{secrets:?}");
    let wrong = "[duty_page]\nlisten = \"8443\"\n[systems.\"moh/duty-page\"]\nroles = [\"decide\"]\n";
    let problems = Config::parse(Some(&(file() + wrong)), &BTreeMap::new()).unwrap_err();
    let expected = ["duty_page.listen", "duty_page.certificate", "duty_page.key", "systems.\"moh/duty-page\""];
    assert_eq!(keys(&problems), expected);
}
