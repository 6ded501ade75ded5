//! The files that an access point stands on: those the configuration names, keys, the directory.

use std::{error::Error as StdError, io};

use jiff::Timestamp;
use nhipcau_domain::directory::Release;
use nhipcau_runtime::{
    config::Config,
    keys::{self, Error as KeysError},
    private_file,
    telemetry::chain,
};

use super::{Finding, directory, rosters};

/// Looks at everything that must be there before the access point starts. All of it, whatever is found; with the
/// release in use, if there is one.
pub(crate) fn files(config: &Config, now: Timestamp) -> (Vec<Finding>, Option<Release>) {
    let mut found = configured(config);
    let keys = keys::load(&config.keys.directory, &config.keys.kek);
    let release = directory::release(config, now);
    match &keys {
        Ok(ring) => {
            found.push(Finding::good("keys", format!("keys can be read; signing key {}", ring.signing.id())));
            if let Ok(release) = &release {
                found.extend(directory::own_keys(config, ring, release, now));
            }
        }
        Err(error) => {
            found.push(Finding::problem("keys", chain(error).to_string(), for_keys(error, config)));
        }
    }
    let release = release.map_err(|finding| found.push(finding)).ok();
    found.extend(release.iter().flat_map(|release| rosters::look(config, release, now)));
    (found, release)
}

fn configured(config: &Config) -> Vec<Finding> {
    let Err(problems) = config.check_files() else {
        return vec![Finding::good("configuration", "every file that the configuration names can be read")];
    };
    let problem = |problem: &nhipcau_runtime::config::Problem| {
        Finding::problem("configuration", problem.to_string(), "put the file there, or correct the configuration")
    };
    problems.listed().iter().map(problem).collect()
}

fn for_keys(error: &KeysError, config: &Config) -> String {
    let missing = match error {
        KeysError::File { source: private_file::Error::Read(source), .. } | KeysError::List { source, .. } => {
            source.kind() == io::ErrorKind::NotFound
        }
        KeysError::None(_) => true,
        _ => false,
    };
    let home = config.home.display();
    if missing && error.source().is_some() {
        format!("make keys with `nhipcau keys generate --home {home}`, or put the backup of the keys back")
    } else {
        "put the file back from the backup of the keys, owned by the service's user, mode 600".to_owned()
    }
}
