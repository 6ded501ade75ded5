//! The sections of the effective document as types. Each reads all of its keys before it gives up, so that every
//! problem is found.

use std::{collections::BTreeSet, net::SocketAddr, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

use jiff::SignedDuration;
use nhipcau_domain::{id::is_label, referral::CITATION};
use nhipcau_messaging::{
    engine::Limits,
    nats::{ClientCertificate, Connection, Credential},
    quota::Rate,
    store,
};
use toml::{Table, Value};

use super::{
    Alarm, Config, Directory, Format, Keys, Server, Shutdown, Store, StoreServer, Telemetry, document::SYSTEMS, duty,
    problem::Problems, value,
};
use crate::caller::{DUTY_PAGE, Role, Roles, SystemName, Systems};

/// Sizes of what has no natural limit.
const ANY_SIZE: (RangeInclusive<usize>, &str) = (64 << 10..=1 << 50, "\"64KiB\" and \"1048576GiB\"");
/// Calls in a second, or in a row.
const RATES: RangeInclusive<u32> = 1..=1_000_000;

/// The configuration, unless something in it cannot be read at all.
pub(super) fn read(document: &Table, problems: &mut Problems) -> Option<Config> {
    let mut from = Reader { document, problems, home: PathBuf::new() };
    let name = from.parsed("access_point", "name", "an access point's name of a-z, 0-9 and '-'");
    from.home = from.required("access_point", "home").map(PathBuf::from).unwrap_or_default();
    let services = from.list("access_point", "services");
    let store = store(&mut from);
    let outbox = Limits {
        messages: from.number("outbox", "messages", 1..=10_000_000),
        // No less than a few of the largest messages.
        bytes: from.size("outbox", "bytes", (1 << 20..=1 << 50, "\"1MiB\" and \"1048576GiB\"")) as u64,
    };
    let days: u32 = from.number("keys", "epoch", 0..=90);
    if (1..8).contains(&days) {
        from.problems.add("keys.epoch", "must be 0, or 8 to 90");
    }
    let epoch = (days > 0).then(|| SignedDuration::from_hours(i64::from(days) * 24));
    let keys = Keys { directory: from.path("keys", "directory"), kek: from.path("keys", "kek"), epoch };
    if keys.directory == keys.kek {
        from.problems.add("keys.kek", "must be another directory than keys.directory");
    }
    let directory = from.path("directory", "path");
    let fingerprint = from.parsed("directory", "fingerprint", "64 hexadecimal digits, in groups or not");
    let broker = broker(&mut from);
    let server = server(&mut from);
    let metrics = from.text("metrics", "listen");
    let metrics = if metrics.is_empty() { Some(None) } else { from.address("metrics", "listen").map(Some) };
    let duty = duty::read(&mut from);
    let alarm = alarm(&mut from);
    let telemetry = telemetry(&mut from);
    let shutdown = Shutdown { pause: from.duration("shutdown", "pause"), grace: from.duration("shutdown", "grace") };
    if shutdown.grace.is_zero() {
        from.problems.add("shutdown.grace", "must not be zero");
    }
    let systems = systems(&mut from);
    let home = from.home;
    let mut broker = broker?;
    let access_point = name?;
    broker.name = nhipcau_domain::id::AccessPointId::as_str(&access_point).to_owned();
    Some(Config {
        access_point,
        home,
        services,
        store,
        outbox,
        keys,
        directory: Directory { path: directory, fingerprint: fingerprint? },
        broker,
        server: server?,
        metrics: metrics?,
        duty,
        alarm: alarm?,
        telemetry: telemetry?,
        shutdown,
        systems,
        printed: String::new(),
    })
}

fn alarm(from: &mut Reader<'_>) -> Option<Alarm> {
    let service = from.text("alarm", "service").to_owned();
    if !is_label(&service) {
        from.problems.add("alarm.service", "must be a service of a-z, 0-9 and '-', at most 32");
    }
    let citation = from.text("alarm", "citation").to_owned();
    if !(1..=CITATION).contains(&citation.chars().count()) {
        from.problems.add("alarm.citation", "must be an article, at most 200 characters");
    }
    let purpose = from.parsed("alarm", "purpose", "a purpose of a-z, 0-9 and '-'");
    Some(Alarm { service, purpose: purpose?, citation })
}

fn store(from: &mut Reader<'_>) -> Store {
    let readers = from.number("store", "readers", 1..=64);
    let url = from.text("store", "url");
    let [password_file, root_certificates] = ["password_file", "root_certificates"]
        .map(|key| (!from.text("store", key).is_empty()).then(|| from.path("store", key)));
    let server = (!url.is_empty()).then(|| StoreServer { url: url.to_owned(), password_file, root_certificates });
    let fault = server
        .as_ref()
        .and_then(|server| store::Server::new(&server.url, None, server.root_certificates.clone()).err());
    if let Some(store::Error::Address(fault)) = fault {
        from.problems.add("store.url", fault);
    }
    let floor = from.size("store", "floor", ANY_SIZE) as u64;
    Store { path: from.path("store", "path"), server, readers, floor }
}

fn broker(from: &mut Reader<'_>) -> Option<Connection> {
    let servers = from.list("broker", "servers");
    if servers.is_empty() {
        from.problems.add("broker.servers", "is required");
    }
    if servers.iter().any(|server| !server.starts_with("tls://")) {
        from.problems.add("broker.servers", "must be addresses that begin with tls://");
    }
    if servers.iter().any(|server| server.contains('@')) {
        from.problems.add("broker.servers", "must not contain a login; name the file that holds it");
    }
    from.required("broker", "root_certificates");
    let root_certificates = from.path("broker", "root_certificates");
    let [certificate, key, nkey, user, password] =
        ["certificate", "key", "nkey", "user", "password_file"].map(|key| from.text("broker", key));
    if certificate.is_empty() != key.is_empty() {
        from.problems.add("broker.certificate", "and broker.key must be given together");
    }
    let client_certificate = (!certificate.is_empty()).then(|| ClientCertificate {
        certificate: from.path("broker", "certificate"),
        key: from.path("broker", "key"),
    });
    let credential = match (nkey.is_empty(), user.is_empty(), password.is_empty()) {
        (false, true, true) => Credential::Nkey(from.path("broker", "nkey")),
        (true, false, false) => {
            Credential::Password { user: user.to_owned(), file: from.path("broker", "password_file") }
        }
        _ => {
            from.problems.add("broker.nkey", "is required, or broker.user with broker.password_file instead");
            return None;
        }
    };
    Some(Connection { name: String::new(), servers, root_certificates, client_certificate, credential })
}

fn server(from: &mut Reader<'_>) -> Option<Server> {
    let listen = from.address("server", "listen");
    for key in ["certificate", "key", "client_authorities"] {
        from.required("server", key);
    }
    let timeout = from.duration("server", "timeout");
    if timeout.is_zero() {
        from.problems.add("server.timeout", "must not be zero");
    }
    let server = |from: &mut Reader<'_>, listen| Server {
        listen,
        certificate: from.path("server", "certificate"),
        key: from.path("server", "key"),
        client_authorities: from.path("server", "client_authorities"),
        timeout,
        rate: rate(from.number("server", "rate", RATES), from.number("server", "burst", RATES)),
        connections: from.number("server", "connections", 1..=65_536),
        concurrency: from.number("server", "concurrency", 1..=65_536),
        streams: from.number("server", "streams", 1..=65_536),
        watches: from.number("server", "watches", 1..=65_536),
        message_bytes: from.size("server", "message_limit", (64 << 10..=64 << 20, "\"64KiB\" and \"64MiB\"")),
        requests_bytes: from.size("server", "requests_limit", (256 << 10..=1 << 30, "\"256KiB\" and \"1GiB\"")),
        reflection: from.document.get("server").and_then(|s| s.get("reflection")) == Some(&Value::Boolean(true)),
    };
    let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
    let read = server(from, listen.unwrap_or(unspecified));
    if read.requests_bytes / 8 < read.message_bytes {
        let message = "must be eight times server.message_limit or more: one system may have a quarter of it";
        from.problems.add("server.requests_limit", message);
    }
    listen.map(|_| read)
}

