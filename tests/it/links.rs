//! Every relative link between documents leads somewhere.

use crate::repository;

/// The relative targets of a Markdown text, without fragments.
fn targets(text: &str) -> Vec<&str> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = links.map(|target| target.split('#').next().unwrap_or_default());
    files.filter(|target| !target.is_empty() && !target.contains("://")).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in repository::files(&[".md"]) {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        for target in targets(&text) {
            if !repository::root().join(directory).join(target).exists() {
                broken.push(format!("{path}: {target}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn only_relative_links_are_followed() {
    let text = "[a](docs/a.md#part) [b](https://example.org/b) [c](#here)";
    assert_eq!(targets(text), ["docs/a.md"]);
}
