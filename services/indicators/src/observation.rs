//! An observation as the store holds it: texts. The rules of the three actions are those of
//! `nhipcau_domain::indicator::State`, applied here without checking anew what was checked when it arrived, so that a
//! later directory release never changes what a submission meant; the tests hold both against each other.

use std::{collections::BTreeMap, sync::Arc};

use jiff::civil::{Date, date};
use nhipcau_domain::indicator::{KeyPattern, Period};

/// Attributes by id. Observations that stand together and have the same share them.
pub(crate) type Attributes = Arc<BTreeMap<String, String>>;

/// What an observation is: a value, attributes, or both. One that has neither does not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) value: Option<String>,
    pub(crate) attributes: Attributes,
}

impl State {
    /// Whether there is neither a value nor an attribute.
    pub(crate) fn is_nothing(&self) -> bool {
        self.value.is_none() && self.attributes.is_empty()
    }

    /// What a MERGE makes of an observation.
    pub(crate) fn merged(self, given: Self) -> Self {
        let value = given.value.or(self.value);
        if self.attributes.is_empty() || self.attributes == given.attributes {
            return Self { value, attributes: given.attributes };
        }
        let mut attributes = Arc::unwrap_or_clone(self.attributes);
        attributes.extend(given.attributes.iter().map(|(id, text)| (id.clone(), text.clone())));
        Self { value, attributes: Arc::new(attributes) }
    }

    /// What a DELETE leaves of an observation. A given value or attribute names that part; none names the whole.
    pub(crate) fn without(mut self, named: &Self) -> Option<Self> {
        if named.is_nothing() {
            return None;
        }
        if named.value.is_some() {
            self.value = None;
        }
        if named.attributes.keys().any(|id| self.attributes.contains_key(id)) {
            Arc::make_mut(&mut self.attributes).retain(|id, _| !named.attributes.contains_key(id));
        }
        Some(self).filter(|left| !left.is_nothing())
    }
}

/// The place of a period in the order of periods: by first day, of two that begin together the longer one first.
pub(crate) fn order(period: Period) -> i64 {
    first_order(period) + period.granularity() as i64
}

/// The place before every period that begins with this one.
pub(crate) fn first_order(period: Period) -> i64 {
    place(period.first_day())
}

/// The place behind every period that ends no later than this one.
pub(crate) fn last_order(period: Period) -> i64 {
    place(period.last_day()) + 7
}

fn place(day: Date) -> i64 {
    let days = day.duration_since(date(1970, 1, 1)).as_hours() / 24;
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
