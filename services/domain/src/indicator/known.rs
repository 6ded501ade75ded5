//! What repeats from row to row and is checked once: the codes of a series, a set of attributes. What is wrong with
//! either is remembered too, so that every row that uses it is reported, and for which periods it holds.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use unicode_normalization::is_nfc;

use super::{Attributes, Dimension, Granularity, Key, MAX_TEXT, Period, Place, Structure, Violations};
use crate::{
    area::{AdminUnitRef, AreaList, InvalidAdminUnitRef, Validity},
    reason,
};

/// Things of one kind by the text that they were checked from.
#[derive(Debug)]
pub(super) struct Memo<T> {
    positions: HashMap<Box<str>, usize>,
    known: Vec<Known<T>>,
}

impl<T> Memo<T> {
    pub(super) fn new() -> Self {
        Self { positions: HashMap::new(), known: Vec::new() }
    }

    /// The position of what the text stands for, which is checked when it is new.
    pub(super) fn position(&mut self, text: &str, check: impl FnOnce() -> Known<T>) -> usize {
        if let Some(position) = self.positions.get(text) {
            return *position;
        }
        self.positions.insert(text.into(), self.known.len());
        self.known.push(check());
        self.known.len() - 1
    }

    pub(super) fn get(&self, position: usize) -> Option<&Known<T>> {
        self.known.get(position)
    }
}

/// Something that was checked: what it is, what is wrong with it, and what it asks of the period of a row.
#[derive(Debug)]
pub(super) struct Known<T> {
    pub(super) item: T,
    faults: Vec<(&'static str, Option<Arc<str>>)>,
    limits: Vec<Limit>,
}

#[derive(Debug)]
struct Limit {
    asked: Asked,
    component: Arc<str>,
    reason: &'static str,
}

#[derive(Debug)]
enum Asked {
    InForce(Validity),
    Length(Granularity),
}

impl Asked {
    fn of(&self, period: Period) -> bool {
        match self {
            Self::InForce(validity) => validity.overlaps(period.first_day(), period.last_day()),
            Self::Length(granularity) => *granularity == period.granularity(),
        }
    }
}

impl<T> Known<T> {
    /// Reports its faults for a row, and whatever of it does not hold for the row's period.
    pub(super) fn report(&self, violations: &mut Violations, place: Place, period: Option<Period>) {
        for (reason, component) in &self.faults {
            violations.add(reason, place, component.as_ref());
        }
        let Some(period) = period else { return };
        for limit in &self.limits {
            if !limit.asked.of(period) {
                violations.add(limit.reason, place, Some(&limit.component));
            }
        }
    }

    pub(super) fn is_faulty(&self) -> bool {
        !self.faults.is_empty()
    }

    fn fault(&mut self, reason: &'static str, component: &Arc<str>) {
        self.faults.push((reason, Some(Arc::clone(component))));
    }

    fn limit(&mut self, validity: Validity, reason: &'static str, component: &Arc<str>) {
        if validity != Validity::ALWAYS {
            self.limits.push(Limit { asked: Asked::InForce(validity), component: Arc::clone(component), reason });
        }
    }

