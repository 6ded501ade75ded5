//! What services look up, made from the tables that a release of the directory vouches for: structures with their
//! codes, dataflows, administrative units and what became of them.
//!
//! A table is known by its first line, so that its name and the number of tables are the release's own business; only
//! the name of a crosswalk ends in the day of its reform. A dataflow is called `AGENCY:ID(1.0)` by the agency of its
//! structure.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use nhipcau_domain::{
    area::{AreaList, Areas, Crosswalk},
    directory::Release,
    indicator::{CodeLists, Structure, StructureRef},
};
use nhipcau_indicators::Registry;
use nhipcau_proto::directory::v1::DataStructureKey;
use nhipcau_runtime::{config, directory};

use crate::{
    client::SignedDirectory,
    exit::{Code, Failure, OrExit as _},
};

/// The kinds of table, by the first two columns.
const VERSIONS: &str = "version,valid_from,";
const UNITS: &str = "code,level,";
const CROSSWALK: &str = "old_level,old_code,";
const CODES: &str = "codelist,code,";
const STRUCTURE: &str = "structure,component,";

/// The tables of a release, as services use them.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    /// What figures are checked against.
    pub(crate) registry: Arc<Registry>,
    /// Administrative units through time.
    pub(crate) areas: Arc<Areas>,
}

/// Reads the tables of a release.
///
/// # Errors
/// Names the table that cannot be read, is another than the release names, or contradicts the others.
pub(crate) fn read(place: &config::Directory, release: &Release) -> anyhow::Result<Tables> {
    let table = |name: &str| Ok((name.to_owned(), directory::attachment(place, release, name)?));
    let tables: BTreeMap<String, Vec<u8>> = release.attachments().map(table).collect::<anyhow::Result<_>>()?;
    from_tables(&tables, release)
}

/// The signed directory whose tables a command uses; the profile may name it.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// Directory with `releases/` and `attachments/`; what the profile names when left out.
    #[arg(long, value_name = "DIR", requires = "fingerprint")]
    directory: Option<PathBuf>,
    /// Fingerprint of the first root of that directory, compared out of band.
    #[arg(long, value_name = "HEX", requires = "directory")]
    fingerprint: Option<String>,
}

impl Place {
    /// Reads the tables of the newest release there, or in the directory that a profile names.
    pub(crate) fn read(&self, named: Option<&SignedDirectory>) -> Result<Tables, Failure> {
        self.open(named).map(|(_, tables)| tables)
    }

    /// As [`Place::read`], with the release.
    pub(crate) fn open(&self, named: Option<&SignedDirectory>) -> Result<(Release, Tables), Failure> {
        match (&self.directory, &self.fingerprint) {
            (Some(path), Some(fingerprint)) => {
                open(&SignedDirectory { path: path.clone(), fingerprint: fingerprint.clone() })
            }
            _ => open(named.ok_or_else(|| {
                let text = "neither the command nor the profile names a directory; give --directory and --fingerprint";
                Failure::because(Code::Usage, text)
            })?),
        }
    }
}

/// Verifies a directory and reads the tables of its newest release. An expired one is taken: what may be published is
/// the access point's to say.
pub(crate) fn newest(place: &SignedDirectory) -> Result<Tables, Failure> {
    open(place).map(|(_, tables)| tables)
}

fn open(place: &SignedDirectory) -> Result<(Release, Tables), Failure> {
    let fingerprint = place.fingerprint.parse().context("the fingerprint of the directory");
    let place = config::Directory { path: place.path.clone(), fingerprint: fingerprint.or_exit(Code::Configuration)? };
    let release = directory::load(&place, Timestamp::now(), true).or_exit(Code::Configuration)?;
    let tables = read(&place, &release).context("the tables of the directory").or_exit(Code::Configuration)?;
    Ok((release, tables))
}

