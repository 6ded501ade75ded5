//! Who is on duty in a story, and that they were told: in a file, as whoever brings notices to their telephones would
//! read them.

use std::{collections::BTreeSet, fs};

use anyhow::Context as _;
use jiff::Timestamp;

use super::{
    home::of as home,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    directory::files,
    duty,
    exit::{Code, Failure, OrExit as _},
    sandbox::World,
};

/// The file in the home of their access point.
const NOTICES: &str = "notices.jsonl";

/// Says who is on duty at a unit, before anything runs.
pub(super) fn on_duty(world: &World, (party, unit): (&'static str, &str), people: &[&str]) -> Result<(), Failure> {
    let home = home(world, party)?;
    let config = home.join("nhipcau.toml");
    let text = fs::read_to_string(&config).with_context(|| config.display().to_string()).or_exit(Code::Failed)?;
    let way = format!("\n[notifiers.desk]\nkind = \"file\"\npath = \"{NOTICES}\"\n");
    files::write(&config, text + &way).or_exit(Code::Failed)?;
    let now = Timestamp::now();
    let hour = |hours: i64| Timestamp::from_second((now.as_second().div_euclid(3_600) + hours) * 3_600);
    let (from, until) = (hour(-2).or_exit(Code::Failed)?, hour(30).or_exit(Code::Failed)?);
    let person = |name: &&str| {
        format!("{{ person = \"{name}\", role = \"officer\", channel = \"desk\", address = \"desk of {name}\" }}")
    };
    let people = people.iter().map(person).collect::<Vec<_>>().join(", ");
    let written =
        format!("unit = \"{party}/{unit}\"\n[[shift]]\nstart_time = {from}\nend_time = {until}\npeople = [{people}]\n");
    duty::take(home, &written, now)
}

/// Waits until these people and nobody else were told, each under one id however often.
pub(super) async fn told(world: &World, party: &'static str, people: &[&str]) -> Result<(), Failure> {
    let notices = home(world, party)?.join(NOTICES);
    until(party, "people on duty to be told", PATIENCE, async || {
        let text = fs::read_to_string(&notices).unwrap_or_default();
        let read = |line: &str| {
            let notice: serde_json::Value = serde_json::from_str(line).ok()?;
            Some((notice.get("person")?.as_str()?.to_owned(), notice.get("id")?.as_str()?.to_owned()))
        };
        let told: BTreeSet<(String, String)> = text.lines().filter_map(read).collect();
        let names: Vec<&str> = told.iter().map(|(person, _)| person.as_str()).collect();
        Ok(if names == people { Seen::There(()) } else { Seen::Instead(format!("{} told", names.len())) })
    })
    .await
}