fn telemetry(from: &mut Reader<'_>) -> Option<Telemetry> {
    let filter =
        from.parsed("telemetry", "filter", "a level, or levels by target such as info,nhipcau_messaging=debug");
    let format = match from.text("telemetry", "format") {
        "json" => Some(Format::Json),
        "text" => Some(Format::Text),
        _ => {
            from.problems.add("telemetry.format", "must be \"json\" or \"text\"");
            None
        }
    };
    Some(Telemetry { filter: filter?, format: format? })
}

fn systems(from: &mut Reader<'_>) -> Systems {
    let mut read = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, content) in from.document.get(SYSTEMS).and_then(Value::as_table).into_iter().flatten() {
        let path = format!("{SYSTEMS}.\"{name}\"");
        let Ok(system) = name.parse::<SystemName>() else {
            from.problems.add(path, "is not a name of the form party/system");
            continue;
        };
        if system.system.as_str() == DUTY_PAGE {
            from.problems.add(&path, "has the name under which the duty page calls");
        }
        // A message's id is derived from the system and its request id, without the party.
        if !seen.insert(system.system.clone()) {
            from.problems.add(&path, "has the name of another party's system");
        }
        let Some(content) = content.as_table() else {
            from.problems.add(path, "must be a section");
            continue;
        };
        for key in content.keys().filter(|key| !["roles", "rate", "burst"].contains(&key.as_str())) {
            from.problems.add(format!("{path}.{key}"), "is not a key");
        }
        let own = own_rate(&path, content, from);
        let listed = content.get("roles").and_then(Value::as_array);
        let roles: Option<Roles> = listed.and_then(|listed| {
            listed.iter().map(|role| role.as_str().and_then(|text| text.parse::<Role>().ok())).collect()
        });
        match roles {
            Some(roles) => read.push((system, roles, own)),
            None => from.problems.add(format!("{path}.roles"), format!("must be a list; each {}", expected_role())),
        }
    }
    read.into_iter().collect()
}

