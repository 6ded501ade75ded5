//! The layers: proto ← domain ← messaging ← runtime ← services ← nhipcau, sim ← tests. The check is a function over a
//! graph, so that a forbidden edge is shown to turn it red without adding one.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::repository;

/// Crate → crates it depends on, development dependencies included.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Lower layers first. A crate depends on lower layers only; crates of one layer never meet.
const LAYERS: [&[&str]; 7] = [
    &["nhipcau-proto"],
    &["nhipcau-domain"],
    &["nhipcau-messaging"],
    &["nhipcau-runtime"],
    &["nhipcau-gateway", "nhipcau-referrals", "nhipcau-indicators", "nhipcau-switchboard"],
    &["nhipcau", "nhipcau-sim"],
    // Real histories come before the same judge as simulated ones.
    &["nhipcau-tests", "nhipcau-fuzz"],
];

/// Names that say nothing of what is inside, and so collect everything.
const VAGUE: [&str; 7] = ["common", "core", "utils", "util", "shared", "helpers", "helper"];

/// What keeps the rules pure: nothing here waits, connects or stores.
const IMPURE: [&str; 9] =
    ["tokio", "tonic", "tonic-prost", "async-nats", "rusqlite", "rustls", "hyper", "axum", "futures-util"];

fn is_vague(name: &str) -> bool {
    VAGUE.contains(&name)
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|crates| crates.contains(&name))
}

/// Every edge that breaks the layers, and every crate of ours that has no layer.
fn broken_edges(graph: &Graph) -> Vec<String> {
    let mut broken = Vec::new();
    for (from, dependencies) in graph {
        let Some(upper) = layer(from) else {
            broken.push(format!("{from} has no layer"));
            continue;
        };
        for to in dependencies.iter().filter(|name| name.starts_with("nhipcau")) {
            if layer(to).is_none_or(|lower| lower >= upper) {
                broken.push(format!("{from} must not depend on {to}"));
            }
        }
        if from == "nhipcau-domain" {
            for to in dependencies.iter().filter(|name| IMPURE.contains(&name.as_str())) {
                broken.push(format!("{from} must stay pure and not depend on {to}"));
            }
        }
    }
    broken
}

fn workspace() -> Graph {
    let metadata = MetadataCommand::new()
        .current_dir(repository::root())
        .no_deps()
        .other_options(["--locked".to_owned(), "--offline".to_owned()])
        .exec()
        .expect("cargo metadata reads the workspace");
    let packages = metadata.packages.iter().map(|package| {
        let dependencies = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Build)
            .map(|dependency| dependency.name.clone())
            .collect();
        (package.name.to_string(), dependencies)
    });
    packages.collect()
}

fn with_edge(from: &str, to: &str) -> Graph {
    let mut graph = workspace();
    graph.entry(from.to_owned()).or_default().insert(to.to_owned());
    graph
}

#[test]
fn every_crate_depends_on_lower_layers_only() {
    let graph = workspace();
    assert!(graph.contains_key("nhipcau-proto"), "the workspace was not read");
    assert_eq!(broken_edges(&graph), Vec::<String>::new());
}

#[test]
fn an_upward_edge_is_refused() {
    let graph = with_edge("nhipcau-domain", "nhipcau-messaging");
    assert_eq!(broken_edges(&graph), ["nhipcau-domain must not depend on nhipcau-messaging"]);
}

#[test]
fn an_edge_between_services_is_refused() {
    let graph = with_edge("nhipcau-referrals", "nhipcau-indicators");
    assert_eq!(broken_edges(&graph), ["nhipcau-referrals must not depend on nhipcau-indicators"]);
}

#[test]
fn an_edge_to_the_tests_is_refused() {
    let graph = with_edge("nhipcau", "nhipcau-tests");
    assert_eq!(broken_edges(&graph), ["nhipcau must not depend on nhipcau-tests"]);
    let graph = with_edge("nhipcau-messaging", "nhipcau-sim");
    assert_eq!(broken_edges(&graph), ["nhipcau-messaging must not depend on nhipcau-sim"]);
}

#[test]
fn an_impure_rule_is_refused() {
    let graph = with_edge("nhipcau-domain", "tokio");
    assert_eq!(broken_edges(&graph), ["nhipcau-domain must stay pure and not depend on tokio"]);
}

#[test]
fn a_crate_without_a_layer_is_refused() {
    let graph = with_edge("nhipcau-extra", "serde");
    assert_eq!(broken_edges(&graph), ["nhipcau-extra has no layer"]);
}

#[test]
fn no_crate_and_no_module_has_a_vague_name() {
    let crates = workspace().into_keys().filter(|name| name.split('-').any(is_vague));
    let modules = repository::files(&[".rs"]).into_iter().map(|(path, _)| path);
    let modules = modules.filter(|path| path.trim_end_matches(".rs").split('/').any(is_vague));
    assert_eq!(crates.chain(modules).collect::<Vec<_>>(), Vec::<String>::new());
}
