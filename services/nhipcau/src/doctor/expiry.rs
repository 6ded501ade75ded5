//! What ends by itself: every certificate that the access point shows or trusts, the release of its directory, keys.
//!
//! Said 60, 30 and 7 days before, so that whoever issues the next one can be asked in time; what has ended is a
//! problem. A running access point takes renewed ones by itself. Of keys, those are looked at that nothing replaces by
//! itself.

use std::path::Path;

use jiff::Timestamp;
use nhipcau_domain::directory::Release;
use nhipcau_messaging::nats::ClientCertificate;
use nhipcau_runtime::{
    config::Config,
    telemetry::chain,
    validity::{self, Validity},
};

use crate::{check::Finding, serve::ending, terminal::counted};

const DIRECTORY: &str = "have two signers sign the next release";
const KEYS: &str =
    "have the next signing key listed in a release beside it, or begin a sealing epoch with `keys rotate`";

/// Looks at the certificates.
pub(super) fn certificates(config: &Config, now: Timestamp) -> Vec<Finding> {
    let own = [("server.certificate", &config.server.certificate)].into_iter();
    let own = own.chain(config.broker.client_certificate.iter().map(|it| {
        let ClientCertificate { certificate, .. } = it;
        ("broker.certificate", certificate)
    }));
    let own = own.chain(config.duty.page.iter().map(|page| ("duty_page.certificate", &page.certificate)));
    let trusted = [
        ("server.client_authorities", &config.server.client_authorities),
        ("broker.root_certificates", &config.broker.root_certificates),
    ];
    let own = own.flat_map(|(key, path)| look(key, path, now, shown));
    own.chain(trusted.into_iter().flat_map(|(key, path)| look(key, path, now, trusted_ones))).collect()
}

/// Looks at the release in use. An expired one carries known keys on, and nothing new begins under it.
pub(super) fn release(release: &Release, now: Timestamp) -> Finding {
    let name = format!("release {}", release.version());
    left("directory", &name, release.expire_time(), now, DIRECTORY)
}

/// Looks at the keys that nothing replaces by itself.
pub(super) fn keys(config: &Config, release: &Release, now: Timestamp) -> Vec<Finding> {
    let ends = |(key, end)| left("keys", &format!("the key {key}"), end, now, KEYS);
    ending(&config.access_point, &config.keys, release).into_iter().map(ends).collect()
}

fn look(
    key: &str,
    path: &Path,
    now: Timestamp,
    judge: fn(&str, &[Validity], Timestamp) -> Vec<Finding>,
) -> Vec<Finding> {
    match validity::of_file(path) {
        Ok(found) if !found.is_empty() => judge(key, &found, now),
        Ok(_) => vec![unreadable(key, "it holds no certificate")],
        Err(error) => vec![unreadable(key, &chain(&error).to_string())],
    }
}

fn unreadable(key: &str, why: &str) -> Finding {
    Finding::problem("certificates", format!("{key}: {why}"), "put the PEM file of the certificates there again")
}

/// A chain is good for as long as each of its certificates.
fn shown(key: &str, chain: &[Validity], now: Timestamp) -> Vec<Finding> {
    let advice = "have a new certificate issued and put it there with its key";
    let first = chain.iter().map(|it| it.end).min().unwrap_or(now);
    match chain.iter().find(|it| now < it.start) {
        Some(early) => {
            let what = format!("{key} is good only from {} on", early.start);
            vec![Finding::problem("certificates", what, "look at the clock, and at who issued it")]
        }
        None => vec![left("certificates", key, first, now, advice)],
    }
}

