//! Which programs there are: this one, its SQLite, the store it would open, a nats-server on the same machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use nhipcau_domain::id::ContractId;
use nhipcau_messaging::store::{self, Location};
use nhipcau_runtime::{access_point::location, config::Config, telemetry::chain};
use nhipcau_switchboard::placement;

use crate::check::Finding;

/// SHA-256 of the nats-server that `make setup` fetches for tests and the sandbox: a third party's rebuild.
const REBUILD: &str = "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda";

/// This program, its SQLite and the store.
pub(super) fn versions(config: &Config) -> Vec<Finding> {
    let own = format!("nhipcau {}, SQLite {}", env!("CARGO_PKG_VERSION"), store::sqlite_version());
    let store = match location(&config.store) {
        Ok(location) => store(&location),
        Err(error) => Finding::problem("store", chain(&error).to_string(), "correct [store] in the configuration"),
    };
    vec![Finding::good("versions", own), store]
}

/// Read-only, so that a running process is not fenced off.
fn store(location: &Location) -> Finding {
    match store::version(location) {
        Ok(None) => Finding::good("store", "there is no store yet; the first start makes it"),
        Ok(Some(version)) => {
            Finding::good("store", format!("the store can be read; its tables have version {version}"))
        }
        Err(error) => {
            let advice = match location {
                Location::File(_) => {
                    "look at the disk; if the file is broken, put the newest backup back: peers return what it lacks"
                }
                Location::Server(_) => "look at the server, and whether this machine's user may use the database",
            };
            Finding::problem("store", format!("the store cannot be read: {}", chain(&error)), advice)
        }
    }
}

/// Contracts of which the directory lets a newer minor version be sent than this program knows. `sent`: the newest of a
/// contract that may be sent.
pub(super) fn contracts(sent: impl Fn(&ContractId) -> Option<u32>) -> Vec<Finding> {
    let known = [
        (nhipcau_indicators::CONTRACT, nhipcau_indicators::MINOR),
        (placement::CONTRACT, placement::MINOR),
        (nhipcau_referrals::CONTRACT, nhipcau_referrals::MINOR),
        (nhipcau_switchboard::CONTRACT, nhipcau_switchboard::MINOR),
    ];
    let mut found = Vec::new();
    for (name, known) in known {
        let sent = ContractId::new(name).ok().and_then(|contract| sent(&contract)).unwrap_or_default();
        if sent > known {
            let what = format!("the directory lets minor {sent} of {name} be sent, and this program knows {known}");
            let advice = "update nhipcau here: cases wait behind what this program does not know";
            found.push(Finding::warning("contracts", what, advice));
        }
    }
    found
}

/// The nats-server that is named, or on PATH.
pub(super) fn server(named: Option<PathBuf>, production: bool) -> Vec<Finding> {
    let Some(path) = named.or_else(on_path) else {
        return vec![Finding::good("nats-server", "there is none on this machine")];
    };
    let Ok(bytes) = fs::read(&path) else {
        let what = format!("{} cannot be read", path.display());
        return vec![Finding::warning("nats-server", what, "name the file with --nats-server")];
    };
    vec![judged(&path, &hex::encode(digest::digest(&digest::SHA256, &bytes)), production)]
}

fn judged(path: &Path, digest: &str, production: bool) -> Finding {
    let path = path.display();
    let what = format!("{path} is the rebuild for tests and the sandbox");
    let advice = "install the official nats-server and compare its published checksum";
    match (digest == REBUILD, production) {
        (false, _) => {
            Finding::good("nats-server", format!("{path} has SHA-256 {digest}; compare it with the publisher's"))
        }
        (true, false) => Finding::warning("nats-server", what, advice),
        (true, true) => Finding::problem("nats-server", what, advice),
    }
}

fn on_path() -> Option<PathBuf> {
    let places = env::var_os("PATH")?;
    env::split_paths(&places).map(|place| place.join("nats-server")).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Severity;

    const SETUP: &str = include_str!("../../../../deploy/dev/setup");

    #[test]
    fn a_directory_that_is_ahead_of_this_program_is_told_by_contract() {
        let ahead = |contract: &ContractId| {
            let minor = nhipcau_referrals::MINOR;
            Some(if contract.as_str() == nhipcau_referrals::CONTRACT { minor + 1 } else { 0 })
        };
        let found = contracts(ahead);
        assert_eq!(found.len(), 1);
        assert!(found[0].severity == Severity::Warning && found[0].to_string().contains(nhipcau_referrals::CONTRACT));
        assert!(contracts(|_| None).is_empty());
    }

    #[test]
    fn the_rebuild_is_the_one_that_setup_fetches() {
        assert!(SETUP.contains(&format!("nats_inner={REBUILD}\n")));
    }

    #[test]
    fn the_rebuild_is_refused_in_production_only() {
        let path = Path::new("/usr/bin/nats-server");
        assert_eq!(judged(path, REBUILD, true).severity, Severity::Problem);
        assert_eq!(judged(path, REBUILD, false).severity, Severity::Warning);
        assert_eq!(judged(path, &"00".repeat(32), true).severity, Severity::Good);
    }

    #[test]
    fn a_file_that_is_no_store_is_a_problem_and_a_missing_one_is_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("store.db");
        let location = Location::from(&path);
        assert_eq!(store(&location).severity, Severity::Good);
        fs::write(&path, "not a store").unwrap();
        assert_eq!(store(&location).severity, Severity::Problem);
    }
}
