//! An observation as the store holds it: texts. The rules of the three actions are those of
//! `nhipcau_domain::indicator::State`, applied here without checking anew what was checked when it arrived, so that a
//! later directory release never changes what a submission meant; the tests hold both against each other.

use std::collections::BTreeMap;

use jiff::civil::date;
use nhipcau_domain::indicator::{KeyPattern, Period};
use nhipcau_messaging::store::Error;

/// What an observation is: a value, attributes, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) value: Option<String>,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl State {
    /// Reads what [`attributes_text`](Self::attributes_text) wrote, and a value, empty where there is none.
    pub(crate) fn stored(value: &str, attributes: &str) -> Result<Self, Error> {
        let attributes = serde_json::from_str(attributes).map_err(|_| Error::Corrupt("a set of attributes"))?;
        Ok(Self { value: Some(value.to_owned()).filter(|value| !value.is_empty()), attributes })
    }

    /// The attributes as one text, the same for the same attributes.
    pub(crate) fn attributes_text(&self) -> String {
        let object = self.attributes.iter().map(|(id, text)| (id.clone(), text.as_str().into())).collect();
        serde_json::Value::Object(object).to_string()
    }

    /// What a MERGE makes of an observation.
    pub(crate) fn merged(self, given: Self) -> Self {
        let mut attributes = self.attributes;
        attributes.extend(given.attributes);
        Self { value: given.value.or(self.value), attributes }
    }

    /// What a DELETE leaves of an observation. A given value or attribute names that part; none names the whole.
    pub(crate) fn without(mut self, named: &Self) -> Option<Self> {
        if named.value.is_none() && named.attributes.is_empty() {
            return None;
        }
        if named.value.is_some() {
            self.value = None;
        }
        self.attributes.retain(|id, _| !named.attributes.contains_key(id));
        (self.value.is_some() || !self.attributes.is_empty()).then_some(self)
    }
}

/// The place of a period in the order of periods: by first day, of two that begin together the longer one first.
pub(crate) fn order(period: Period) -> i64 {
    first_order(period) + period.granularity() as i64
}

/// The place before every period that begins with this one.
pub(crate) fn first_order(period: Period) -> i64 {
    let days = period.first_day().duration_since(date(1970, 1, 1)).as_hours() / 24;
    days * 8
}

/// Whether a pattern selects a stored key.
pub(crate) fn matches(pattern: &KeyPattern, key: &str) -> bool {
    let pattern = pattern.to_string();
    pattern.is_empty() || pattern.split('.').zip(key.split('.')).all(|(part, code)| part_matches(part, code))
}

/// Whether some key is selected by a pattern and named by a row of a deletion.
pub(crate) fn may_touch(pattern: &KeyPattern, deleted: &str) -> bool {
    let pattern = pattern.to_string();
    pattern.is_empty()
        || deleted.is_empty()
        || pattern.split('.').zip(deleted.split('.')).all(|(part, code)| code.is_empty() || part_matches(part, code))
}

fn part_matches(part: &str, code: &str) -> bool {
    part.is_empty() || part.split('+').any(|wanted| wanted == code)
}
