//! Code is generated from the contracts for the languages of the systems that call: .NET, Java, Python. Whether it
//! compiles there is for clients of those languages to show.

use std::{path::Path, process::Command};

use crate::repository;

/// What protoc writes for one language, by the ending of its files.
fn generate(option: &str, ending: &str) -> Result<usize, String> {
    let root = repository::root();
    let protoc = root.join("target/tools/protoc");
    let program = protoc.join("bin/protoc");
    assert!(program.is_file(), "no protoc at {}: run `make setup`", program.display());
    let into = tempfile::tempdir().unwrap();
    let contracts = repository::files(&[".proto"]).into_iter().map(|(path, _)| path);
    let contracts =
        contracts.filter_map(|path| path.strip_prefix("proto/nhipcau/").map(|rest| format!("nhipcau/{rest}")));
    let done = Command::new(program)
        .current_dir(root.join("proto"))
        .args(["-I", ".", "-I", "third_party", "-I"])
        .arg(protoc.join("include").canonicalize().unwrap())
        .arg(format!("--{option}_out={}", into.path().display()))
        .args(contracts)
        .output()
        .unwrap();
    if done.status.success() { Ok(count(into.path(), ending)) } else { Err(String::from_utf8(done.stderr).unwrap()) }
}

fn count(directory: &Path, ending: &str) -> usize {
    let entries = directory.read_dir().unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(
            |path| {
                if path.is_dir() { count(&path, ending) } else { usize::from(path.to_string_lossy().ends_with(ending)) }
            },
        )
        .sum()
}

#[test]
fn protoc_makes_code_for_the_languages_of_old_systems() {
    let contracts =
        repository::files(&[".proto"]).iter().filter(|(path, _)| path.starts_with("proto/nhipcau/")).count();
    assert!(contracts > 10, "the contracts were not found");
    for (option, ending) in [("java", ".java"), ("csharp", ".cs"), ("python", "_pb2.py")] {
        let made = generate(option, ending).unwrap_or_else(|error| panic!("{option}: {error}"));
        assert!(made >= contracts, "{option}: {made} files of {contracts} contracts");
    }
}
