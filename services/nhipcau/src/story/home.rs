//! Where a story is played. Only what an earlier playing made is ever removed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use crate::{
    exit::{Code, Failure, OrExit as _},
    sandbox::World,
};

/// Says what the directory is.
const MARKER: &str = ".nhipcau-story";
const MARKED: &str = "A story of nhipcau was played here. This directory is removed when one is played here again.\n";

/// Removes what an earlier run left. An empty or missing directory is fine; any other is an error.
pub(crate) fn clear(home: &Path) -> Result<(), Failure> {
    let mut entries = match fs::read_dir(home) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| home.display().to_string()).or_exit(Code::Usage),
    };
    if entries.next().is_none() {
        return Ok(());
    }
    let marker = fs::read_to_string(home.join(MARKER)).ok();
    if marker.as_deref() != Some(MARKED) {
        let text = format!("{} holds something that no story left there; name another --home", home.display());
        return Err(Failure::because(Code::Usage, text));
    }
    // The marker goes last, so that a removal that is cut off is taken up again by the next run.
    let remove = || -> io::Result<()> {
        for entry in fs::read_dir(home)? {
            let entry = entry?;
            if entry.file_name() == MARKER {
                continue;
            }
            if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
        }
        fs::remove_dir_all(home)
    };
    remove().with_context(|| home.display().to_string()).or_exit(Code::Failed)
}

/// Marks the directory as one in which a story is played.
pub(crate) fn mark(home: &Path) -> Result<(), Failure> {
    fs::write(home.join(MARKER), MARKED).with_context(|| home.display().to_string()).or_exit(Code::Failed)
}

/// Directory of an access point.
pub(super) fn of(world: &World, name: &str) -> Result<PathBuf, Failure> {
    let config = world.path(&world.access_point(name)?.config);
    Ok(config.parent().map(PathBuf::from).unwrap_or_default())
}
