//! Whether secrets are readable by their owner alone, and whether a stolen disk would hold what opens it.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nhipcau_runtime::config::Config;

use crate::check::Finding;

/// Looks at the directories of keys.
pub(super) fn look(config: &Config, production: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    for directory in [&config.keys.directory, &config.keys.kek] {
        match open(directory) {
            Ok(open) if open.is_empty() => {
                let what = format!("{} is open to its owner only", directory.display());
                found.push(Finding::good("secrets", what));
            }
            Ok(open) => found.extend(open.iter().map(|path| {
                let what = format!("{} is open to others than its owner", path.display());
                Finding::problem(
                    "secrets",
                    what,
                    "chmod 600 for files, 700 for directories; replace the key if others were there",
                )
            })),
            Err(error) => {
                let what = format!("{} cannot be looked at: {}", directory.display(), error.kind());
                found.push(Finding::problem("secrets", what, "run doctor as the service's user"));
            }
        }
    }
    found.extend(apart(config, production));
    found
}

/// Everything under the directory that others can read or write, the directory included.
fn open(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        let facts = fs::metadata(&path)?;
        // The start counter is no secret.
        if facts.mode() & 0o077 != 0 && !path.ends_with("start") {
            found.push(path.clone());
        }
        if facts.is_dir() {
            for entry in fs::read_dir(&path)? {
                left.push(entry?.path());
            }
        }
    }
    Ok(found)
}

/// Whether the key-encryption keys lie on another device than the store.
fn apart(config: &Config, production: bool) -> Option<Finding> {
    // What lies at a server lies on its disk.
    if config.store.server.is_some() {
        return None;
    }
    let device = |path: &Path| fs::metadata(path).map(|facts| facts.dev()).ok();
    let store = device(config.store.path.parent()?).or_else(|| device(&config.home))?;
    Some(together(store == device(&config.keys.kek)?, production))
}

fn together(same_disk: bool, production: bool) -> Finding {
    let what = "the key-encryption keys lie on the disk of the store: whoever takes it can open every case";
    let advice = "put keys.kek on another disk, such as an encrypted one that is unlocked by hand";
    match (same_disk, production) {
        (false, _) => Finding::good("secrets", "the key-encryption keys lie on another disk than the store"),
        (true, false) => Finding::warning("secrets", what, advice),
        (true, true) => Finding::problem("secrets", what, advice),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::check::Severity;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn keys_beside_what_they_open_are_good_enough_for_trying_out_only() {
        let severity = |same_disk, production| together(same_disk, production).severity;
        assert_eq!(severity(true, true), Severity::Problem);
        assert_eq!(severity(true, false), Severity::Warning);
        assert_eq!([severity(false, true), severity(false, false)], [Severity::Good; 2]);
    }

    #[test]
    fn every_open_file_and_directory_is_named() {
        let home = tempfile::tempdir().unwrap();
        let keys = home.path().join("keys");
        fs::create_dir_all(keys.join("sealing")).unwrap();
        chmod(&keys, 0o700);
        chmod(&keys.join("sealing"), 0o755);
        for (name, mode) in [("signing.key", 0o600), ("id.key", 0o640), ("start", 0o644)] {
            fs::write(keys.join(name), "x").unwrap();
            chmod(&keys.join(name), mode);
        }
        let mut found = open(&keys).unwrap();
        found.sort();
        assert_eq!(found, [keys.join("id.key"), keys.join("sealing")]);
    }
}
