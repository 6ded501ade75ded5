//! The tables beside a release: administrative units, crosswalks, code lists and structures, as CSV that people edit.
//!
//! What a table is follows from its columns, so that its name is free. Here they are read to find mistakes before a
//! release is drawn up.

use std::collections::BTreeSet;

use nhipcau_domain::{
    area::{AreaList, CODE_LIST, Crosswalk, FileError},
    indicator::{CodeLists, Structure},
};
use nhipcau_proto::directory::v1 as pb;

use super::problem::Problems;

/// A table by name.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// File name.
    pub(crate) name: String,
    /// Content.
    pub(crate) bytes: Vec<u8>,
}

/// What the tables hold.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// Administrative units in force at every time.
    pub(crate) areas: AreaList,
    /// Structures of statistics, with their code lists.
    pub(crate) structures: Vec<Structure>,
}

/// What a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Versions,
    Units,
    Crosswalk,
    Codes,
    Structure,
}

impl Kind {
    fn of(bytes: &[u8]) -> Option<Self> {
        let header = bytes.split(|byte| *byte == b'\n').next()?;
        match std::str::from_utf8(header).ok()?.trim_end() {
            "version,valid_from,valid_until,basis,name_vi,name_en" => Some(Self::Versions),
            "code,level,parent,kind,name,valid_from,valid_until" => Some(Self::Units),
            "old_level,old_code,new_code,extent" => Some(Self::Crosswalk),
            "codelist,code,valid_from,valid_until,name_vi,name_en" => Some(Self::Codes),
            "structure,component,role,codelist,name_vi,name_en" => Some(Self::Structure),
            _ => None,
        }
    }
}

impl Tables {
    /// Reads what can be read and adds what is wrong.
    pub(crate) fn check(files: &[Table], problems: &mut Problems) -> Self {
        for file in files.iter().filter(|file| Kind::of(&file.bytes).is_none()) {
            problems.add(place(file), "has columns that no kind of table has");
        }
        let of = |kind: Kind| files.iter().filter(move |file| Kind::of(&file.bytes) == Some(kind));
        for kind in [Kind::Versions, Kind::Codes] {
            for file in of(kind).skip(1) {
                problems.add(place(file), "is a second table of its kind; bring the two together");
            }
        }
        let mut tables = Self::default();
        let units: Vec<&Table> = of(Kind::Units).collect();
        match (of(Kind::Versions).next(), units.first()) {
            (Some(versions), _) => match areas(versions, &units) {
                Ok(areas) => tables.areas = areas,
                Err((file, error)) => problems.add(place(file), describe(&error)),
            },
            (None, Some(unit)) => problems.add(place(unit), "needs a table of versions beside it"),
            (None, None) => {}
        }
        let mut reforms = BTreeSet::new();
        for file in of(Kind::Crosswalk) {
            match crosswalk(file, &tables.areas) {
                Ok(crosswalk) if reforms.insert(crosswalk.day()) => {}
                Ok(_) => problems.add(place(file), "is a second crosswalk of its day; bring the two together"),
                Err(what) => problems.add(place(file), what),
            }
        }
        let codes = of(Kind::Codes).next();
        let lists = match codes.map(|file| (file, CodeLists::parse(file.bytes.as_slice()))) {
            None => CodeLists::default(),
            Some((_, Ok(lists))) => lists,
            Some((file, Err(error))) => {
                problems.add(place(file), describe(&error));
                return tables;
            }
        };
        for file in of(Kind::Structure) {
            match Structure::parse(file.bytes.as_slice(), &lists) {
                Ok(structure) => tables.structures.push(structure),
                Err(error) => problems.add(place(file), describe(&error)),
            }
        }
        tables
    }

    /// The lists and structures that a table of these holds, as the release states them.
    pub(super) fn held(&self, file: &Table) -> (Vec<pb::CodeListKey>, Vec<pb::DataStructureKey>) {
        match Kind::of(&file.bytes) {
            Some(Kind::Versions | Kind::Units | Kind::Crosswalk) => {
                let key = |version: &str| pb::CodeListKey { id: CODE_LIST.to_owned(), version: version.to_owned() };
                (self.areas.versions().iter().map(|version| key(&version.name)).collect(), Vec::new())
            }
            Some(Kind::Codes) => (self.code_lists(file), Vec::new()),
            Some(Kind::Structure) => {
                let reference = cell(file, 0);
                (Vec::new(), reference.iter().filter_map(|reference| structure_key(reference)).collect())
            }
            None => (Vec::new(), Vec::new()),
        }
    }

    /// The lists of a table of codes have no version of their own; they go with the structures that use them.
    fn code_lists(&self, file: &Table) -> Vec<pb::CodeListKey> {
        let versions: BTreeSet<String> = self
            .structures
            .iter()
            .filter_map(|structure| structure_key(structure.reference().as_str()))
            .map(|key| key.version)
            .collect();
        let ids = cell(file, 0);
        let keys = ids.iter().flat_map(|id| {
            versions.iter().map(move |version| pb::CodeListKey { id: id.clone(), version: version.clone() })
        });
        keys.collect()
    }
}

/// `AGENCY:ID(VERSION)` in its parts.
pub(super) fn structure_key(reference: &str) -> Option<pb::DataStructureKey> {
    let (agency, rest) = reference.split_once(':')?;
    let (id, version) = match rest.split_once('(') {
        None => (rest, "1.0"),
        Some((id, version)) => (id, version.strip_suffix(')')?),
    };
    Some(pb::DataStructureKey { agency: agency.to_owned(), id: id.to_owned(), version: version.to_owned() })
}

/// The different texts of a column.
fn cell(file: &Table, column: usize) -> BTreeSet<String> {
    let mut rows = csv::Reader::from_reader(file.bytes.as_slice());
    rows.records().flatten().filter_map(|row| row.get(column).map(str::to_owned)).collect()
}

fn areas<'t>(versions: &'t Table, units: &[&'t Table]) -> Result<AreaList, (&'t Table, FileError)> {
    let parse = |units: &[&'t Table]| {
        AreaList::parse(versions.bytes.as_slice(), units.iter().map(|file| file.bytes.as_slice()))
    };
    parse(units).map_err(|error| {
        // Which table it is shows when they are added one by one.
        let first = (0..=units.len()).find(|many| parse(units.get(..*many).unwrap_or_default()).is_err());
        let file = first.and_then(|many| units.get(many.checked_sub(1)?)).copied().unwrap_or(versions);
        (file, error)
    })
}

fn crosswalk(file: &Table, areas: &AreaList) -> Result<Crosswalk, String> {
    let Some(day) = Crosswalk::day_of_table(&file.name) else {
        return Err("needs a name that ends in the day the new units began, such as vn-crosswalk-2025-07-01.csv".into());
    };
    Crosswalk::parse(day, file.bytes.as_slice(), areas).map_err(|error| describe(&error))
}

fn describe(error: &FileError) -> String {
    match error.line {
        0 => error.kind.to_string(),
        line => format!("line {line}: {}", error.kind),
    }
}

fn place(file: &Table) -> String {
    format!("tables/{}", file.name)
}
