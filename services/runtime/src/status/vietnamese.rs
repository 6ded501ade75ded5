//! The texts for people, taken from `docs/errors.md` so that the documentation and the answer cannot differ.

use std::{collections::HashMap, sync::LazyLock};

const DOCUMENT: &str = include_str!("../../../../docs/errors.md");

/// For a reason without an entry, which a test of the documentation forbids.
const OTHERWISE: &str = "Yêu cầu không được chấp nhận.";

static TEXTS: LazyLock<HashMap<&str, String>> = LazyLock::new(|| read(DOCUMENT));

/// The text of a reason.
pub(super) fn text(reason: &str) -> &'static str {
    TEXTS.get(reason).map_or(OTHERWISE, String::as_str)
}

fn read(document: &str) -> HashMap<&str, String> {
    let entries = document.split("\n### `").skip(1).filter_map(|entry| {
        let (reason, body) = entry.split_once('`')?;
        let (_, text) = body.split_once("- **vi-VN.** ")?;
        let lines = text.lines().take_while(|line| !line.trim().is_empty() && !line.starts_with(['-', '#']));
        Some((reason, lines.map(str::trim).collect::<Vec<_>>().join(" ")))
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use nhipcau_domain::reason;

    use super::*;

    #[test]
    fn a_text_over_several_lines_is_read_whole() {
        let texts = read("# Errors\n\n### `A`\n\n- **Meaning.** x\n- **vi-VN.** Một\n  hai.\n\n## B\n");
        assert_eq!(texts.get("A").map(String::as_str), Some("Một hai."));
    }

    #[test]
    fn the_reasons_of_the_door_have_texts() {
        for reason in [reason::CERTIFICATE_MISSING, reason::ROLE_MISSING, reason::INTERNAL_FAULT] {
            assert_ne!(text(reason), OTHERWISE, "{reason}");
        }
    }
}
