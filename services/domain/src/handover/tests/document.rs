//! `docs/handovers.md` prints the transition table; a change of the table shows here first.

use std::{fmt::Write as _, fs, path::Path};

use super::*;
use crate::handover::table::{Verdict, verdict};

const BEGIN: &str = "<!-- hand-over table: begin -->\n";
const END: &str = "<!-- hand-over table: end -->";

fn names(states: &[State]) -> String {
    let all = states.len() == State::ALL.len();
    if all { "any".to_owned() } else { states.iter().map(|state| state.name()).collect::<Vec<_>>().join(", ") }
}

fn expected() -> String {
    let mut out = String::from("| event | written by | from → to | refused otherwise than by `WRONG_STATE` |\n");
    out.push_str("| --- | --- | --- | --- |\n");
    for event in EventKind::ALL {
        let mut groups: Vec<(Verdict, Vec<State>)> = Vec::new();
        for state in State::ALL {
            let found = verdict(state, event.side(), event);
            match groups.iter_mut().find(|(verdict, _)| *verdict == found) {
                Some((_, states)) => states.push(state),
                None => groups.push((found, vec![state])),
            }
        }
        let (mut leads, mut refused) = (Vec::new(), Vec::new());
        for (verdict, states) in groups {
            match verdict {
                Verdict::To(to) => leads.push(format!("{} → **{}**", names(&states), to.name())),
                Verdict::Keep => leads.push(format!("{}: no change", names(&states))),
                Verdict::Refuse(crate::reason::WRONG_STATE) => {}
                Verdict::Refuse(reason) => refused.push(format!("{}: `{reason}`", names(&states))),
            }
        }
        let (side, leads, refused) = (event.side().name(), leads.join("<br>"), refused.join("<br>"));
        writeln!(out, "| `{}` | {side} | {leads} | {refused} |", event.name()).unwrap();
    }
    out.push_str("\n| state | origin answers | recipient answers |\n| --- | --- | --- |\n");
    for state in State::ALL {
        let says = |side| if state.answers(side) { "yes" } else { "no" };
        writeln!(out, "| {} | {} | {} |", state.name(), says(Side::Origin), says(Side::Recipient)).unwrap();
    }
    out
}

#[test]
fn the_document_prints_the_table_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/handovers.md");
    let document = fs::read_to_string(path).expect("docs/handovers.md");
    let printed = document.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(table, _)| table);
    let expected = expected();
    assert_eq!(
        printed.map(str::trim),
        Some(expected.trim()),
        "docs/handovers.md is out of date; between its two markers put:\n\n{expected}"
    );
}
