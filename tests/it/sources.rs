//! What every source file must be: explained at its head, short, finished, and free of the machine it was written
//! on. And the error catalogue: every reason documented, nothing else.

use std::collections::BTreeSet;

use crate::repository;

/// Lines after which a file is too long to be one thing.
const LONGEST: usize = 600;

/// Most characters of a line of a comment, as rustfmt has it for code.
const WIDEST: usize = 120;

/// Lines that each entry of the error catalogue must have.
const ENTRY: [&str; 4] = ["- **Meaning.**", "- **Calling system.**", "- **Operator.**", "- **vi-VN.**"];

/// The status codes that a contract may name.
const CODES: [&str; 11] = [
    "INVALID_ARGUMENT",
    "FAILED_PRECONDITION",
    "ABORTED",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "NOT_FOUND",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "INTERNAL",
];

fn unfinished(text: &str) -> Option<&'static str> {
    // In pieces, so that this file does not hold what it looks for.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("unimpl", "emented!"),
        concat!("to", "do!("),
        concat!("#[ign", "ore"),
    ];
    marks.into_iter().find(|mark| text.contains(mark))
}

fn local(text: &str) -> Option<&'static str> {
    let marks = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("registry.np", "mjs")];
    marks.into_iter().find(|mark| text.contains(mark))
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent = repository::files(&[".rs"]).into_iter().filter(|(_, text)| !text.starts_with("//!"));
    assert_eq!(silent.map(|(path, _)| path).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn no_source_file_is_too_long() {
    let long =
        repository::files(&[".rs", ".proto", ".py"]).into_iter().filter(|(_, text)| text.lines().count() > LONGEST);
    assert_eq!(long.map(|(path, _)| path).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn no_comment_is_too_wide() {
    let files = repository::files(&[".rs", ".proto"]);
    let is_wide = |line: &&str| line.trim_start().starts_with("//") && line.chars().count() > WIDEST;
    let wide = files.iter().filter_map(|(path, text)| Some(format!("{path}: {}", text.lines().find(is_wide)?)));
    assert_eq!(wide.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn nothing_is_marked_unfinished() {
    let files = repository::files(&[".rs", ".proto", ".py", ".toml", "Makefile", "setup"]);
    let marked = files.iter().filter_map(|(path, text)| Some(format!("{path}: {}", unfinished(text)?)));
    assert_eq!(marked.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    let endings = [".rs", ".proto", ".py", ".toml", ".md", ".conf", ".service", ".json", "Makefile", "setup", "run"];
    let files = repository::files(&endings);
    let marked = files.iter().filter_map(|(path, text)| Some(format!("{path}: {}", local(text)?)));
    assert_eq!(marked.collect::<Vec<_>>(), Vec::<String>::new());
}

/// The number behind these words in a file.
fn number_behind(path: &str, words: &str) -> u32 {
    let text = repository::read(path);
    let (_, rest) = text.split_once(words).unwrap_or_else(|| panic!("{path} says nothing of {words:?}"));
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().unwrap_or_else(|error| panic!("{path}, behind {words:?}: {error}"))
}

#[test]
fn everything_that_names_the_version_of_the_tables_names_the_same() {
    let version = number_behind("services/messaging/src/store/sqlite.rs", "SCHEMA_VERSION: i64 = ");
    for (path, words) in [
        ("tests/clients/python/nhipcau_home/home.py", "_SCHEMA_VERSION = "),
        ("docs/vi/van-hanh.md", "its tables have version "),
    ] {
        assert_eq!(number_behind(path, words), version, "{path}");
    }
}

/// The reasons that the code knows. A constant's value is its name.
fn reasons(source: &str) -> BTreeSet<String> {
    let constants = source.lines().filter_map(|line| line.trim().strip_prefix("pub const "));
    constants
        .map(|constant| {
            let (name, rest) = constant.split_once(':').expect("a constant has a type");
            assert!(rest.contains(&format!("\"{name}\"")), "{name} has another value than its name");
            name.to_owned()
        })
        .collect()
}

/// The entries of the catalogue: name and body.
fn entries(catalogue: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut open = false;
    let mut fenced = false;
    for line in catalogue.lines() {
        fenced ^= line.starts_with("```");
        if line.starts_with('#') && !fenced {
            open = false;
            if let Some(name) = line.strip_prefix("### `").and_then(|rest| rest.strip_suffix('`')) {
                found.push((name.to_owned(), String::new()));
                open = true;
            }
        } else if let (true, Some((_, body))) = (open, found.last_mut()) {
            body.push_str(line);
            body.push('\n');
        }
    }
    found
}

#[test]
fn every_reason_is_documented_and_nothing_else_is() {
    let known = reasons(&repository::read("services/domain/src/reason.rs"));
    let entries = entries(&repository::read("docs/errors.md"));
    let documented: BTreeSet<String> = entries.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(documented.len(), entries.len(), "an entry stands twice");
    let missing: Vec<_> = known.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&known).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "not documented: {missing:?}; not in the code: {unknown:?}");
}

/// The words in capitals that the comments of a contract name after "Errors:".
fn named_errors(contract: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = false;
    for line in contract.lines() {
        let comment = line.trim().strip_prefix("//");
        open = comment.is_some_and(|text| open || text.trim().starts_with("Errors:"));
        let words = comment.filter(|_| open).unwrap_or_default().split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let capitals = |word: &&str| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        found.extend(words.filter(capitals).map(str::to_owned));
    }
    found
}

/// Is it a status code, a reason, or (with a trailing underscore) the beginning of reasons?
fn is_answer(word: &str, reasons: &BTreeSet<String>) -> bool {
    CODES.contains(&word)
        || reasons.contains(word)
        || word.ends_with('_') && reasons.iter().any(|reason| reason.starts_with(word))
}

#[test]
fn every_error_that_a_contract_names_is_documented() {
    let known = reasons(&repository::read("services/domain/src/reason.rs"));
    let contracts = repository::files(&[".proto"]);
    let named: BTreeSet<String> = contracts.iter().flat_map(|(_, text)| named_errors(text)).collect();
    assert!(named.contains("ETAG_STALE"), "no contract was read");
    let unknown: Vec<_> = named.into_iter().filter(|word| !is_answer(word, &known)).collect();
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn an_error_that_no_reason_stands_for_is_seen() {
    let contract = "// BASIC.\n// Errors: ABORTED ETAG_STALE;\n// MADE_UP or a BASIS_ reason.\nrpc A(B) // TEXT_EMPTY";
    let named = named_errors(contract);
    assert_eq!(named, ["ABORTED", "BASIS_", "ETAG_STALE", "MADE_UP"].map(str::to_owned).into());
    let known = BTreeSet::from(["ETAG_STALE".to_owned(), "BASIS_SCOPE".to_owned()]);
    assert_eq!(named.iter().filter(|word| !is_answer(word, &known)).collect::<Vec<_>>(), ["MADE_UP"]);
}

#[test]
fn every_documented_reason_says_what_each_reader_does() {
    for (name, body) in entries(&repository::read("docs/errors.md")) {
        for line in ENTRY {
            assert!(body.contains(line), "{name} lacks the line {line}");
        }
    }
}

#[test]
fn an_undocumented_reason_and_a_stale_entry_are_seen() {
    let source = "/// Doc.\npub const A_REASON: &str = \"A_REASON\";\n";
    assert_eq!(reasons(source), BTreeSet::from(["A_REASON".to_owned()]));
    let catalogue = "```\n### `FORM`\n```\n### `STALE`\n- **Meaning.** x\n## Area\ntext\n";
    assert_eq!(entries(catalogue), [("STALE".to_owned(), "- **Meaning.** x\n".to_owned())]);
}
