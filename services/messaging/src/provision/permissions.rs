//! The text of nats-server's `users.conf`: what each access point may say and hear at the broker.
//!
//! A fence, not the proof of a sender: the server writes its own answers to whatever reply subject a client names,
//! so that something may stand under another's subject. What counts is the signature of the envelope.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use nhipcau_domain::id::AccessPointId;

use super::{OPERATOR, ReservedName};
use crate::nats::{BROADCAST_STREAM, connection, stream_name, subject};

/// What the operator's login may ask for: to make and change streams and consumers and to look at them. Neither to
/// read messages, nor to purge or delete.
const OPERATOR_MAY: [&str; 10] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.CREATE.*",
    "$JS.API.STREAM.UPDATE.*",
    "$JS.API.STREAM.INFO.*",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.NAMES",
    "$JS.API.CONSUMER.CREATE.>",
    "$JS.API.CONSUMER.INFO.*.*",
    "$JS.API.CONSUMER.LIST.*",
    "$JS.API.CONSUMER.NAMES.*",
];

/// The account of the bus at the broker. Its name and the JetStream domain stand in acknowledgement subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Name of the account.
    pub name: String,
    /// JetStream domain of the server, where it has one.
    pub domain: Option<String>,
}

impl Account {
    /// What acknowledgement subjects of the newer form begin with. A wildcard in place of domain and account would
    /// also match the older form of an acknowledgement in another's name.
    fn acknowledgements(&self) -> String {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let hash = digest::digest(&digest::SHA256, self.name.as_bytes());
        let digits = hash.as_ref().iter().take(8).filter_map(|byte| DIGITS.get(usize::from(*byte) % DIGITS.len()));
        let account: String = digits.map(|digit| char::from(*digit)).collect();
        format!("$JS.ACK.{}.{account}", self.domain.as_deref().unwrap_or("_"))
    }
}

/// How a client proves to the broker who it is. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login(Proof);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Proof {
    Nkey(String),
    Password(String),
}

/// Not the public half of a login. Never repeats the text, which could be a secret given by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a login: expected {expected}")]
pub struct InvalidLogin {
    expected: &'static str,
}

impl Login {
    /// A public nkey.
    ///
    /// # Errors
    /// [`InvalidLogin`] when it is not the public key of a user, for instance a seed.
    pub fn nkey(public: &str) -> Result<Self, InvalidLogin> {
        let is_base32 = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte);
        if public.len() == 56 && public.starts_with('U') && public.bytes().all(is_base32) {
            Ok(Self(Proof::Nkey(public.to_owned())))
        } else {
            Err(InvalidLogin { expected: "the public nkey of a user, 56 characters from U" })
        }
    }

    /// A password as its bcrypt hash; the user is the name of the access point.
    ///
    /// # Errors
    /// [`InvalidLogin`] when it is not a bcrypt hash, for instance a password in clear.
    pub fn password(hash: &str) -> Result<Self, InvalidLogin> {
        let is_hash = |byte: u8| byte.is_ascii_alphanumeric() || b"./$".contains(&byte);
        let is_bcrypt = ["$2a$", "$2b$", "$2y$"].iter().any(|version| hash.starts_with(version));
        if hash.len() == 60 && is_bcrypt && hash.bytes().all(is_hash) {
            Ok(Self(Proof::Password(hash.to_owned())))
        } else {
            Err(InvalidLogin { expected: "a bcrypt hash, 60 characters from $2" })
        }
    }

    fn lines(&self, user: &str) -> String {
        match &self.0 {
            Proof::Nkey(public) => format!("    nkey: {public}  # {user}"),
            Proof::Password(hash) => format!("    user: \"{user}\"\n    password: \"{hash}\""),
        }
    }
}

/// Writes `users.conf`, to be included in the account of the bus. The same input gives the same text.
///
/// # Errors
/// [`ReservedName`] when an access point has the operator's name.
pub fn permissions(
    account: &Account,
    operator: &Login,
    access_points: &BTreeMap<AccessPointId, Login>,
) -> Result<String, ReservedName> {
    let mut text = String::from(
        "# Written by `nhipcau provision` from the directory and written anew with every release: do not edit.\n\
         # What is not allowed here is denied.\n\
         users: [\n",
    );
    for (id, login) in access_points {
        if id.as_str() == OPERATOR {
            return Err(ReservedName);
        }
        text.push_str(&user(id.as_str(), login, &may_publish(id, account), &may_hear(id)));
    }
    let publish: Vec<String> = OPERATOR_MAY.map(str::to_owned).to_vec();
    text.push_str(&user(OPERATOR, operator, &publish, &[inbox(OPERATOR)]));
    text.push_str("]\n");
    Ok(text)
}

