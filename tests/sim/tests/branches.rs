//! The branches that a full run must take are exactly those that the engine counts.

use std::{collections::BTreeSet, fs, path::Path};

use nhipcau_sim::adapter::BRANCHES;

/// The names in `branch("…")` calls.
fn counted(source: &str) -> impl Iterator<Item = &str> {
    source.split(r#"branch(""#).skip(1).filter_map(|rest| rest.split('"').next())
}

#[test]
fn every_branch_that_the_engine_counts_is_demanded() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/messaging/src/engine");
    let files = fs::read_dir(engine).expect("the engine's sources").map(|entry| entry.unwrap().path());
    let sources: Vec<String> = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    let counted: BTreeSet<&str> = sources.iter().flat_map(|source| counted(source)).collect();
    let demanded: BTreeSet<&str> = BRANCHES.into_iter().collect();
    assert_eq!(counted.symmetric_difference(&demanded).collect::<Vec<_>>(), Vec::<&&str>::new());
}
