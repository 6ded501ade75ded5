//! Checks the rows of a submission against its structure and the areas, and turns them into datasets.
//!
//! Every row is looked at, whatever came before, so that all violations are reported at once. What repeats is
//! checked once: the codes of a series and a set of attributes are remembered with their faults, so that a further
//! observation of the series costs one look-up, its period and its value.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
    sync::Arc,
};

use unicode_normalization::is_nfc;

use super::{
    Action, Attributes, Dataset, Deletion, Dimension, Key, KeyPattern, Observation, Parts, Period, Place, Structure,
    Value, Violations,
};
use crate::{
    area::{AdminUnitRef, AreaList, InvalidAdminUnitRef, Validity},
    reason,
};

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
    series: HashMap<Box<str>, usize>,
    known_series: Vec<Known<Key>>,
    attributes: HashMap<Box<str>, usize>,
    known_attributes: Vec<Known<Attributes>>,
    named: HashSet<(usize, Period)>,
    datasets: Vec<Dataset>,
    violations: Violations,
    buffer: String,
}

/// Something that was checked once: what it is, what is wrong with it, and where it is not always in force.
#[derive(Debug)]
struct Known<T> {
    item: T,
    faults: Vec<(&'static str, Option<Arc<str>>)>,
    limits: Vec<Limit>,
}

#[derive(Debug)]
struct Limit {
    validity: Validity,
    component: Arc<str>,
    reason: &'static str,
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
            series: HashMap::new(),
            known_series: Vec::new(),
            attributes: HashMap::new(),
            known_attributes: Vec::new(),
            named: HashSet::new(),
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
        let before = self.violations.total();
        let series = self.series(raw.key);
        let attributes = self.attributes(raw.attributes.clone());
        let period = self.period(place, raw.period);
        let value = raw.value.map(Value::new).transpose();
        if value.is_err() {
            self.violations.add(reason::VALUE_NOT_DECIMAL, place, Some(&self.measure));
        }
        let (Some(series_known), Some(attributes_known)) =
            (self.known_series.get(series), self.known_attributes.get(attributes))
        else {
            return;
        };
        series_known.report(&mut self.violations, place, period);
        attributes_known.report(&mut self.violations, place, period);
        if raw.value.is_none() && attributes_known.item.is_empty() && attributes_known.faults.is_empty() {
            self.violations.add(reason::OBSERVATION_EMPTY, place, None);
        }
        if let Some(period) = period
            && !self.named.insert((series, period))
        {
            self.violations.add(reason::DUPLICATE_OBSERVATION, place, None);
        }
        if let (Some(period), Ok(value), true) = (period, value, self.violations.total() == before)
            && let Some(Dataset::Merge(rows) | Dataset::Replace(rows)) = self.datasets.last_mut()
        {
            let (key, attributes) = (series_known.item.clone(), attributes_known.item.clone());
            rows.push(Observation { key, period, value, attributes });
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
                if let Err(reason) = code_of(dimension, code, self.areas) {
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
            if !self.named.insert((series, period)) {
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

    /// The position of a series among the known ones, checked when it is new.
    fn series(&mut self, text: &str) -> usize {
        if let Some(index) = self.series.get(text) {
            return *index;
        }
        let mut known = Known { item: Key::checked(text), faults: Vec::new(), limits: Vec::new() };
        let dimensions = self.structure.dimensions();
        if text.split('.').count() == dimensions.len() {
            for (code, dimension) in text.split('.').zip(dimensions) {
                match code_of(dimension, code, self.areas) {
                    Ok(limit) => known.limits.extend(limit),
                    Err(reason) => known.faults.push((reason, Some(Arc::clone(&dimension.id)))),
                }
            }
        } else {
            known.faults.push((reason::KEY_MALFORMED, None));
        }
        self.known_series.push(known);
        self.series.insert(text.into(), self.known_series.len() - 1);
        self.known_series.len() - 1
    }

    /// The position of a set of attributes among the known ones, checked when it is new.
    fn attributes<'r>(&mut self, given: impl Iterator<Item = (&'r str, &'r str)> + Clone) -> usize {
        self.buffer.clear();
        for (id, text) in given.clone() {
            // Lengths keep different sets apart whatever their texts contain. Writing to a string cannot fail.
            write!(self.buffer, "{}:{}:{id}{text}", id.len(), text.len()).unwrap_or_default();
        }
        if let Some(index) = self.attributes.get(self.buffer.as_str()) {
            return *index;
        }
        let mut known = Known { item: Attributes::default(), faults: Vec::new(), limits: Vec::new() };
        let mut pairs: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for (id, text) in given {
            let Some(attribute) = self.structure.attribute(id) else {
                known.faults.push((reason::COMPONENT_UNKNOWN, None));
                continue;
            };
            let fault = match &attribute.codes {
                Some(codes) => match codes.get(text) {
                    Some(code) => {
                        known.limits.extend(limit(code.validity, &attribute.id, reason::CODE_NOT_IN_FORCE));
                        None
                    }
                    None => Some(unknown_code(text)),
                },
                None if text.chars().count() > MAX_TEXT => Some(reason::TEXT_TOO_LONG),
                None if !is_nfc(text) => Some(reason::TEXT_NOT_NFC),
                None => None,
            };
            known.faults.extend(fault.map(|reason| (reason, Some(Arc::clone(&attribute.id)))));
            if pairs.iter().any(|(other, _)| *other == attribute.id) {
                known.faults.push((reason::COMPONENT_REPEATED, Some(Arc::clone(&attribute.id))));
            }
            pairs.push((Arc::clone(&attribute.id), text.into()));
        }
        known.item = Attributes::new(pairs);
        self.known_attributes.push(known);
        self.attributes.insert(self.buffer.as_str().into(), self.known_attributes.len() - 1);
        self.known_attributes.len() - 1
    }
}

impl<T> Known<T> {
    fn report(&self, violations: &mut Violations, place: Place, period: Option<Period>) {
        for (reason, component) in &self.faults {
            violations.add(reason, place, component.as_ref());
        }
        let Some(period) = period else { return };
        for limit in &self.limits {
            if !limit.validity.overlaps(period.first_day(), period.last_day()) {
                violations.add(limit.reason, place, Some(&limit.component));
            }
        }
    }
}

/// Looks a code up in its list, and beyond it among the administrative units where the dimension has them.
fn code_of(dimension: &Dimension, text: &str, areas: &AreaList) -> Result<Option<Limit>, &'static str> {
    if text.is_empty() {
        return Err(reason::DIMENSION_MISSING);
    }
    if let Some(code) = dimension.codes.get(text) {
        return Ok(limit(code.validity, &dimension.id, reason::CODE_NOT_IN_FORCE));
    }
    if !dimension.area {
        return Err(unknown_code(text));
    }
    match text.parse::<AdminUnitRef>() {
        Ok(reference) => match areas.unit(&reference) {
            Ok(unit) => Ok(limit(unit.validity, &dimension.id, reason::AREA_NOT_IN_FORCE)),
            Err(_) => Err(reason::AREA_UNKNOWN),
        },
        Err(InvalidAdminUnitRef::NoVersion) => Err(reason::AREA_WITHOUT_LIST_VERSION),
        Err(InvalidAdminUnitRef::Malformed) if is_nfc(text) => Err(reason::AREA_UNKNOWN),
        Err(InvalidAdminUnitRef::Malformed) => Err(reason::TEXT_NOT_NFC),
    }
}

fn limit(validity: Validity, component: &Arc<str>, reason: &'static str) -> Option<Limit> {
    (validity != Validity::ALWAYS).then(|| Limit { validity, component: Arc::clone(component), reason })
}

fn unknown_code(text: &str) -> &'static str {
    if is_nfc(text) { reason::CODE_NOT_IN_LIST } else { reason::TEXT_NOT_NFC }
}