/// Under its own name only, to anybody; its own consumers, and the acknowledgement of what they deliver, in the
/// form that servers use today and in the one that newer servers will.
fn may_publish(id: &AccessPointId, account: &Account) -> Vec<String> {
    let own = stream_name(id);
    let newer = account.acknowledgements();
    vec![
        subject::from_sender(id),
        format!("$JS.API.CONSUMER.INFO.{own}.*"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{own}.*"),
        format!("$JS.API.CONSUMER.INFO.{BROADCAST_STREAM}.{id}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{BROADCAST_STREAM}.{id}"),
        format!("$JS.ACK.{own}.>"),
        format!("$JS.ACK.{BROADCAST_STREAM}.{id}.>"),
        format!("{newer}.{own}.>"),
        format!("{newer}.{BROADCAST_STREAM}.{id}.>"),
    ]
}

fn may_hear(id: &AccessPointId) -> [String; 2] {
    [subject::filter("s", id.as_str()), inbox(id.as_str())]
}

fn inbox(name: &str) -> String {
    format!("{}.>", connection::inbox_prefix(name))
}

fn user(name: &str, login: &Login, publish: &[String], subscribe: &[String]) -> String {
    format!(
        "  {{\n{}\n    permissions: {{\n      publish: {{\n        allow: [\n{}        ]\n      }}\n      \
         subscribe: {{\n        allow: [\n{}        ]\n      }}\n    }}\n  }}\n",
        login.lines(name),
        quoted(publish),
        quoted(subscribe),
    )
}

fn quoted(subjects: &[String]) -> String {
    subjects.iter().map(|subject| format!("          \"{subject}\"\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NKEY: &str = "UAKWACZJWRI53QD4R5ADSPSUEPRIOPN2TYUAQ265HTCMCVNXZ5G5YK7H";
    const BCRYPT: &str = "$2a$11$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

    fn bus() -> Account {
        Account { name: "BUS".to_owned(), domain: None }
    }

    fn text() -> String {
        let logins = BTreeMap::from([
            (AccessPointId::new("ha-noi").unwrap(), Login::nkey(NKEY).unwrap()),
            (AccessPointId::new("moh").unwrap(), Login::password(BCRYPT).unwrap()),
        ]);
        permissions(&bus(), &Login::nkey(NKEY).unwrap(), &logins).unwrap()
    }

    #[test]
    fn an_access_point_speaks_under_its_own_name_only() {
        let text = text();
        assert_eq!(text.matches("nc.v1.*.*.").count(), 2);
        assert!(text.contains("\"nc.v1.*.*.ha-noi\"") && text.contains("\"nc.v1.*.*.moh\""));
        assert!(text.contains("\"$JS.API.CONSUMER.MSG.NEXT.NC_HA_NOI.*\""));
        assert!(text.contains("\"$JS.API.CONSUMER.MSG.NEXT.NC_ALL.moh\""));
    }

    #[test]
    fn nobody_may_delete_purge_or_read_around_a_consumer() {
        let text = text();
        for forbidden in ["DELETE", "PURGE", "MSG.GET", "DIRECT", "RESTORE", "SNAPSHOT", "\"$JS.API.>\"", "\">\""] {
            assert!(!text.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_newer_acknowledgement_is_pinned_to_the_account_and_the_domain() {
        assert_eq!(bus().acknowledgements(), "$JS.ACK._.vJtAJ5s2");
        let hub = Account { domain: Some("hub".to_owned()), ..bus() };
        assert_eq!(hub.acknowledgements(), "$JS.ACK.hub.vJtAJ5s2");
    }

    #[test]
    fn a_secret_in_place_of_a_login_is_refused_and_not_repeated() {
        let seed = "SUAKX23JS7BWORRBVQ4EOMCVGRYNOFWC6ONYPQNPOVJF4C2XCGL665XJOI";
        let error = Login::nkey(seed).unwrap_err();
        assert!(!error.to_string().contains(seed));
        assert!(Login::password("secret").is_err());
        assert!(Login::password(&BCRYPT.replace('N', "\"")).is_err());
    }

    #[test]
    fn the_operators_name_is_refused() {
        let login = Login::nkey(NKEY).unwrap();
        let logins = BTreeMap::from([(AccessPointId::new(OPERATOR).unwrap(), login.clone())]);
        assert_eq!(permissions(&bus(), &login, &logins), Err(ReservedName));
    }
}
