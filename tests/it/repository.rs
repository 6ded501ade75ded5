//! The repository as the tests see it: its root and its text files, without what tools put there.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Directories that hold nothing of ours.
const FOREIGN: [&str; 5] = [".git", "target", "node_modules", "third_party", "__pycache__"];

/// The top of the clone.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// One text file, by its path from the root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// Every file whose name ends in one of `endings`, as (path from the root, text), in path order.
pub(crate) fn files(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root(), "", endings, &mut found);
    found.sort();
    found
}

fn walk(directory: &Path, prefix: &str, endings: &[&str], found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if FOREIGN.contains(&name.as_str()) {
            continue;
        }
        let shown = format!("{prefix}{name}");
        if path.is_dir() {
            walk(&path, &format!("{shown}/"), endings, found);
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{shown}: {error}"));
            found.push((shown, text));
        }
    }
}
