//! Every crate takes its versions, its package fields and its lints from the workspace, so that there is one place
//! to read and one to change.

use crate::repository;

/// What a member's manifest states for itself and must take from the workspace.
fn deviations(path: &str, manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut section = "";
    let mut lints = false;
    for line in manifest.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
            if section.contains("dependencies.") {
                found.push(format!("{path}: [{section}] is not one line with workspace = true"));
            }
            continue;
        }
        let inherited = line.replace(' ', "").contains("workspace=true");
        match section {
            "lints" => lints |= inherited,
            "package" => {
                let shared = ["version", "edition", "rust-version", "license", "publish"];
                let field = line.split(['.', '=', ' ']).next().unwrap_or_default();
                if shared.contains(&field) && !inherited {
                    found.push(format!("{path}: {field} is not the workspace's"));
                }
            }
            _ if section.ends_with("dependencies") && !inherited => {
                found.push(format!("{path}: `{line}` is not the workspace's"));
            }
            _ => {}
        }
    }
    if !lints {
        found.push(format!("{path}: [lints] is not the workspace's"));
    }
    found
}

#[test]
fn every_manifest_takes_its_facts_from_the_workspace() {
    let members = repository::files(&["Cargo.toml"]);
    let found: Vec<String> = members
        .iter()
        .filter(|(path, _)| path != "Cargo.toml")
        .flat_map(|(path, manifest)| deviations(path, manifest))
        .collect();
    assert!(members.len() > 3, "the manifests were not found");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_version_of_its_own_is_refused() {
    let manifest =
        "[package]\nversion = \"1.0.0\"\n[dependencies]\nserde = \"1\"\n[dependencies.hex]\nversion = \"0.4\"\n";
    assert_eq!(
        deviations("x", manifest),
        [
            "x: version is not the workspace's",
            "x: `serde = \"1\"` is not the workspace's",
            "x: [dependencies.hex] is not one line with workspace = true",
            "x: [lints] is not the workspace's",
        ]
    );
}