    fn length(&mut self, granularity: Granularity, component: &Arc<str>) {
        let reason = reason::PERIOD_NOT_OF_FREQUENCY;
        self.limits.push(Limit { asked: Asked::Length(granularity), component: Arc::clone(component), reason });
    }
}

/// Which observations a submission has named, by the position of their series.
#[derive(Debug, Default)]
pub(super) struct Named(Vec<(Vec<Period>, HashSet<Period>)>);

impl Named {
    /// Notes an observation; false when it was named before.
    pub(super) fn add(&mut self, series: usize, period: Period) -> bool {
        if self.0.len() <= series {
            self.0.resize_with(series + 1, Default::default);
        }
        let Some((in_order, others)) = self.0.get_mut(series) else { return false };
        // Mostly a series is told in the order of time, where the last one says enough.
        if in_order.last().is_none_or(|last| *last < period) {
            in_order.push(period);
            return true;
        }
        in_order.binary_search(&period).is_err() && others.insert(period)
    }
}

/// Checks a series key code by code.
pub(super) fn check_series(text: &str, structure: &Structure, areas: &AreaList) -> Known<Key> {
    let mut known = Known { item: Key::checked(text), faults: Vec::new(), limits: Vec::new() };
    let dimensions = structure.dimensions();
    if text.split('.').count() != dimensions.len() {
        known.faults.push((reason::KEY_MALFORMED, None));
        return known;
    }
    for (code, dimension) in text.split('.').zip(dimensions) {
        match check_code(dimension, code, areas) {
            Ok((validity, reason)) => known.limit(validity, reason, &dimension.id),
            Err(reason) => known.fault(reason, &dimension.id),
        }
        if &*dimension.id == Structure::FREQ
            && let Some(granularity) = Granularity::of_frequency(code)
        {
            known.length(granularity, &dimension.id);
        }
    }
    known
}

/// Looks a code up in its list, and beyond it among the administrative units where the dimension has them. Returns
/// when it is in force and the reason that is given outside of that.
pub(super) fn check_code(
    dimension: &Dimension,
    text: &str,
    areas: &AreaList,
) -> Result<(Validity, &'static str), &'static str> {
    if text.is_empty() {
        return Err(reason::DIMENSION_MISSING);
    }
    if let Some(code) = dimension.codes.get(text) {
        return Ok((code.validity, reason::CODE_NOT_IN_FORCE));
    }
    if !dimension.area {
        return Err(unknown_code(text));
    }
    match text.parse::<AdminUnitRef>() {
        Ok(reference) => match areas.unit(&reference) {
            Ok(unit) => Ok((unit.validity, reason::AREA_NOT_IN_FORCE)),
            Err(_) => Err(reason::AREA_UNKNOWN),
        },
        Err(InvalidAdminUnitRef::NoVersion) => Err(reason::AREA_WITHOUT_LIST_VERSION),
        Err(InvalidAdminUnitRef::Malformed) if is_nfc(text) => Err(reason::AREA_UNKNOWN),
        Err(InvalidAdminUnitRef::Malformed) => Err(reason::TEXT_NOT_NFC),
    }
}

/// Checks a set of attributes. One with an empty text counts as not given.
pub(super) fn check_attributes<'r>(
    given: impl Iterator<Item = (&'r str, &'r str)>,
    structure: &Structure,
) -> Known<Attributes> {
    let mut known = Known { item: Attributes::default(), faults: Vec::new(), limits: Vec::new() };
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = Vec::new();
    for (id, text) in given {
        let Some(attribute) = structure.attribute(id) else {
            known.faults.push((reason::COMPONENT_UNKNOWN, None));
            continue;
        };
        if text.is_empty() {
            continue;
        }
        match &attribute.codes {
            Some(codes) => match codes.get(text) {
                Some(code) => known.limit(code.validity, reason::CODE_NOT_IN_FORCE, &attribute.id),
                None => known.fault(unknown_code(text), &attribute.id),
            },
            None if text.chars().count() > MAX_TEXT => known.fault(reason::TEXT_TOO_LONG, &attribute.id),
            None if !is_nfc(text) => known.fault(reason::TEXT_NOT_NFC, &attribute.id),
            None => {}
        }
        if pairs.iter().any(|(other, _)| *other == attribute.id) {
            known.fault(reason::COMPONENT_REPEATED, &attribute.id);
        }
        pairs.push((Arc::clone(&attribute.id), text.into()));
    }
    known.item = Attributes::new(pairs);
    known
}

fn unknown_code(text: &str) -> &'static str {
    if is_nfc(text) { reason::CODE_NOT_IN_LIST } else { reason::TEXT_NOT_NFC }
}
