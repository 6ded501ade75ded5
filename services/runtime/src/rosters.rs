//! The rosters of an access point as files: one for each unit that has one, verified anew at every start and reload.
//!
//! ```text
//! rosters/PARTY.UNIT.roster     a signed roster, readable by its owner alone: it holds telephone numbers
//! rosters/PARTY.UNIT.version    the highest version of that unit that was in use
//! ```
//!
//! A file that is refused changes nothing where a roster of that unit is in use and still counts. Where none does, the
//! unit has a roster that cannot be used, which is another thing than none: then nobody is guessed. A file that is gone
//! was taken away by a person; a directory that is gone was not. A roster older than one that was in use is refused at
//! a start too. Nothing here is logged and no error repeats what stands in a file.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use nhipcau_domain::{
    duty::{self, Reader, Roster},
    id::{PartyId, UnitId},
    referral::UnitRef,
};
use zeroize::Zeroizing;

use crate::private_file;

/// Why a roster file is not taken. Never says what is in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The list of files cannot be read.
    #[error("{path} could not be listed")]
    List {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be read or written, or others than its owner may read it.
    #[error("{path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: private_file::Error,
    },
    /// It does not say which version was in use; what it should keep out is not.
    #[error("{0} is not a version; remove it")]
    Version(PathBuf),
    /// Its name is not that of a unit, or of another one than the roster's.
    #[error("{0} is not named PARTY.UNIT.roster by the unit whose roster it is")]
    Misnamed(PathBuf),
    /// Its content is refused.
    #[error("{path} was refused")]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: duty::Error,
    },
}

/// The rosters in use. Cheap to clone.
#[derive(Clone, Default)]
pub struct Rosters(Arc<BTreeMap<UnitRef, Option<Kept>>>);

#[derive(Clone)]
struct Kept {
    roster: Arc<Roster>,
    bytes: Arc<Zeroizing<Vec<u8>>>,
}

impl Rosters {
    /// Reads every file. `before`: the rosters in use, none at a start. With what was refused.
    #[must_use]
    pub fn load(place: &Path, by: Reader<'_>, before: Option<&Self>, now: Timestamp) -> (Self, Vec<Error>) {
        let (mut rosters, mut refused) = (BTreeMap::new(), Vec::new());
        let in_use: Vec<_> = before.into_iter().flat_map(|before| before.0.keys()).collect();
        let paths = match listed(place) {
            Ok(paths) => paths,
            // Nobody has installed any yet.
            Err(source) if source.kind() == io::ErrorKind::NotFound && in_use.is_empty() => Vec::new(),
            Err(source) => {
                refused.push(Error::List { path: place.to_owned(), source });
                // Nobody has taken them away.
                in_use.into_iter().map(|unit| path_of(place, unit)).collect()
            }
        };
        for path in paths {
            let Some(unit) = unit_of(&path) else {
                refused.push(Error::Misnamed(path));
                continue;
            };
            let current = before.and_then(|before| before.kept(&unit));
            let seen = seen(place, &unit).unwrap_or_else(|error| {
                refused.push(error);
                0
            });
            let taking = before.map(|_| (current, now));
            let kept = read(&path, (&unit, seen), by, taking).map(Some).unwrap_or_else(|error| {
                refused.push(error);
                current.filter(|kept| Roster::read(&kept.bytes, by).is_ok()).cloned()
            });
            rosters.insert(unit, kept);
        }
        (Self(Arc::new(rosters)), refused)
    }

    /// The roster of a unit: `None` when it has no file, `Some(None)` when it has one that cannot be used.
    #[must_use]
    pub fn of(&self, unit: &UnitRef) -> Option<Option<&Roster>> {
        self.0.get(unit).map(|kept| kept.as_ref().map(|kept| &*kept.roster))
    }

    /// Every unit that has a file, with its roster if that can be used.
    pub fn units(&self) -> impl Iterator<Item = (&UnitRef, Option<&Roster>)> {
        self.0.iter().map(|(unit, kept)| (unit, kept.as_ref().map(|kept| &*kept.roster)))
    }

    /// Whether these are the very same, not read again since.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Units that have a file, and had none before or another roster.
    pub fn differing<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a UnitRef> {
        self.0.keys().filter(|unit| self.of(unit) != before.of(unit))
    }

    /// Units that had a file before and have none any more.
    pub fn gone<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a UnitRef> {
        before.0.keys().filter(|unit| !self.0.contains_key(unit))
    }

