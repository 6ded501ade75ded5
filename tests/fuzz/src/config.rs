//! Configuration: what is taken is printed as a file that is taken for the same; what is refused is listed without the
//! values.

use std::collections::BTreeMap;

use nhipcau_runtime::config::Config;

/// A file of this text, with no environment; also as the value of one variable of the environment.
pub fn property(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(config) = Config::parse(Some(text), &BTreeMap::new()) {
        let again = Config::parse(Some(config.printed()), &BTreeMap::new()).expect("what is printed is taken");
        assert_eq!(again.printed(), config.printed());
    }
    for name in
        ["NHIPCAU_BROKER__SERVERS", "NHIPCAU_SERVER__TIMEOUT", "NHIPCAU_STORE__FLOOR", "NHIPCAU_TELEMETRY__FILTER"]
    {
        let environment = BTreeMap::from([(name.to_owned(), text.to_owned())]);
        let problems = Config::parse(Some(WHOLE), &environment);
        // Shorter ones may be part of a rule that is explained.
        if let Err(problems) = problems
            && text.len() > 24
        {
            assert!(!problems.to_string().contains(text), "a value is not repeated");
        }
    }
}

const WHOLE: &str = r#"
[access_point]
name = "moh"
home = "/srv/moh"
[directory]
fingerprint = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
[broker]
servers = ["tls://nats.example:4222"]
root_certificates = "tls/nats.pem"
nkey = "keys/nats.nk"
[systems."moh/hotline"]
roles = ["submit", "read-metadata"]
rate = 10
"#;

/// A whole file, the defaults, and values.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let texts =
        [WHOLE, nhipcau_runtime::config::DEFAULTS, "30s", "512MiB", "info,nhipcau=debug", "tls://a:1,tls://b:2"];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_taken_so_that_the_property_says_something() {
        assert!(Config::parse(Some(WHOLE), &BTreeMap::new()).is_ok());
    }
}
