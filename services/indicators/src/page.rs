//! Places in long answers. A token is opaque to callers, holds nothing secret and belongs to the request that it was
//! given for.

use nhipcau_messaging::pae;

use crate::error::Error;

/// What tells one request from another in tokens and cursors.
pub(crate) fn fingerprint(fields: &[&[u8]]) -> String {
    let digest = pae::digest_of(fields);
    hex::encode(digest.get(..8).unwrap_or_default())
}

/// Where an answer goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Only what was stored up to this serial is shown, so that all pages show one state.
    pub(crate) snapshot: u64,
    /// Provider and key of the series to go on with.
    pub(crate) provider: String,
    pub(crate) key: String,
    /// What was shown of it last: place of the period, serial of the submission. None when nothing was.
    pub(crate) shown: Option<(i64, u64)>,
}

impl Place {
    /// Before everything.
    pub(crate) fn first(snapshot: u64) -> Self {
        Self { snapshot, provider: String::new(), key: String::new(), shown: None }
    }

    /// Reads a token, or begins when there is none.
    pub(crate) fn read(token: &str, fingerprint: &str, newest: u64) -> Result<Self, Error> {
        if token.is_empty() {
            return Ok(Self::first(newest));
        }
        let parts: Vec<&str> = token.splitn(6, '.').collect();
        let [print, snapshot, provider, order, submission, key] = parts.as_slice() else {
            return Err(Error::CursorInvalid);
        };
        let number = |text: &str| text.parse::<u64>().map_err(|_| Error::CursorInvalid);
        if *print != fingerprint {
            return Err(Error::CursorInvalid);
        }
        let order = order.parse::<i64>().map_err(|_| Error::CursorInvalid)?;
        let submission = number(submission)?;
        let snapshot = number(snapshot)?;
        if snapshot > newest {
            return Err(Error::CursorExpired);
        }
        let shown = (submission > 0).then_some((order, submission));
        Ok(Self { snapshot, provider: (*provider).to_owned(), key: (*key).to_owned(), shown })
    }

    /// Writes a token.
    pub(crate) fn token(&self, fingerprint: &str) -> String {
        let (order, submission) = self.shown.unwrap_or((0, 0));
        format!("{fingerprint}.{}.{}.{order}.{submission}.{}", self.snapshot, self.provider, self.key)
    }
}

/// The size of a page: the default for 0, never more than the most.
pub(crate) fn size(asked: i32, default: usize, most: usize) -> usize {
    match usize::try_from(asked) {
        Ok(0) | Err(_) => default,
        Ok(asked) => asked.min(most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_place_and_only_for_its_request() {
        let place = Place { snapshot: 7, provider: "moha".into(), key: "A.704.F".into(), shown: Some((-8, 3)) };
        let token = place.token("aa");
        assert_eq!(Place::read(&token, "aa", 7).unwrap(), place);
        assert!(matches!(Place::read(&token, "bb", 7), Err(Error::CursorInvalid)));
        assert!(matches!(Place::read(&token, "aa", 6), Err(Error::CursorExpired)));
        for garbage in ["x", "aa.1.moha.1", "aa.-1.moha.1.1.k", "aa.1.moha.z.1.k"] {
            assert!(matches!(Place::read(garbage, "aa", 7), Err(Error::CursorInvalid)), "{garbage}");
        }
    }

    #[test]
    fn a_page_has_its_default_and_its_most() {
        assert_eq!([size(0, 10, 20), size(5, 10, 20), size(99, 10, 20), size(-1, 10, 20)], [10, 5, 20, 10]);
    }
}
