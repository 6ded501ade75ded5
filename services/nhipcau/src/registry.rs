//! What figures are checked against, made from the tables that a release of the directory vouches for: structures
//! with their codes, dataflows, administrative units.
//!
//! A table is known by its first line, so that its name and the number of tables are the release's own business. Tables
//! of other kinds, such as crosswalks, are passed over. A dataflow is called `AGENCY:ID(1.0)` by the agency of its
//! structure.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, bail};
use nhipcau_domain::{
    area::AreaList,
    directory::Release,
    indicator::{CodeLists, Structure, StructureRef},
};
use nhipcau_indicators::Registry;
use nhipcau_proto::directory::v1::DataStructureKey;
use nhipcau_runtime::{config, directory};

/// The kinds of table, by the first two columns.
const VERSIONS: &str = "version,valid_from,";
const UNITS: &str = "code,level,";
const CODES: &str = "codelist,code,";
const STRUCTURE: &str = "structure,component,";

/// Reads the tables of a release.
///
/// # Errors
/// Names the table that cannot be read, is another than the release names, or contradicts the others.
pub(crate) fn read(place: &config::Directory, release: &Release) -> anyhow::Result<Registry> {
    let table = |name: &str| Ok((name.to_owned(), directory::attachment(place, release, name)?));
    let tables: BTreeMap<String, Vec<u8>> = release.attachments().map(table).collect::<anyhow::Result<_>>()?;
    from_tables(&tables, release)
}

fn from_tables(tables: &BTreeMap<String, Vec<u8>>, release: &Release) -> anyhow::Result<Registry> {
    let of_kind = |kind: &'static str| {
        let fits = move |(_, bytes): &(&String, &Vec<u8>)| bytes.starts_with(kind.as_bytes());
        tables.iter().filter(fits).map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    };
    let mut registry = Registry::new(Arc::new(areas(of_kind(VERSIONS), of_kind(UNITS))?));
    let codes = of_kind(CODES).map(|(name, bytes)| CodeLists::parse(bytes).context(name.to_owned()));
    let codes: Vec<CodeLists> = codes.collect::<anyhow::Result<_>>()?;
    for (name, bytes) in of_kind(STRUCTURE) {
        registry = registry.structure(structure(bytes, &codes).context(name.to_owned())?);
    }
    for dataflow in &release.wire().dataflows {
        let Some(key) = &dataflow.structure else { continue };
        let called = format!("{}:{}(1.0)", key.agency, dataflow.id);
        registry = registry.dataflow(called.parse().context("a dataflow of the release")?, reference(key)?);
    }
    Ok(registry)
}

fn areas<'t>(
    mut versions: impl Iterator<Item = (&'t str, &'t [u8])>,
    units: impl Iterator<Item = (&'t str, &'t [u8])>,
) -> anyhow::Result<AreaList> {
    let units: Vec<&[u8]> = units.map(|(_, bytes)| bytes).collect();
    match (versions.next(), versions.next()) {
        (None, _) if units.is_empty() => Ok(AreaList::default()),
        (Some((_, versions)), None) => AreaList::parse(versions, units).context("the administrative units"),
        _ => bail!("the release needs exactly one table of versions of the administrative units"),
    }
}

/// Reads a structure by the first table of codes that has all of its lists.
fn structure(bytes: &[u8], codes: &[CodeLists]) -> anyhow::Result<Structure> {
    let mut refused = None;
    for lists in codes {
        match Structure::parse(bytes, lists) {
            Ok(structure) => return Ok(structure),
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(error) => Err(error.into()),
        None => bail!("the release has no table of codes"),
    }
}

fn reference(key: &DataStructureKey) -> anyhow::Result<StructureRef> {
    format!("{}:{}({})", key.agency, key.id, key.version).parse().context("a structure of the release")
}
