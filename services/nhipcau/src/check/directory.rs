//! The directory of an access point: whether it verifies, as a start verifies it, and whether it knows the own keys.
//! How old it is keeps nothing from starting: that is for `doctor`.

use jiff::Timestamp;
use nhipcau_domain::directory::{Error as Refused, Release};
use nhipcau_messaging::{crypto::seal, keys::KeyRing};
use nhipcau_runtime::{
    config::Config,
    directory::{self, Error},
    keys,
    telemetry::chain,
};

use super::Finding;
use crate::registry;

/// Verifies the directory and reads its tables, as a start would.
pub(super) fn release(config: &Config, now: Timestamp) -> Result<Release, Finding> {
    let was_started = keys::was_started(&config.keys.directory);
    let problem = |what: String, advice: &str| Finding::problem("directory", what, advice);
    let release = directory::load(&config.directory, now, was_started)
        .map_err(|error| problem(chain(&error).to_string(), advice(&error)))?;
    let unread = "copy the tables that came with the release into attachments/ again";
    match registry::read(&config.directory, &release) {
        Ok(_) => Ok(release),
        Err(error) => Err(problem(format!("{error:#}"), unread)),
    }
}

fn advice(error: &Error) -> &'static str {
    match error {
        Error::Read { .. } | Error::None(_) => {
            "put every signed release since the compared root into releases/, readable by the service's user"
        }
        Error::Refused { source: Refused::FingerprintMismatch, .. } => {
            "compare directory.fingerprint with the signers, by telephone or on paper, before you change anything"
        }
        Error::Refused { source: Refused::Expired, .. } => {
            "ask the signers for a newer release: trust does not begin with an expired one"
        }
        Error::Write { .. } => "let the service's user write into the directory; releases that arrive are kept there",
        Error::Misnamed(_) => "name every release by its number in eight digits, as `directory install` does",
        Error::Refused { .. } => "fetch the release anew from two sources; if it is refused again, call the signers",
    }
}

/// Whether the release knows this access point under the keys that it has.
pub(super) fn own_keys(config: &Config, ring: &KeyRing, release: &Release, now: Timestamp) -> Vec<Finding> {
    let (id, mut found) = (&config.access_point, Vec::new());
    let enter = "send the output of `nhipcau keys show` to the signers and wait for their release";
    let Some(me) = release.access_point(id) else {
        let what = format!("release {} does not name the access point {id}", release.version());
        return vec![Finding::problem("directory", what, format!("correct access_point.name, or {enter}"))];
    };
    match release.signing_key(id, ring.signing.id()) {
        Some(known) if known.public != ring.signing.public() => found.push(Finding::problem(
            "keys",
            format!("the release has another key under the name {}", known.id),
            "put the right keys back; a new key needs a new name and a new release",
        )),
        Some(known) if !known.usable(now) => found.push(Finding::warning(
            "keys",
            format!("the signing key {} is not in force now: nobody believes what it signs", known.id),
            "if it was revoked, make new keys; if it has not started or has expired, ask the signers for a release",
        )),
        Some(_) => {}
        None => {
            let what = format!("the release does not know the signing key {}", ring.signing.id());
            found.push(Finding::problem("keys", what, enter));
        }
    }
    match me.sealing_keys().find(|epoch| epoch.usable(now)) {
        None => {
            found.push(Finding::warning("keys", "the release has no sealing key in force for this access point", enter))
        }
        Some(epoch) => {
            let own = ring.sealing.iter().find(|secret| secret.id == epoch.id);
            let fits = own.is_some_and(|secret| seal::public_key(&secret.private).ok() == Some(epoch.public));
            if !fits {
                let what = format!("others seal to the key {}, whose private half is not in keys/sealing", epoch.id);
                found.push(Finding::problem("keys", what, "put it back from the backup of the keys"));
            }
        }
    }
    found
}
