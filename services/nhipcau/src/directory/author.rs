//! Draws up a release from its source and reviews it as every access point will, before anybody signs.
//!
//! What comes out is unsigned and proves nothing. Mistakes are named by the file and entry that a person wrote, not by
//! the path in the release; those of the source and those of the review come together.

use std::{fs, path::Path};

use jiff::Timestamp;
use nhipcau_domain::directory::{
    self, Release, TrustedRoot,
    authoring::{self, ReleaseBuilder},
};

use super::{
    Error, files,
    problem::Problems,
    source::{Source, section},
    tables::Table,
};

/// What a release follows.
#[derive(Debug)]
pub(crate) enum Before<'a> {
    /// Nothing: it is the first, under the first root.
    Root(&'a TrustedRoot),
    /// Another release, perhaps with a change of root.
    Release(&'a Release, Option<&'a TrustedRoot>),
}

/// A release without signatures, and the tables that lie beside it.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The release file.
    pub(crate) release: Vec<u8>,
    /// The tables that it vouches for.
    pub(crate) tables: Vec<Table>,
}

/// Draws up a release.
///
/// # Errors
/// [`Problems`]: everything that is wrong with the source, those found while reading it included.
pub(crate) fn draw_up(
    source: Source,
    before: &Before<'_>,
    issue: Timestamp,
    mut problems: Problems,
) -> Result<Draft, Problems> {
    let (programme, previous) = match before {
        Before::Root(root) => (root.programme(), None),
        Before::Release(release, root) => {
            (root.map_or(release.root().programme(), TrustedRoot::programme), Some(*release))
        }
    };
    if source.programme != programme && !source.programme.is_empty() {
        problems.add("programme.toml", format_args!("programme must be {programme:?}, as in the root"));
    }
    // A missing time was named when the source was read; any other keeps the review going.
    let expire = source.expire.unwrap_or(Timestamp::MAX);
    let builder = match before {
        Before::Root(root) => ReleaseBuilder::new(root, issue, expire),
        Before::Release(release, None) => ReleaseBuilder::after(release, issue, expire),
        Before::Release(release, Some(root)) => ReleaseBuilder::after(release, issue, expire).root(root),
    };
    let content = source.content;
    let builder = builder.with(|wire| {
        wire.parties = content.parties;
        wire.access_points = content.access_points;
        wire.units = content.units;
        wire.contracts = content.contracts;
        wire.agreements = content.agreements;
        wire.publications = content.publications;
        wire.dataflows = content.dataflows;
        wire.provision_agreements = content.provision_agreements;
        wire.calendars = content.calendars;
        wire.time_limits = content.time_limits;
        wire.retention_classes = content.retention_classes;
        wire.attachments.clear();
    });
    let builder = source.files.iter().fold(builder, |builder, table| {
        let (lists, structures) = source.tables.held(table);
        builder.attachment(&table.name, &table.bytes, lists, structures)
    });
    if let Some(previous) = previous {
        check_names(previous, &source.files, &mut problems);
    }
    let release = builder.build();
    match authoring::review(&release, previous) {
        Ok(()) => {}
        Err(directory::Error::Invalid(found)) => problems.add_review(&found, "programme.toml", section),
        Err(error) => problems.add("release", error),
    }
    if problems.is_empty() { Ok(Draft { release, tables: source.files }) } else { Err(problems) }
}

/// The tables of two releases lie in one directory while access points change over.
fn check_names(previous: &Release, files: &[Table], problems: &mut Problems) {
    for file in files {
        let known = previous.attachments().any(|name| name == file.name);
        if known && previous.attachment(&file.name, &file.bytes).is_err() {
            problems.add(
                format!("tables/{}", file.name),
                "has another content than in the release before; give the file another name",
            );
        }
    }
}

impl Draft {
    /// Writes the release, and the tables into `attachments/` beside it.
    ///
    /// # Errors
    /// When a table of this name is there with other content, or something cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let beside = path.parent().unwrap_or(Path::new(".")).join("attachments");
        for table in &self.tables {
            let path = beside.join(&table.name);
            match fs::read(&path) {
                Ok(known) if known == table.bytes => {}
                Ok(_) => return Err(Error::Exists(path)),
                Err(_) => files::write(&path, &table.bytes)?,
            }
        }
        Ok(files::write(path, &self.release)?)
    }
}