/// So many a second, and in a row.
fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { burst, refill: Duration::from_secs(1) / per_second.max(1) }
}

/// The rate that a system has of its own; what it does not name it has like everybody.
fn own_rate(path: &str, content: &Table, from: &mut Reader<'_>) -> Option<Rate> {
    let keys = ["rate", "burst"];
    if keys.iter().all(|key| !content.contains_key(*key)) {
        return None;
    }
    let [per_second, burst] = keys.map(|key| match content.get(key) {
        None => from.get("server", key).and_then(Value::as_integer).and_then(|number| u32::try_from(number).ok()),
        Some(value) => {
            let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| RATES.contains(number));
            if number.is_none() {
                from.problems.add(format!("{path}.{key}"), format!("must be {} to {}", RATES.start(), RATES.end()));
            }
            number
        }
    });
    Some(rate(per_second?, burst?))
}

fn expected_role() -> String {
    format!("one of {}", Role::ALL.map(Role::as_str).join(", "))
}

pub(super) struct Reader<'d> {
    pub(super) document: &'d Table,
    pub(super) problems: &'d mut Problems,
    pub(super) home: PathBuf,
}

impl<'d> Reader<'d> {
    fn get(&self, section: &str, key: &str) -> Option<&'d Value> {
        self.document.get(section)?.get(key)
    }

    pub(super) fn text(&self, section: &str, key: &str) -> &'d str {
        self.get(section, key).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn required(&mut self, section: &str, key: &str) -> Option<&'d str> {
        let text = self.text(section, key);
        if text.is_empty() {
            self.problems.add(format!("{section}.{key}"), "is required");
            return None;
        }
        Some(text)
    }

    fn parsed<T: FromStr>(&mut self, section: &str, key: &str, expected: &str) -> Option<T> {
        let parsed = self.required(section, key)?.parse().ok();
        if parsed.is_none() {
            self.problems.add(format!("{section}.{key}"), format!("must be {expected}"));
        }
        parsed
    }

    pub(super) fn address(&mut self, section: &str, key: &str) -> Option<SocketAddr> {
        self.parsed(section, key, "an address with a port, such as 127.0.0.1:7443")
    }

    /// A path, relative ones from the home.
    pub(super) fn path(&self, section: &str, key: &str) -> PathBuf {
        self.home.join(self.text(section, key))
    }

    fn list(&mut self, section: &str, key: &str) -> Vec<String> {
        let elements = self.get(section, key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let texts: Vec<String> = elements.iter().filter_map(|e| e.as_str().map(str::to_owned)).collect();
        if texts.len() != elements.len() {
            self.problems.add(format!("{section}.{key}"), "must be a list of texts");
        }
        texts
    }

    fn number<T: TryFrom<i64> + PartialOrd + Default + std::fmt::Display>(
        &mut self,
        section: &str,
        key: &str,
        range: RangeInclusive<T>,
    ) -> T {
        let number = self.get(section, key).and_then(Value::as_integer).and_then(|number| T::try_from(number).ok());
        number.filter(|number| range.contains(number)).unwrap_or_else(|| {
            self.problems.add(format!("{section}.{key}"), format!("must be {} to {}", range.start(), range.end()));
            T::default()
        })
    }

    pub(super) fn duration(&mut self, section: &str, key: &str) -> Duration {
        value::duration(self.text(section, key)).unwrap_or_else(|| {
            self.problems.add(format!("{section}.{key}"), "must be a duration such as \"30s\"");
            // Not zero, which would be a second problem.
            Duration::MAX
        })
    }

    fn size(&mut self, section: &str, key: &str, (range, said): (RangeInclusive<usize>, &str)) -> usize {
        let size = value::size(self.text(section, key)).filter(|size| range.contains(size));
        size.unwrap_or_else(|| {
            self.problems.add(format!("{section}.{key}"), format!("must be a size between {said}"));
            0
        })
    }
}
