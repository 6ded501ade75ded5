//! Looks for all spellings at once.

use crate::canary::{Needle, needles};

/// What a search of a place came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// Bytes looked at.
    pub(crate) bytes: u64,
    /// What was found, and where.
    pub(crate) hits: Vec<String>,
}

/// Most hits that are written down for one piece.
const LISTED: usize = 5;

/// All spellings by their first two bytes.
pub(crate) struct Finder {
    needles: Vec<Needle>,
    begins: Box<[bool]>,
    longest: usize,
}

impl Finder {
    pub(crate) fn new() -> Self {
        let needles = needles();
        let mut begins = vec![false; 1 << 16].into_boxed_slice();
        needles.iter().for_each(|(_, bytes)| begins[pair(bytes[0], bytes[1])] = true);
        let longest = needles.iter().map(|(_, bytes)| bytes.len()).max().unwrap();
        Self { needles, begins, longest }
    }

    /// By how many bytes pieces of one whole must overlap.
    pub(crate) fn overlap(&self) -> usize {
        self.longest - 1
    }

    /// Searches a piece of a place; `label` says which.
    pub(crate) fn look(&self, label: &str, bytes: &[u8], found: &mut Found) {
        found.bytes += bytes.len() as u64;
        let mut listed = 0;
        for (at, two) in bytes.windows(2).enumerate() {
            if self.begins[pair(two[0], two[1])] {
                let hit = self.needles.iter().find(|(_, needle)| bytes[at..].starts_with(needle));
                if let Some((name, _)) = hit
                    && listed < LISTED
                {
                    let around = &bytes[at.saturating_sub(60)..bytes.len().min(at + 100)];
                    found.hits.push(format!("{label} at {at}: {name}: …{}…", around.escape_ascii()));
                    listed += 1;
                }
            }
        }
    }
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

#[test]
fn every_spelling_is_found_in_the_middle_of_anything() {
    let finder = Finder::new();
    for (name, bytes) in needles() {
        let mut found = Found::default();
        finder.look("x", &[b"\0noise".as_slice(), &bytes, b"noise\0"].concat(), &mut found);
        assert!(!found.hits.is_empty(), "{name}");
    }
    let mut found = Found::default();
    finder.look("x", &[0; 100_000], &mut found);
    assert!(found.hits.is_empty() && found.bytes == 100_000);
}
