//! Checks the rows of a submission against its structure and the areas, and turns them into datasets.
//!
//! Every row is looked at, whatever came before, so that all violations are reported at once. What repeats is
//! checked once: the codes of a series and a set of attributes are remembered with their faults, so that a further
//! observation of the series costs one look-up, its period and its value.

use std::{fmt::Write, sync::Arc};

use super::{
    Action, Attributes, Dataset, Deletion, Key, KeyPattern, Observation, Parts, Period, Place, Structure, Value,
    Violations,
    known::{Memo, Named, check_attributes, check_code, check_series},
};
use crate::{area::AreaList, reason};

/// Most characters of an attribute that has no code list.
pub const MAX_TEXT: usize = 1_000;

/// A row as it came: nothing is known of it yet.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a, A> {
    /// Codes in the structure's order, joined by '.'.
    pub key: &'a str,
    /// Time period; empty when there is none.
    pub period: &'a str,
    /// Value, where given.
    pub value: Option<&'a str>,
    /// Attributes that are given: id and text.
    pub attributes: A,
}

/// Collects the rows of one submission. Rows go to the dataset begun last.
#[derive(Debug)]
pub struct Checker<'a> {
    structure: &'a Structure,
    areas: &'a AreaList,
    time: Arc<str>,
    measure: Arc<str>,
    series: Memo<Key>,
    attributes: Memo<Attributes>,
    named: Named,
    datasets: Vec<Dataset>,
    violations: Violations,
    buffer: String,
}

impl<'a> Checker<'a> {
    /// Begins a submission that follows the structure.
    #[must_use]
    pub fn new(structure: &'a Structure, areas: &'a AreaList) -> Self {
        Self {
            structure,
            areas,
            time: Structure::TIME_PERIOD.into(),
            measure: Structure::OBS_VALUE.into(),
            series: Memo::new(),
            attributes: Memo::new(),
            named: Named::default(),
            datasets: Vec::new(),
            violations: Violations::default(),
            buffer: String::new(),
        }
    }

    /// Begins with what the reader of the input has already found.
    #[must_use]
    pub(super) fn with_violations(self, violations: Violations) -> Self {
        Self { violations, ..self }
    }