/// Authorities stand beside each other while one replaces the other; what the last one signed ends with it.
fn trusted_ones(key: &str, authorities: &[Validity], now: Timestamp) -> Vec<Finding> {
    let advice = "put the next authority beside it and have new certificates issued by that one";
    let good: Vec<Timestamp> = authorities.iter().map(|it| it.end).filter(|end| now < *end).collect();
    let mut found: Vec<Finding> = good.iter().map(|end| left("certificates", key, *end, now, advice)).collect();
    if let (true, Some(end)) = (good.is_empty(), authorities.iter().map(|it| it.end).max()) {
        found.push(left("certificates", key, end, now, advice));
    } else if good.len() < authorities.len() {
        let what = format!("{key} holds an authority that has expired, beside one that has not");
        found.push(Finding::warning("certificates", what, "take it out when nobody shows its certificates any more"));
    }
    found
}

fn left(check: &'static str, what: &str, end: Timestamp, now: Timestamp, advice: &str) -> Finding {
    if end <= now {
        return Finding::problem(check, format!("{what} has expired at {end}"), advice);
    }
    let days = end.duration_since(now).as_hours() / 24;
    let said = format!("{what} expires in {}", counted(days, "day"));
    match days {
        ..7 => Finding::warning(check, said, format!("today: {advice}")),
        7..30 => Finding::warning(check, said, format!("this week: {advice}")),
        30..60 => Finding::warning(check, said, format!("this month: {advice}")),
        60.. => Finding::good(check, format!("{what} is good for {}", counted(days, "more day"))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::SignedDuration;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;
    use crate::check::Severity::{self, Good, Problem, Warning};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A file of certificates, each good for the year that it is named by.
    fn file(years: &[i32]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let one = |year: &i32| {
            let mut params = CertificateParams::default();
            (params.not_before, params.not_after) = (date_time_ymd(*year, 1, 1), date_time_ymd(year + 1, 1, 1));
            params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
        };
        fs::write(file.path(), years.iter().map(one).collect::<String>()).unwrap();
        file
    }

    fn found(years: &[i32], now: &str, judge: fn(&str, &[Validity], Timestamp) -> Vec<Finding>) -> Vec<Severity> {
        look("it", file(years).path(), at(now), judge).iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn the_end_is_said_in_time_and_more_urgently_towards_it() {
        let now = at("2026-11-23T08:00:00Z");
        let finding = |days: i64| left("certificates", "it", now + SignedDuration::from_hours(24 * days), now, "renew");
        let severities = [61, 60, 59, 30, 7, 1, 0, -1].map(|days| finding(days).severity);
        assert_eq!(severities, [Good, Good, Warning, Warning, Warning, Warning, Problem, Problem]);
        assert_eq!(
            [59, 29, 6].map(|days| finding(days).advice),
            ["this month: renew", "this week: renew", "today: renew"]
        );
    }

    #[test]
    fn a_chain_ends_with_the_first_of_its_certificates() {
        assert_eq!(found(&[2026, 2027], "2026-06-01T00:00:00Z", shown), [Problem], "one is not good yet");
        assert_eq!(found(&[2026], "2026-06-01T00:00:00Z", shown), [Good]);
        assert_eq!(found(&[2026], "2026-12-15T00:00:00Z", shown), [Warning]);
        assert_eq!(found(&[2026, 2026], "2027-01-01T00:00:00Z", shown), [Problem]);
    }

    #[test]
    fn an_authority_may_have_expired_beside_its_successor_only() {
        assert_eq!(found(&[2025, 2026], "2026-06-01T00:00:00Z", trusted_ones), [Good, Warning]);
        assert_eq!(found(&[2026, 2027], "2026-12-15T00:00:00Z", trusted_ones), [Warning, Good]);
        assert_eq!(found(&[2025, 2026], "2027-06-01T00:00:00Z", trusted_ones), [Problem]);
    }

    #[test]
    fn a_file_without_a_certificate_is_a_problem() {
        assert_eq!(found(&[], "2026-06-01T00:00:00Z", trusted_ones), [Problem]);
        let missing = look("it", Path::new("/nowhere/at/all"), at("2026-06-01T00:00:00Z"), shown);
        assert_eq!(missing.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Problem]);
    }
}
