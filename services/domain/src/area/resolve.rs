//! What a reference to an administrative unit means on another day: itself, one successor, several candidates, nothing.
//!
//! Reforms are followed one after the other by their crosswalks. Where a crosswalk has rows for a unit, they say all
//! that became of it on that day; where the day has no crosswalk, a unit goes on under its code as long as nothing else
//! under its parent began or ended with it: it changed its kind or name. Names are never compared. A single unit is
//! given only where it holds all of the old one, so that nothing here is a guess; choosing among candidates is left to
//! people. Not found: a border that moved between two units whose entries say nothing of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Bound,
    sync::Arc,
};

use jiff::{Timestamp, civil::Date, tz};

use super::{AdminUnit, AdminUnitRef, AreaList, Crosswalk, Extent, UnknownArea, Validity};

/// Hours by which Viet Nam's clocks are ahead of UTC, the whole year.
pub(crate) const OFFSET_HOURS: i8 = 7;

/// The day on which an instant falls in Viet Nam.
#[must_use]
pub fn day_of(time: Timestamp) -> Date {
    tz::offset(OFFSET_HOURS).to_datetime(time).date()
}

/// What a reference means on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// The unit itself is in force, perhaps under another kind or name.
    In(&'a AdminUnit),
    /// It went whole into this one.
    Became(&'a AdminUnit),
    /// It was split, by one reform or by several: each of these may have a part, in the order of their codes. One alone
    /// is no certainty either: the rest went where no list tells.
    Split(Vec<&'a AdminUnit>),
    /// It had ended, and no list says what took it over.
    Gone,
    /// It had not begun.
    NotYet,
    /// The reference means nothing.
    Unknown(UnknownArea),
}

impl<'a> Resolution<'a> {
    /// The unit that holds all of what the reference meant.
    #[must_use]
    pub fn whole(&self) -> Option<&'a AdminUnit> {
        match self {
            Self::In(unit) | Self::Became(unit) => Some(unit),
            Self::Split(_) | Self::Gone | Self::NotYet | Self::Unknown(_) => None,
        }
    }
}

/// Two crosswalks speak of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("two crosswalks are of {0}; bring them together")]
pub struct RepeatedReform(pub Date);

/// The list of administrative units and what became of them at each reform.
#[derive(Debug, Default)]
pub struct Areas {
    list: Arc<AreaList>,
    reforms: BTreeMap<Date, Crosswalk>,
    /// Parents under which a code began or ended on a day without a crosswalk; an empty one stands for the country.
    regrouped: HashSet<(Date, Box<str>)>,
}

impl Areas {
    /// Brings a list and the crosswalks together that were read with it.
    ///
    /// # Errors
    /// [`RepeatedReform`] when two crosswalks are of one day.
    pub fn new(list: Arc<AreaList>, crosswalks: impl IntoIterator<Item = Crosswalk>) -> Result<Self, RepeatedReform> {
        let mut reforms = BTreeMap::new();
        for crosswalk in crosswalks {
            let day = crosswalk.day();
            if reforms.insert(day, crosswalk).is_some() {
                return Err(RepeatedReform(day));
            }
        }
        let mut areas = Self { list, reforms, regrouped: HashSet::new() };
        areas.regrouped = areas.changes().collect();
        Ok(areas)
    }

    /// The list.
    #[must_use]
    pub fn list(&self) -> &Arc<AreaList> {
        &self.list
    }

    /// What a reference means on a day.
    #[must_use]
    pub fn resolve(&self, reference: &AdminUnitRef, on: Date) -> Resolution<'_> {
        let (unit, version) = match self.list.unit_and_version(reference) {
            Ok((unit, version)) => (unit, version.validity),
            Err(unknown) => return Resolution::Unknown(unknown),
        };
        if unit.validity.from.is_some_and(|from| on < from) {
            return Resolution::NotYet;
        }
        let last = |validity: Validity| validity.until.unwrap_or(Date::MAX);
        let since = last(unit.validity).min(last(version));
        if on <= since { Resolution::In(unit) } else { self.follow(unit, since, on) }
    }

    /// How a unit is referred to in the version of a day; none when no version covers the day.
    #[must_use]
    pub fn reference(&self, unit: &AdminUnit, on: Date) -> Option<AdminUnitRef> {
        let version = self.list.versions().iter().find(|version| version.validity.contains(on))?;
        AdminUnitRef::new(&unit.code, &version.name).ok()
    }

    /// Follows a unit from the last day on which the reference says what it is.
    fn follow<'a>(&'a self, unit: &'a AdminUnit, since: Date, on: Date) -> Resolution<'a> {
        let (mut is_itself, mut is_complete) = (true, true);
        let mut found: BTreeMap<&str, &AdminUnit> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut ahead = vec![(unit, since)];
        // Days only rise, and each unit is looked at once for a day: this ends whatever the tables say.
        while let Some((unit, since)) = ahead.pop() {
            if !seen.insert((&*unit.code, since)) {
                continue;
            }
            let end = unit.validity.until.and_then(|until| until.tomorrow().ok());
            let days = (Bound::Excluded(since), Bound::Included(end.map_or(on, |end| end.min(on))));
            let told = self.reforms.range(days).find(|(_, reform)| !reform.candidates(&unit.code).is_empty());
            if let Some((day, reform)) = told {
                let heirs = reform.candidates(&unit.code);
                is_itself = false;
                // One part alone leaves the other parts untold.
                is_complete &= heirs.len() > 1 || heirs.iter().all(|heir| heir.extent == Extent::Whole);
                for heir in heirs {
                    match self.list.unit_on(&heir.code, *day) {
                        Some(successor) => ahead.push((successor, *day)),
                        None => is_complete = false,
                    }
                }
            } else if unit.validity.contains(on) {
                found.insert(&unit.code, unit);
            } else if let Some((same, day)) = end.and_then(|day| Some((self.continued(unit, day)?, day))) {
                ahead.push((same, day));
            } else {
                is_complete = false;
            }
        }
        match (found.len(), found.values().next()) {
            (0, _) | (_, None) => Resolution::Gone,
            (1, Some(unit)) if is_complete && is_itself => Resolution::In(unit),
            (1, Some(unit)) if is_complete => Resolution::Became(unit),
            _ => Resolution::Split(found.into_values().collect()),
        }
    }

    /// The entry by which a unit goes on that ended the day before.
    fn continued(&self, unit: &AdminUnit, day: Date) -> Option<&AdminUnit> {
        let is_told = self.reforms.contains_key(&day) || self.regrouped.contains(&(day, parent(unit)));
        self.list.unit_on(&unit.code, day).filter(|_| !is_told)
    }

    /// Where a code began or ended on a day without a crosswalk; one that goes to another parent does so under both.
    fn changes(&self) -> impl Iterator<Item = (Date, Box<str>)> {
        let is_same = |unit: &AdminUnit, day: Date| {
            self.list.unit_on(&unit.code, day).is_some_and(|other| other.parent == unit.parent)
        };
        self.list.entries().flat_map(move |unit| {
            let begun = unit.validity.from.filter(|day| day.yesterday().is_ok_and(|eve| !is_same(unit, eve)));
            let ended = unit.validity.until.and_then(|until| until.tomorrow().ok());
            let ended = ended.filter(|day| !is_same(unit, *day));
            let days = begun.into_iter().chain(ended).filter(|day| !self.reforms.contains_key(day));
            days.map(|day| (day, parent(unit)))
        })
    }
}

/// The parent's code; empty for a province.
fn parent(unit: &AdminUnit) -> Box<str> {
    unit.parent.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests;
