//! The source of a release: files that people edit and keep under version control.
//!
//! ```text
//! programme.toml      programme, expire_time, [[contract]]
//! parties.toml        [[party]]
//! access-points.toml  [[access_point]] with their keys
//! units.toml          [[unit]]
//! agreements.toml     [[agreement]], [[publication]]
//! statistics.toml     [[dataflow]], [[provision_agreement]]; may be absent
//! time-limits.toml    [[calendar]], [[time_limit]]; may be absent
//! retention.toml      [[retention_class]]; may be absent
//! tables/*.csv        administrative units, crosswalks, code lists, structures: see `tables`
//! ```
//!
//! Keys are named as the fields of `nhipcau.directory.v1`. Reading goes on after a mistake, so that all are listed.

mod entry;
mod retention;
mod text;
mod time_limit;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nhipcau_domain::area::CODE_LIST;
use nhipcau_proto::directory::v1 as pb;
use serde::de::DeserializeOwned;

pub(crate) use self::text::{Time, UnitName};
use super::{
    problem::{Problems, entry_place},
    tables::{Table, Tables},
};

/// What a source says.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Programme.
    pub(crate) programme: String,
    /// When a release drawn up from it expires.
    pub(crate) expire: Option<Timestamp>,
    /// The lists of the release, without root, version and times.
    pub(crate) content: pb::Release,
    /// The tables beside it, as they are …
    pub(crate) files: Vec<Table>,
    /// … and what they hold.
    pub(crate) tables: Tables,
}

/// Which file keeps a list of the release, and how an entry is called there.
pub(crate) fn section(list: &str) -> Option<(&'static str, &'static str)> {
    Some(match list {
        "contracts" => ("programme.toml", "contract"),
        "parties" => ("parties.toml", "party"),
        "access_points" => ("access-points.toml", "access_point"),
        "units" => ("units.toml", "unit"),
        "agreements" => ("agreements.toml", "agreement"),
        "publications" => ("agreements.toml", "publication"),
        "dataflows" => ("statistics.toml", "dataflow"),
        "provision_agreements" => ("statistics.toml", "provision_agreement"),
        "calendars" => ("time-limits.toml", "calendar"),
        "time_limits" => ("time-limits.toml", "time_limit"),
        "retention_classes" => ("retention.toml", "retention_class"),
        "attachments" => ("tables/", "table"),
        _ => return None,
    })
}

impl Source {
    /// Reads a directory of source files and adds what is wrong with them.
    pub(crate) fn read(directory: &Path, problems: &mut Problems) -> Self {
        let mut source = Self::default();
        let content = &mut source.content;

        let mut file = File::read(directory, "programme.toml", true, problems);
        source.programme = file.value("programme", problems).unwrap_or_default();
        source.expire = file.value::<Time>("expire_time", problems).map(|time| time.0);
        content.contracts = file.entries::<entry::Contract, _>("contract", problems);
        file.close(problems);

        let mut file = File::read(directory, "parties.toml", true, problems);
        content.parties = file.entries::<entry::Party, _>("party", problems);
        file.close(problems);

        let mut file = File::read(directory, "access-points.toml", true, problems);
        content.access_points = file.entries::<entry::AccessPoint, _>("access_point", problems);
        file.close(problems);

        let mut file = File::read(directory, "units.toml", true, problems);
        content.units = file.entries::<entry::Unit, _>("unit", problems);
        file.close(problems);

        let mut file = File::read(directory, "agreements.toml", true, problems);
        content.agreements = file.entries::<entry::Agreement, _>("agreement", problems);
        content.publications = file.entries::<entry::Publication, _>("publication", problems);
        file.close(problems);

        let mut file = File::read(directory, "statistics.toml", false, problems);
        content.dataflows = file.entries::<entry::Dataflow, _>("dataflow", problems);
        content.provision_agreements = file.entries::<entry::ProvisionAgreement, _>("provision_agreement", problems);
        file.close(problems);

        let mut file = File::read(directory, "time-limits.toml", false, problems);
        content.calendars = file.entries::<entry::Calendar, _>("calendar", problems);
        content.time_limits = file.entries::<entry::TimeLimit, _>("time_limit", problems);
        file.close(problems);

        let mut file = File::read(directory, "retention.toml", false, problems);
        content.retention_classes = file.entries::<entry::RetentionClass, _>("retention_class", problems);
        file.close(problems);

        source.files = tables(&directory.join("tables"), problems);
        source.tables = Tables::check(&source.files, problems);
        source.check_areas(problems);
        time_limit::check(&source.content, problems);
        retention::check(&source.content, problems);
        source
    }

