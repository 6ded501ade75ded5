//! `users.conf` of nats-server, from a release and a file with the public halves of the logins.
//!
//! The release says which access points there are; who may log in under which key is the operator's to decide, so that
//! it stands in a file beside. Every access point needs a login, and every login an access point.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context as _;
use nhipcau_domain::{directory::Release, id::AccessPointId};
use nhipcau_messaging::provision::{self, Account, InvalidLogin, Login};
use serde::Deserialize;

use crate::exit::{Code, Failure, OrExit as _};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Logins {
    /// Name of the account at the broker.
    account: String,
    /// JetStream domain of the server, where it has one.
    domain: Option<String>,
    /// The operator's public nkey, or the bcrypt hash of a password.
    operator: String,
    /// The same for each access point.
    access_points: BTreeMap<String, String>,
}

/// The text of `users.conf`.
///
/// # Errors
/// [`Code::Configuration`] with every login that is missing, superfluous or none.
pub(super) fn text(release: &Release, file: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()));
    let ids = release.access_points().map(|access_point| &access_point.id);
    users(ids, &text.or_exit(Code::Configuration)?)
}

fn users<'i>(ids: impl Iterator<Item = &'i AccessPointId>, file: &str) -> Result<String, Failure> {
    let mut logins: Logins = toml::from_str(file).or_exit(Code::Configuration)?;
    let mut problems = Vec::new();
    let mut access_points = BTreeMap::new();
    for id in ids {
        match logins.access_points.remove(id.as_str()).map(|text| login(&text)) {
            Some(Ok(login)) => drop(access_points.insert(id.clone(), login)),
            Some(Err(error)) => problems.push(format!("access_points.{id}: {error}")),
            None => problems.push(format!("access_points.{id}: is missing")),
        }
    }
    problems.extend(logins.access_points.keys().map(|_| "access_points: has a name that the release has not".into()));
    let operator = login(&logins.operator).map_err(|error| problems.push(format!("operator: {error}")));
    match operator {
        Ok(operator) if problems.is_empty() => {
            let account = Account { name: logins.account, domain: logins.domain };
            provision::permissions(&account, &operator, &access_points).or_exit(Code::Configuration)
        }
        _ => Err(Failure::because(Code::Configuration, problems.join("\n"))),
    }
}

/// A public nkey, or the bcrypt hash of a password.
fn login(text: &str) -> Result<Login, InvalidLogin> {
    if text.starts_with('$') { Login::password(text) } else { Login::nkey(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NKEY: &str = "UAKWACZJWRI53QD4R5ADSPSUEPRIOPN2TYUAQ265HTCMCVNXZ5G5YK7H";

    fn ids() -> [AccessPointId; 2] {
        ["moh", "vwu"].map(|id| id.parse().unwrap())
    }

    #[test]
    fn every_access_point_of_the_release_gets_its_permissions() {
        let file =
            format!("account = \"BUS\"\noperator = \"{NKEY}\"\n[access_points]\nmoh = \"{NKEY}\"\nvwu = \"{NKEY}\"\n");
        let text = users(ids().iter(), &file).unwrap();
        assert!(text.contains("nc.v1.*.*.moh") && text.contains("nc.v1.*.*.vwu") && text.contains("_INBOX_operator"));
    }

    #[test]
    fn missing_foreign_and_secret_logins_are_all_reported_and_none_is_repeated() {
        let seed = "SUAKX23JS7BWORRBVQ4EOMCVGRYNOFWC6ONYPQNPOVJF4C2XCGL665XJOI";
        let file =
            format!("account = \"BUS\"\noperator = \"{seed}\"\n[access_points]\nmoh = \"{seed}\"\nelse = \"{NKEY}\"\n");
        let failure = users(ids().iter(), &file).unwrap_err().to_string();
        assert_eq!(failure.lines().count(), 4, "{failure}");
        assert!(!failure.contains(seed) && !failure.contains("else"));
    }
}