    /// Keeps of each roster that it is in use, so that none that is older is taken at a later start.
    ///
    /// # Errors
    /// [`Error`] of the first of which it could not be kept.
    pub fn remember(&self, place: &Path) -> Result<(), Error> {
        let mut known = self.units().filter_map(|(unit, roster)| Some((unit, roster?.version())));
        known.try_for_each(|(unit, version)| remember(place, unit, version))
    }

    fn kept(&self, unit: &UnitRef) -> Option<&Kept> {
        self.0.get(unit)?.as_ref()
    }
}

/// Says whose rosters there are, and nothing of them.
impl fmt::Debug for Rosters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Takes a signed roster into the place where a running process finds it, in place of the one before.
///
/// # Errors
/// [`Error`]; the one before is there still. After [`Error::File`] or [`Error::Version`] the new one may be in its
/// place already: it was perhaps not kept that this version is in use, or that its place is on the disk.
pub fn install(place: &Path, signed_bytes: &[u8], by: Reader<'_>, now: Timestamp) -> Result<Roster, Error> {
    let (before, _) = Rosters::load(place, by, None, now);
    let refused = |source| Error::Refused { path: place.to_owned(), source };
    let unit = Roster::read(signed_bytes, by).map_err(refused)?.unit().clone();
    let path = path_of(place, &unit);
    let current = before.kept(&unit).map(|kept| &*kept.roster);
    let roster = Roster::take(signed_bytes, by, current, now).map_err(refused)?;
    let roster = roster.not_older(seen(place, &unit)?).map_err(refused)?;
    let failed = |source| Error::File { path: path.clone(), source };
    private_file::create_directory(place).map_err(failed)?;
    private_file::replace(&path, signed_bytes).map_err(failed)?;
    remember(place, &unit, roster.version())?;
    Ok(roster)
}

/// The highest version of a unit's rosters that was in use here, 0 when none was.
///
/// # Errors
/// [`Error::File`] and [`Error::Version`]: nobody knows.
pub fn seen(place: &Path, unit: &UnitRef) -> Result<u64, Error> {
    let path = path_of(place, unit).with_extension("version");
    let text = match private_file::read(&path) {
        Ok(bytes) => bytes,
        Err(private_file::Error::Read(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(source) => return Err(Error::File { path, source }),
    };
    let version = std::str::from_utf8(&text).ok().and_then(|text| text.trim_end().parse().ok());
    version.ok_or(Error::Version(path))
}

fn remember(place: &Path, unit: &UnitRef, version: u64) -> Result<(), Error> {
    // One that cannot be read says nothing any more, and is said to be so by whoever loads it.
    if seen(place, unit).is_ok_and(|seen| version <= seen) {
        return Ok(());
    }
    let path = path_of(place, unit).with_extension("version");
    private_file::replace(&path, format!("{version}\n").as_bytes()).map_err(|source| Error::File { path, source })
}

fn read(
    path: &Path,
    (unit, seen): (&UnitRef, u64),
    by: Reader<'_>,
    taking: Option<(Option<&Kept>, Timestamp)>,
) -> Result<Kept, Error> {
    let bytes = private_file::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    let is_known = taking.and_then(|(current, _)| current).is_some_and(|current| **current.bytes == *bytes);
    let roster = match taking {
        Some((current, now)) if !is_known => Roster::take(&bytes, by, current.map(|current| &*current.roster), now),
        _ => Roster::read(&bytes, by),
    };
    let refused = |source| Error::Refused { path: path.to_owned(), source };
    let roster = roster.map_err(refused)?;
    if roster.unit() != unit {
        return Err(Error::Misnamed(path.to_owned()));
    }
    let roster = roster.not_older(seen).map_err(refused)?;
    Ok(Kept { roster: Arc::new(roster), bytes: Arc::new(bytes) })
}

fn path_of(place: &Path, unit: &UnitRef) -> PathBuf {
    place.join(format!("{}.{}.roster", unit.party, unit.unit))
}

fn unit_of(path: &Path) -> Option<UnitRef> {
    let (party, unit) = path.file_stem()?.to_str()?.split_once('.')?;
    Some(UnitRef { party: PartyId::new(party).ok()?, unit: UnitId::new(unit).ok()? })
}

/// The roster files, by their names.
fn listed(place: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(place)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "roster"));
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
pub(crate) mod tests;