    /// A release cannot look into tables; here the areas of units are looked up in them.
    fn check_areas(&self, problems: &mut Problems) {
        for (i, unit) in self.content.units.iter().enumerate() {
            for area in unit.areas.iter().filter(|area| area.code_list == CODE_LIST) {
                let known = format!("{}@{}", area.code, area.code_list_version)
                    .parse()
                    .is_ok_and(|area| self.tables.areas.unit(&area).is_ok());
                if !known {
                    let place = entry_place("units.toml", "unit", i);
                    problems.add(place, format_args!("serves the area {} that no table has", area.code));
                }
            }
        }
    }
}

/// A file of the source whose keys are taken out one by one.
pub(crate) struct File {
    name: &'static str,
    content: toml::Table,
    /// Says where a mistake is, and nothing that stands there.
    is_discreet: bool,
}

impl File {
    fn read(directory: &Path, name: &'static str, required: bool, problems: &mut Problems) -> Self {
        match fs::read_to_string(directory.join(name)) {
            Ok(text) => Self::parse(name, &text, problems),
            Err(error) => {
                if required || error.kind() != io::ErrorKind::NotFound {
                    problems.add(name, format_args!("cannot be read: {}", error.kind()));
                }
                Self { name, content: toml::Table::new(), is_discreet: false }
            }
        }
    }

    /// Reads a text; nothing is in it when it is not TOML.
    pub(crate) fn parse(name: &'static str, text: &str, problems: &mut Problems) -> Self {
        let content = text.parse().unwrap_or_else(|error: toml::de::Error| {
            problems.add(name, error.to_string().trim_end());
            toml::Table::new()
        });
        Self { name, content, is_discreet: false }
    }

    /// Reads a text that has something of people in it: of a mistake its place is said, and nothing of the text.
    pub(crate) fn parse_discreetly(name: &'static str, text: &str, problems: &mut Problems) -> Self {
        let content = text.parse().unwrap_or_else(|error: toml::de::Error| {
            problems.add(name, format_args!("{} is not TOML", line_and_column(text, &error)));
            toml::Table::new()
        });
        Self { name, content, is_discreet: true }
    }

    /// Whether there is such a key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.content.contains_key(key)
    }

    pub(crate) fn value<T: DeserializeOwned>(&mut self, key: &str, problems: &mut Problems) -> Option<T> {
        let Some(value) = self.content.remove(key) else {
            problems.add(self.name, format_args!("{key} is missing"));
            return None;
        };
        value.try_into().map_err(|error| problems.add(self.name, format_args!("{key}: {}", self.what(&error)))).ok()
    }

    /// The entries of a list, in order. One that cannot be read leaves an empty one behind, so that places keep their
    /// number.
    pub(crate) fn entries<T: DeserializeOwned + Into<W>, W: Default>(
        &mut self,
        key: &str,
        problems: &mut Problems,
    ) -> Vec<W> {
        let entries = match self.content.remove(key) {
            None => Vec::new(),
            Some(toml::Value::Array(entries)) => entries,
            Some(_) => {
                problems.add(self.name, format_args!("{key} must be written as [[{key}]]"));
                Vec::new()
            }
        };
        let read = |(i, entry): (usize, toml::Value)| {
            entry.try_into::<T>().map(Into::into).unwrap_or_else(|error| {
                problems.add_unread(entry_place(self.name, key, i), self.what(&error));
                W::default()
            })
        };
        entries.into_iter().enumerate().map(read).collect()
    }

    pub(crate) fn close(self, problems: &mut Problems) {
        for key in self.content.keys() {
            let is_word = key.chars().all(|sign| sign.is_ascii_lowercase() || sign == '_');
            let key = if self.is_discreet && !is_word { "a key" } else { key };
            problems.add(self.name, format_args!("{key} is not known here"));
        }
    }

    /// What is wrong with a value.
    fn what(&self, error: &toml::de::Error) -> String {
        let text = line(error);
        // Of these the library names a key of ours, and in others what was written.
        if !self.is_discreet || text.starts_with("missing field `") {
            return text;
        }
        "something is not known here, or is written otherwise than it should be".to_owned()
    }
}

/// Where reading ended, counted from one.
fn line_and_column(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or(text);
    let (line, column) =
        (before.matches('\n').count() + 1, before.chars().rev().take_while(|it| *it != '\n').count() + 1);
    format!("line {line}, column {column}")
}

/// The message of a decoding error in one line.
fn line(error: &toml::de::Error) -> String {
    error.message().replace('\n', " ")
}

/// Every table, by name.
fn tables(directory: &Path, problems: &mut Problems) -> Vec<Table> {
    let list = || -> io::Result<Vec<PathBuf>> { fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect() };
    let mut paths = match list() {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            problems.add("tables", format_args!("cannot be listed: {}", error.kind()));
            Vec::new()
        }
    };
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        match fs::read(&path) {
            Ok(bytes) => Some(Table { name, bytes }),
            Err(error) => {
                problems.add(format!("tables/{name}"), format_args!("cannot be read: {}", error.kind()));
                None
            }
        }
    };
    paths.into_iter().filter_map(read).collect()
}
