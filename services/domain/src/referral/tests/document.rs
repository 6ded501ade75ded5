//! `docs/referrals.md` prints the transition table; a change of the table shows here first.

use std::{fmt::Write as _, fs, path::Path};

use crate::referral::{
    EventKind, Kind, State,
    table::{Verdict, verdict},
};

const BEGIN: &str = "<!-- transition table: begin -->\n";
const END: &str = "<!-- transition table: end -->";

fn names(states: &[State]) -> String {
    let list = |states: &[State]| states.iter().map(|state| state.name()).collect::<Vec<_>>().join(", ");
    let others: Vec<_> = State::ALL.into_iter().filter(|state| !states.contains(state)).collect();
    match others.len() {
        0 => "any".to_owned(),
        1..=6 => format!("any but {}", list(&others)),
        _ => list(states),
    }
}

fn cell(kind: Kind, event: EventKind) -> (String, String) {
    let mut groups: Vec<(Verdict, Vec<State>)> = Vec::new();
    for state in State::ALL {
        let found = verdict(kind, state, event.side(), event);
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
            Verdict::Wait => leads.push(format!("{}: waits for ASSIGNED", names(&states))),
            Verdict::Refuse(reason) if reason == crate::reason::WRONG_STATE => {}
            Verdict::Refuse(reason) => refused.push(format!("{}: `{reason}`", names(&states))),
        }
    }
    (leads.join("<br>"), refused.join("<br>"))
}

fn expected() -> String {
    let mut out = String::new();
    for kind in Kind::ALL {
        writeln!(out, "### {}\n", kind.name()).expect("a string");
        writeln!(out, "| event | written by | from → to | refused otherwise than by `WRONG_STATE` |")
            .expect("a string");
        writeln!(out, "| --- | --- | --- | --- |").expect("a string");
        for event in EventKind::ALL {
            let (leads, refused) = cell(kind, event);
            let side = event.side().name();
            writeln!(out, "| `{}` | {side} | {leads} | {refused} |", event.name()).expect("a string");
        }
        writeln!(out).expect("a string");
    }
    out
}

#[test]
fn the_document_prints_the_table_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/referrals.md");
    let document = fs::read_to_string(path).expect("docs/referrals.md");
    let printed = document.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(table, _)| table);
    let expected = expected();
    assert_eq!(
        printed.map(str::trim),
        Some(expected.trim()),
        "docs/referrals.md is out of date; between its two markers put:\n\n{expected}"
    );
}
