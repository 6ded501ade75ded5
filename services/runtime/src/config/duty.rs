//! How people on duty are told: where rosters are, how long is waited for a person, by which ways people are reached,
//! and where they open the duty page.

use std::{collections::BTreeMap, net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use jiff::SignedDuration;
use nhipcau_domain::id::is_label;
use toml::{Table, Value};

use super::{document::NOTIFIERS, section::Reader, value};

/// The section of the duty page.
const PAGE: &str = "duty_page";
/// Shortest and longest wait for a person.
const WAITS: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 3600);
/// Longest attempt: one that is begun late in a tick ends before the next.
const LONGEST: Duration = Duration::from_secs(15);
const TIMEOUT: Duration = Duration::from_secs(10);

/// How people on duty are told.
#[derive(Debug, Clone)]
pub struct Duty {
    /// Where the rosters are.
    pub rosters: PathBuf,
    /// How long whoever was told has until the next is told.
    pub wait: SignedDuration,
    /// The ways, by the name that rosters call them.
    pub notifiers: BTreeMap<String, Notifier>,
    /// Where they see what waits, if anywhere.
    pub page: Option<DutyPage>,
}

/// Where people on duty see what waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyPage {
    /// Address to listen at.
    pub listen: SocketAddr,
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// A way of telling people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notifier {
    /// A line in a file.
    File {
        /// Which.
        path: PathBuf,
    },
    /// A signed POST over TLS.
    Webhook {
        /// Where to; begins with `https://` and has no login.
        url: String,
        /// File with `whsec_` and the key in base64.
        secret_file: PathBuf,
        /// Certificates that the server's must be signed by, PEM.
        root_certificates: PathBuf,
        /// Of a whole attempt.
        timeout: Duration,
    },
}

pub(super) fn read(from: &mut Reader<'_>) -> Duty {
    let wait = from.duration("duty", "wait");
    if wait != Duration::MAX && !WAITS.contains(&wait) {
        from.problems.add("duty.wait", "must be \"1m\" to \"24h\"");
    }
    let mut notifiers = BTreeMap::new();
    for (name, content) in from.document.get(NOTIFIERS).and_then(Value::as_table).into_iter().flatten() {
        let path = format!("{NOTIFIERS}.{name}");
        if !is_label(name) {
            from.problems.add(&path, "must be a name of a-z, 0-9 and '-', at most 32");
        }
        match content.as_table() {
            Some(content) => notifiers.extend(notifier(&path, content, from).map(|it| (name.clone(), it))),
            None => from.problems.add(path, "must be a section"),
        }
    }
    let (rosters, wait) = (from.path("duty", "rosters"), SignedDuration::from_secs(seconds(wait)));
    Duty { rosters, wait, notifiers, page: page(from) }
}

fn page(from: &mut Reader<'_>) -> Option<DutyPage> {
    if from.text(PAGE, "listen").is_empty() {
        return None;
    }
    let listen = from.address(PAGE, "listen");
    for key in ["certificate", "key"] {
        from.required(PAGE, key);
    }
    Some(DutyPage { listen: listen?, certificate: from.path(PAGE, "certificate"), key: from.path(PAGE, "key") })
}

fn seconds(wait: Duration) -> i64 {
    wait.min(*WAITS.end()).as_secs().try_into().unwrap_or_default()
}

fn notifier(path: &str, content: &Table, from: &mut Reader<'_>) -> Option<Notifier> {
    let kind = content.get("kind").and_then(Value::as_str);
    let known: &[&str] = match kind {
        Some("file") => &["kind", "path"],
        Some("webhook") => &["kind", "url", "secret_file", "root_certificates", "timeout"],
        _ => {
            from.problems.add(format!("{path}.kind"), "must be \"file\" or \"webhook\"");
            return None;
        }
    };
    for key in content.keys().filter(|key| !known.contains(&key.as_str())) {
        from.problems.add(format!("{path}.{key}"), "is not a key");
    }
    let mut required = |key: &str| {
        let text = content.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        if text.is_none() {
            from.problems.add(format!("{path}.{key}"), "is required");
        }
        text
    };
    if kind == Some("file") {
        let file = required("path")?;
        return Some(Notifier::File { path: from.home.join(file) });
    }
    let (url, secret, roots) = (required("url"), required("secret_file"), required("root_certificates"));
    let timeout = match content.get("timeout") {
        None => Some(TIMEOUT),
        Some(given) => given.as_str().and_then(value::duration),
    };
    let timeout = timeout.filter(|timeout| !timeout.is_zero() && *timeout <= LONGEST);
    if timeout.is_none() {
        from.problems.add(format!("{path}.timeout"), "must be a duration of \"15s\" at most");
    }
    let url = url.filter(|url| {
        let fits = crate::notify::is_address(url);
        if !fits {
            from.problems.add(format!("{path}.url"), "must begin with https:// and contain no login");
        }
        fits
    });
    Some(Notifier::Webhook {
        url: url?.to_owned(),
        secret_file: from.home.join(secret?),
        root_certificates: from.home.join(roots?),
        timeout: timeout?,
    })
}
