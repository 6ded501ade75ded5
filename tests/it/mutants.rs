//! The mutants of `make mutants` stay usable: each says what it breaks and what notices, and applies to this tree.

use std::process::Command;

use crate::repository;

#[test]
fn every_mutant_names_its_promise_and_its_check_and_applies() {
    let root = repository::root().canonicalize().unwrap();
    let mutants = repository::files(&[".patch"]);
    assert!(mutants.len() > 8, "the mutants were not found");
    for (path, text) in mutants {
        let head = text.split("\n--- ").next().unwrap();
        let says = |key: &str| head.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.len() > 1));
        assert!(says("Promise: ") && says("Check: cargo test "), "{path} lacks its head");
        let applies = Command::new("git")
            .args(["apply", "--check", &path])
            .current_dir(&root)
            .env("GIT_CEILING_DIRECTORIES", root.parent().unwrap())
            .output()
            .unwrap();
        assert!(applies.status.success(), "{path}: {}", String::from_utf8_lossy(&applies.stderr));
    }
}