fn from_tables(tables: &BTreeMap<String, Vec<u8>>, release: &Release) -> anyhow::Result<Tables> {
    let of_kind = |kind: &'static str| {
        let fits = move |(_, bytes): &(&String, &Vec<u8>)| bytes.starts_with(kind.as_bytes());
        tables.iter().filter(fits).map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    };
    let units = Arc::new(units(of_kind(VERSIONS), of_kind(UNITS))?);
    let reforms = of_kind(CROSSWALK).map(|(name, bytes)| crosswalk(name, bytes, &units).context(name.to_owned()));
    let reforms: Vec<Crosswalk> = reforms.collect::<anyhow::Result<_>>()?;
    let areas = Areas::new(Arc::clone(&units), reforms).context("the crosswalks")?;
    let mut registry = Registry::new(units);
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
    Ok(Tables { registry: Arc::new(registry), areas: Arc::new(areas) })
}

fn crosswalk(name: &str, bytes: &[u8], units: &AreaList) -> anyhow::Result<Crosswalk> {
    let day = Crosswalk::day_of_table(name).context("the name does not end in the day of the reform")?;
    Ok(Crosswalk::parse(day, bytes, units)?)
}

fn units<'t>(
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

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use nhipcau_domain::area::Resolution;
    use nhipcau_runtime::config::Config;

    use super::*;
    use crate::sandbox::World;

    const VERSIONS: &str = "version,valid_from,valid_until,basis,name_vi,name_en\nOLD,,2025-06-30,,cũ,old\n\
        NEW,2025-07-01,,,mới,new\n";
    const UNITS: &str = "code,level,parent,kind,name,valid_from,valid_until\n02,province,,province,Cũ,,2025-06-30\n\
        08,province,,province,Mới,2025-07-01,\n";
    const WALK: &str = "old_level,old_code,new_code,extent\nprovince,02,08,whole\n";

    /// A release of the sandbox, and its tables as they are served.
    fn served() -> (Release, Tables) {
        let here = tempfile::tempdir().unwrap();
        let (world, _) = World::open(&here.path().join("sandbox"), Timestamp::now()).unwrap();
        let path = world.path(&world.access_point("moh").unwrap().config);
        let config = Config::load(Some(&path), &BTreeMap::new()).unwrap();
        let release = directory::load(&config.directory, Timestamp::now(), false).unwrap();
        let tables = read(&config.directory, &release).unwrap();
        (release, tables)
    }

    fn tables(named: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        named.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn the_crosswalks_of_a_release_are_served_and_those_that_cannot_be_keep_it_out() {
        let (release, served) = served();
        let today = date(2026, 11, 29);
        let reference = |text: &str| text.parse().unwrap();
        assert!(
            matches!(served.areas.resolve(&reference("00634@VN-63"), today), Resolution::Split(of) if of.len() == 5)
        );
        let became = served.areas.resolve(&reference("02@VN-63"), today);
        assert_eq!(became.whole().map(|unit| &*unit.code), Some("08"));
        assert!(Arc::ptr_eq(served.areas.list(), served.registry.areas()), "figures and cases know the same units");

        let lists = [("versions.csv", VERSIONS), ("units.csv", UNITS)];
        let with = |walks: &[(&str, &str)]| from_tables(&tables(&[&lists, walks].concat()), &release);
        let areas = with(&[("walk-2025-07-01.csv", WALK)]).unwrap().areas;
        assert_eq!(areas.resolve(&reference("02@OLD"), today).whole().map(|unit| &*unit.code), Some("08"));
        assert_eq!(with(&[]).unwrap().areas.resolve(&reference("02@OLD"), today), Resolution::Gone);
        for (walks, said) in [
            (&[("walk.csv", WALK)][..], "walk.csv: the name does not end in the day of the reform"),
            (&[("walk-2025-07-02.csv", WALK)], "walk-2025-07-02.csv: code list, line 2: refers to an unknown unit"),
            (
                &[("a-2025-07-01.csv", WALK), ("b-2025-07-01.csv", WALK)],
                "the crosswalks: two crosswalks are of 2025-07-01; bring them together",
            ),
        ] {
            assert_eq!(format!("{:#}", with(walks).unwrap_err()), said);
        }
    }
}
