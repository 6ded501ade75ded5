//! Everything that is wrong with a source at once, each with the place where a person finds it.
//!
//! Reading goes on after a mistake. What only follows from an entry that could not be read is left out.

use std::{collections::BTreeSet, fmt};

use nhipcau_domain::directory::Violations;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// File, and entry in it.
    pub(crate) place: String,
    /// What is wrong.
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// All mistakes found.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Problems {
    listed: Vec<Problem>,
    /// Entries that could not be read at all: what else is wrong with them follows from that.
    unread: BTreeSet<String>,
}

impl Problems {
    pub(crate) fn add(&mut self, place: impl Into<String>, what: impl fmt::Display) {
        self.listed.push(Problem { place: place.into(), what: what.to_string() });
    }

    /// Adds an entry that could not be read.
    pub(crate) fn add_unread(&mut self, place: String, what: impl fmt::Display) {
        self.unread.insert(place.clone());
        self.add(place, what);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn listed(&self) -> &[Problem] {
        &self.listed
    }

    /// Adds what a review of the drawn up release found. `section` says in which file the list of a wire path is kept
    /// and how an entry of it is called there; whatever is in no list stands in `whole`.
    pub(crate) fn add_review(
        &mut self,
        found: &Violations,
        whole: &str,
        section: impl Fn(&str) -> Option<(&'static str, &'static str)>,
    ) {
        for violation in found.listed() {
            let (place, rest) = place(&violation.path, whole, &section);
            if !self.unread.contains(&place) {
                let gap = if rest.is_empty() { "" } else { " " };
                self.add(place, format_args!("{rest}{gap}{}", violation.problem));
            }
        }
        let more = found.total().saturating_sub(found.listed().len());
        if more > 0 {
            self.add("release", format_args!("{more} more"));
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.listed.len() {
            1 => write!(f, "the source has a mistake")?,
            many => write!(f, "the source has {many} mistakes")?,
        }
        self.listed.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// `units[3].parent` as `units.toml, unit 4` and `parent`.
fn place(path: &str, whole: &str, section: impl Fn(&str) -> Option<(&'static str, &'static str)>) -> (String, String) {
    let whole = || (whole.to_owned(), path.to_owned());
    let Some((list, rest)) = path.split_once('[') else { return whole() };
    let Some((number, rest)) = rest.split_once(']') else { return whole() };
    match (section(list), number.parse::<usize>()) {
        (Some((file, entry)), Ok(number)) => {
            (entry_place(file, entry, number), rest.strip_prefix('.').unwrap_or(rest).to_owned())
        }
        _ => whole(),
    }
}

/// How an entry of a file is named to people, who count from one.
pub(crate) fn entry_place(file: &str, entry: &str, index: usize) -> String {
    format!("{file}, [[{entry}]] {}", index + 1)
}
