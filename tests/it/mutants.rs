//! The mutants of `make mutants` stay usable: each says what it breaks and what notices, and applies to this tree.

use std::process::Command;

use crate::repository;

#[test]
fn every_mutant_names_its_promise_and_its_check_and_applies() {
    let root = repository::root().canonicalize().unwrap();
    let mutants = repository::files(&[".patch"]);
    assert!(mutants.len() > 8, "the mutants were not found");
    let sources = repository::files(&[".rs"]);
    let functions: Vec<&str> = sources.iter().flat_map(|(_, text)| text.split("fn ").skip(1)).map(name).collect();
    for (path, text) in mutants {
        let head = text.split("\n--- ").next().unwrap();
        let says = |key: &str| head.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.len() > 1));
        assert!(says("Promise: ") && says("Check: cargo test "), "{path} lacks its head");
        let check = head.lines().find_map(|line| line.strip_prefix("Check: ")).unwrap();
        let is_there = match check.split_once(" --campaign ") {
            Some((_, faults)) => faults.split(' ').take_while(|word| !word.starts_with("--")).all(|fault| {
                let named = format!("name: \"{fault}\"");
                sources.iter().any(|(path, text)| path.contains("tests/faults/") && text.contains(&named))
            }),
            None => {
                let test = check.rsplit([' ', ':']).next().unwrap();
                !test.contains('_') || functions.iter().any(|function| function.contains(test))
            }
        };
        assert!(is_there, "{path}: there is nothing that {check} would run");
        let store = head.lines().find_map(|line| line.strip_prefix("Store: "));
        assert!(matches!(store, None | Some("postgres")), "{path}: there is no store {store:?}");
        let applies = Command::new("git")
            .args(["apply", "--check", &path])
            .current_dir(&root)
            .env("GIT_CEILING_DIRECTORIES", root.parent().unwrap())
            .output()
            .unwrap();
        assert!(applies.status.success(), "{path}: {}", String::from_utf8_lossy(&applies.stderr));
    }
}

/// The name of a function, by what stands behind `fn`.
fn name(rest: &str) -> &str {
    rest.split(|it: char| !it.is_alphanumeric() && it != '_').next().unwrap_or_default()
}