    /// The structure that is checked against.
    #[must_use]
    pub fn structure(&self) -> &'a Structure {
        self.structure
    }

    /// Begins a dataset.
    pub fn begin(&mut self, action: Action) {
        self.datasets.push(Dataset::new(action));
    }

    /// Notes a violation that the reader of the input found itself.
    pub fn violation(&mut self, reason: &'static str, place: Place, component: Option<&Arc<str>>) {
        self.violations.add(reason, place, component);
    }

    /// Checks a row and adds it to the current dataset.
    pub fn row<'r, A>(&mut self, place: Place, raw: &Raw<'r, A>)
    where
        A: Iterator<Item = (&'r str, &'r str)> + Clone,
    {
        match self.datasets.last().map(Dataset::action) {
            None => self.violations.add(reason::ACTION_UNKNOWN, place, None),
            Some(Action::Delete) => self.deletion(place, raw),
            Some(Action::Merge | Action::Replace) => self.observation(place, raw),
        }
    }

    /// The datasets, if nothing is wrong with any row.
    ///
    /// # Errors
    /// [`Violations`] with every violation of the submission.
    pub fn finish(mut self) -> Result<Vec<Dataset>, Violations> {
        self.datasets.retain(|dataset| !dataset.is_empty());
        if self.datasets.is_empty() && self.violations.is_empty() {
            self.violations.add(reason::SUBMISSION_EMPTY, Place::Whole, None);
        }
        if self.violations.is_empty() { Ok(self.datasets) } else { Err(self.violations) }
    }

    fn observation<'r, A>(&mut self, place: Place, raw: &Raw<'r, A>)
    where
        A: Iterator<Item = (&'r str, &'r str)> + Clone,
    {
        let series = self.series(raw.key);
        let attributes = self.attributes(raw.attributes.clone());
        self.observed(place, series, attributes, raw.period, raw.value);
    }

    /// An observation of a series with attributes, each by its position among the known ones.
    pub(super) fn observed(
        &mut self,
        place: Place,
        series: usize,
        attributes: usize,
        period: &str,
        value: Option<&str>,
    ) {
        let before = self.violations.total();
        let is_valued = value.is_some();
        let period = self.period(place, period);
        let value = value.map(Value::new).transpose();
        if value.is_err() {
            self.violations.add(reason::VALUE_NOT_DECIMAL, place, Some(&self.measure));
        }
        let (Some(key), Some(given)) = (self.series.get(series), self.attributes.get(attributes)) else { return };
        key.report(&mut self.violations, place, period);
        given.report(&mut self.violations, place, period);
        if !is_valued && given.item.is_empty() && !given.is_faulty() {
            self.violations.add(reason::OBSERVATION_EMPTY, place, None);
        }
        if let Some(period) = period
            && !self.named.add(series, period)
        {
            self.violations.add(reason::DUPLICATE_OBSERVATION, place, None);
        }
        if let (Some(period), Ok(value), true) = (period, value, self.violations.total() == before)
            && let Some(Dataset::Merge(rows) | Dataset::Replace(rows)) = self.datasets.last_mut()
        {
            rows.push(Observation { key: key.item.clone(), period, value, attributes: given.item.clone() });
        }
    }

    fn deletion<'r, A>(&mut self, place: Place, raw: &Raw<'r, A>)
    where
        A: Iterator<Item = (&'r str, &'r str)> + Clone,
    {
        let before = self.violations.total();
        let dimensions = self.structure.dimensions();
        let pattern = KeyPattern::new(raw.key, dimensions.len());
        if raw.key.is_empty() || raw.key.contains(['+', '*']) || pattern.is_err() {
            self.violations.add(reason::KEY_MALFORMED, place, None);
        } else {
            for (code, dimension) in raw.key.split('.').zip(dimensions).filter(|(code, _)| !code.is_empty()) {
                if let Err(reason) = check_code(dimension, code, self.areas) {
                    self.violations.add(reason, place, Some(&dimension.id));
                }
            }
        }
        let period = if raw.period.is_empty() { None } else { self.period(place, raw.period) };
        let mut named = Vec::new();
        for (id, _) in raw.attributes.clone() {
            match self.structure.attribute(id) {
                Some(attribute) => named.push(Arc::clone(&attribute.id)),
                None => self.violations.add(reason::COMPONENT_UNKNOWN, place, None),
            }
        }
        if let Some(period) = period
            && raw.key.split('.').all(|code| !code.is_empty())
        {
            let series = self.series(raw.key);
            if !self.named.add(series, period) {
                self.violations.add(reason::DUPLICATE_OBSERVATION, place, None);
            }
        }
        if let (Ok(pattern), true) = (pattern, self.violations.total() == before)
            && let Some(Dataset::Delete(rows)) = self.datasets.last_mut()
        {
            let parts = Parts { value: raw.value.is_some(), attributes: named.into() };
            rows.push(Deletion { pattern, period, parts });
        }
    }

    fn period(&mut self, place: Place, text: &str) -> Option<Period> {
        let period = text.parse().ok();
        if period.is_none() {
            let reason = if text.is_empty() { reason::DIMENSION_MISSING } else { reason::PERIOD_MALFORMED };
            self.violations.add(reason, place, Some(&self.time));
        }
        period
    }

    /// The position of a series among the known ones.
    pub(super) fn series(&mut self, text: &str) -> usize {
        let (structure, areas) = (self.structure, self.areas);
        self.series.position(text, || check_series(text, structure, areas))
    }

    /// The position of a set of attributes among the known ones.
    pub(super) fn attributes<'r>(&mut self, given: impl Iterator<Item = (&'r str, &'r str)> + Clone) -> usize {
        self.buffer.clear();
        for (id, text) in given.clone() {
            // Lengths keep different sets apart whatever their texts contain. Writing to a string cannot fail.
            write!(self.buffer, "{}:{}:{id}{text}", id.len(), text.len()).unwrap_or_default();
        }
        let structure = self.structure;
        self.attributes.position(&self.buffer, || check_attributes(given, structure))
    }
}
