//! The two cookies of the duty page. `__Host-`: a browser takes them from this server over TLS alone and sends them
//! nowhere else; no script reads them; no page elsewhere can have them sent along.

use axum::http::{HeaderMap, HeaderValue, header};

use super::{code::MINUTES, session::HOURS, token::Token};

/// A cookie by its name, and for how long a browser keeps it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookie {
    name: &'static str,
    seconds: u32,
}

/// Of whoever asked for a code.
pub(crate) const ASKED: Cookie = Cookie { name: "__Host-duty-asked", seconds: MINUTES as u32 * 60 };
/// Of whoever is signed in.
pub(crate) const SESSION: Cookie = Cookie { name: "__Host-duty", seconds: HOURS as u32 * 3_600 };

impl Cookie {
    /// What the browser shows; `None` when it shows none, or something else.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<Token> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut found = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.name).then_some(value)
        });
        Token::read(found.next()?)
    }

    /// Gives it to the browser.
    pub(crate) fn give(self, token: &Token) -> Option<HeaderValue> {
        self.set(&token.text(), self.seconds)
    }

    /// Takes it from the browser.
    pub(crate) fn take(self) -> Option<HeaderValue> {
        self.set("", 0)
    }

    fn set(self, value: &str, seconds: u32) -> Option<HeaderValue> {
        let name = self.name;
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_among_others_and_only_if_it_is_one_of_ours() {
        let token = Token::fresh();
        let read = |line: String| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, line.parse().unwrap());
            SESSION.read(&headers)
        };
        let text = token.text();
        assert_eq!(read(format!("a=b; __Host-duty={text}; c=d")), Some(token));
        for wrong in [format!("duty={text}"), format!("__Host-duty-asked={text}"), "__Host-duty=abc".to_owned()] {
            assert_eq!(read(wrong), None);
        }
    }

    #[test]
    fn a_cookie_goes_over_tls_to_this_server_alone_and_is_not_printed() {
        let given = SESSION.give(&Token::fresh()).unwrap();
        let text = given.to_str().unwrap();
        for attribute in
            ["__Host-duty=", "; Path=/;", "; Max-Age=28800;", "; Secure;", "; HttpOnly;", "; SameSite=Strict"]
        {
            assert!(text.contains(attribute), "{attribute} in {text}");
        }
        assert!(!text.contains("Domain"), "{text}");
        assert_eq!(format!("{given:?}"), "Sensitive");
    }
}
