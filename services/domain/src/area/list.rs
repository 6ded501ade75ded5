//! The list of administrative units: who was in force when, by code and date or by code and list version.

use std::{collections::HashMap, io::Read};

use jiff::civil::Date;

use super::{AdminUnit, AdminUnitRef, ErrorKind, FileError, Kind, Level, Table, Validity, unit::is_version};

/// A named state of the list: the units in force in a range of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Name, such as `VN-34-2026`.
    pub name: Box<str>,
    /// The days that the name covers; nothing changed between them.
    pub validity: Validity,
    /// Legal documents that made it so.
    pub basis: Box<str>,
    /// What it is, in Vietnamese.
    pub name_vi: Box<str>,
    /// What it is, in English.
    pub name_en: Box<str>,
}

/// Why a reference leads to no unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownArea {
    /// No list has this version.
    #[error("unknown version of the list of administrative units")]
    Version,
    /// The version has no such unit.
    #[error("no administrative unit has this code in this version")]
    Unit,
}

/// All units that ever had a code here. Cheap to look up, never changed after it was read.
#[derive(Debug, Default)]
pub struct AreaList {
    versions: Vec<Version>,
    units: HashMap<Box<str>, Vec<AdminUnit>>,
}

impl AreaList {
    const VERSIONS: [&str; 6] = ["version", "valid_from", "valid_until", "basis", "name_vi", "name_en"];
    const UNITS: [&str; 7] = ["code", "level", "parent", "kind", "name", "valid_from", "valid_until"];

    /// Reads a table of versions and any number of tables of units.
    ///
    /// # Errors
    /// [`FileError`] at the first line that is malformed, makes a code mean two units on one day, or names a parent
    /// that was not in force with it.
    pub fn parse<R: Read>(versions: impl Read, units: impl IntoIterator<Item = R>) -> Result<Self, FileError> {
        let mut list = Self { versions: read_versions(versions)?, units: HashMap::new() };
        for file in units {
            list.read_units(file)?;
        }
        list.check_parents()?;
        Ok(list)
    }

    /// The named states, in the order of the file.
    #[must_use]
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Every unit of a level in force on a day, in no particular order.
    pub fn in_force(&self, level: Level, day: Date) -> impl Iterator<Item = &AdminUnit> {
        self.entries().filter(move |unit| unit.level == level && unit.validity.contains(day))
    }

    /// The unit that a code meant on a day. The level follows from the code.
    #[must_use]
    pub fn unit_on(&self, code: &str, day: Date) -> Option<&AdminUnit> {
        self.units.get(code)?.iter().find(|unit| unit.validity.contains(day))
    }

    /// The unit that a reference means.
    ///
    /// # Errors
    /// [`UnknownArea`] saying whether the version or the unit is unknown.
    pub fn unit(&self, reference: &AdminUnitRef) -> Result<&AdminUnit, UnknownArea> {
        Ok(self.unit_and_version(reference)?.0)
    }

    /// The unit that a reference means, and the version that it is taken from.
    pub(super) fn unit_and_version(&self, reference: &AdminUnitRef) -> Result<(&AdminUnit, &Version), UnknownArea> {
        let version = self.version(&reference.code_list_version).ok_or(UnknownArea::Version)?;
        let units = self.units.get(&reference.code).ok_or(UnknownArea::Unit)?;
        let unit = units.iter().find(|unit| unit.validity.meets(&version.validity)).ok_or(UnknownArea::Unit)?;
        Ok((unit, version))
    }

    /// Every entry, of whatever time, in no particular order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &AdminUnit> {
        self.units.values().flatten()
    }

    /// A named state.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| *version.name == *name)
    }

    fn read_units(&mut self, input: impl Read) -> Result<(), FileError> {
        let mut table = Table::open(input, &Self::UNITS)?;
        while table.advance()? {
            let code = table.required(0, "code")?;
            let level = Level::of_code(code)
                .filter(|level| level.as_str() == table.text(1))
                .ok_or_else(|| table.fault(ErrorKind::Cell("level")))?;
            let unit = AdminUnit {
                code: code.into(),
                level,
                parent: Some(table.text(2)).filter(|parent| !parent.is_empty()).map(Into::into),
                kind: Kind::parse(table.text(3)).ok_or_else(|| table.fault(ErrorKind::Cell("kind")))?,
                name: table.required(4, "name")?.into(),
                validity: table.validity(5)?,
            };
            let same = self.units.entry(unit.code.clone()).or_default();
            if same.iter().any(|other| other.validity.meets(&unit.validity)) {
                return Err(table.fault(ErrorKind::Overlap));
            }
            same.push(unit);
        }
        Ok(())
    }

    fn check_parents(&self) -> Result<(), FileError> {
        let known = |unit: &AdminUnit| match &unit.parent {
            None => unit.level == Level::Province,
            Some(parent) => {
                self.units.get(parent).is_some_and(|found| found.iter().any(|p| p.validity.meets(&unit.validity)))
            }
        };
        if self.entries().all(known) { Ok(()) } else { Err(FileError { line: 0, kind: ErrorKind::Unknown("parent") }) }
    }
}

fn read_versions(input: impl Read) -> Result<Vec<Version>, FileError> {
    let mut table = Table::open(input, &AreaList::VERSIONS)?;
    let mut versions: Vec<Version> = Vec::new();
    while table.advance()? {
        let name = table.text(0);
        if !is_version(name) {
            return Err(table.fault(ErrorKind::Cell("version")));
        }
        let version = Version {
            name: name.into(),
            validity: table.validity(1)?,
            basis: table.text(3).into(),
            name_vi: table.required(4, "name_vi")?.into(),
            name_en: table.required(5, "name_en")?.into(),
        };
        if versions.iter().any(|other| other.name == version.name || other.validity.meets(&version.validity)) {
            return Err(table.fault(ErrorKind::Overlap));
        }
        versions.push(version);
    }
    Ok(versions)
}
