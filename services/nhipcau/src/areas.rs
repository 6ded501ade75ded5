//! `nhipcau areas`: what a reference to an administrative unit means on another day, by the lists and crosswalks of a
//! signed directory. Nothing is called and nothing is sent.
//!
//! Whole answers end with 0; where a person must decide or look for the unit, the answer is printed all the same and
//! the command ends with 6.

use std::{fmt, path::PathBuf};

use clap::Subcommand;
use jiff::civil::Date;
use nhipcau_domain::area::{AdminUnit, AdminUnitRef, Areas, Resolution, day_of};
use nhipcau_runtime::clock::Clock;
use serde::Serialize;

use crate::{
    client::Profile,
    exit::{Code, Failure},
    registry::Place,
    terminal,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says which unit a reference means on a day, or which units a person has to choose from; then exits with 6.
    Resolve(Resolve),
}

#[derive(Debug, clap::Args)]
struct Resolve {
    /// The reference, such as 00634@VN-63.
    #[arg(value_name = "CODE@VERSION")]
    area: AdminUnitRef,
    /// The day, such as 2026-11-29; today in Viet Nam when left out.
    #[arg(long, value_name = "DATE")]
    at: Option<Date>,
    /// Profile of a calling system that names a signed directory.
    #[arg(long, env = "NHIPCAU_PROFILE", value_name = "FILE")]
    profile: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

/// What a reference means on a day.
#[derive(Debug, Serialize)]
struct Answer {
    area: String,
    date: String,
    outcome: Outcome,
    /// One, the candidates of a split, or none.
    units: Vec<Unit>,
}

/// As [`Resolution`] says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    In,
    Became,
    Split,
    Gone,
    NotYet,
}

#[derive(Debug, Serialize)]
struct Unit {
    /// How it is referred to on that day.
    area: String,
    name: String,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let Command::Resolve(asked) = args.command;
    let on = asked.at.unwrap_or_else(|| day_of(Clock::system().now()));
    let named = match &asked.profile {
        Some(profile) => Profile::read(profile)?.directory().cloned(),
        None => None,
    };
    let tables = asked.place.read(named.as_ref())?;
    let answer = Answer::of(&tables.areas, &asked.area, on)?;
    terminal::result(asked.json, &answer)?;
    match answer.outcome {
        Outcome::In | Outcome::Became => Ok(()),
        Outcome::Split => Err(Failure::because(Code::Differs, "it was split: a person chooses the unit")),
        Outcome::Gone | Outcome::NotYet => Err(Failure::because(Code::Differs, "no unit of that day is known for it")),
    }
}

impl Answer {
    fn of(areas: &Areas, area: &AdminUnitRef, on: Date) -> Result<Self, Failure> {
        let (outcome, units) = match areas.resolve(area, on) {
            Resolution::In(unit) => (Outcome::In, vec![unit]),
            Resolution::Became(unit) => (Outcome::Became, vec![unit]),
            Resolution::Split(units) => (Outcome::Split, units),
            Resolution::Gone => (Outcome::Gone, Vec::new()),
            Resolution::NotYet => (Outcome::NotYet, Vec::new()),
            Resolution::Unknown(unknown) => return Err(Failure::new(Code::Usage, unknown)),
        };
        let unit = |unit: &AdminUnit| {
            let reference = areas.reference(unit, on);
            Unit { area: reference.map_or_else(String::new, |area| area.to_string()), name: unit.name.to_string() }
        };
        let units = units.into_iter().map(unit).collect();
        Ok(Self { area: area.to_string(), date: on.to_string(), outcome, units })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (area, date) = (&self.area, &self.date);
        match self.outcome {
            Outcome::In => write!(f, "{area} is in force on {date}:")?,
            Outcome::Became => write!(f, "{area} has gone whole into another unit by {date}:")?,
            Outcome::Split => write!(f, "{area} has been split by {date}, into:")?,
            Outcome::Gone => write!(f, "{area} has ended by {date}, and no list says what took it over")?,
            Outcome::NotYet => write!(f, "{area} has not begun on {date}")?,
        }
        self.units.iter().try_for_each(|unit| write!(f, "\n  {}  {}", unit.area, unit.name))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use jiff::{Timestamp, civil::date};
    use serde_json::json;

    use super::*;
    use crate::{registry, sandbox::World};

    const SPLIT: [(&str, &str); 5] = [
        ("00622@VN-34-2026", "Phường Xuân Phương"),
        ("00634@VN-34-2026", "Phường Tây Mỗ"),
        ("00637@VN-34-2026", "Phường Đại Mỗ"),
        ("09556@VN-34-2026", "Phường Hà Đông"),
        ("09886@VN-34-2026", "Phường Dương Nội"),
    ];

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    async fn ended(words: &[&str]) -> Result<(), Code> {
        let line = Line::try_parse_from(["areas", "resolve"].iter().chain(words)).unwrap();
        run(line.args).await.map_err(|failure| failure.code())
    }

    #[tokio::test]
    async fn a_script_learns_from_the_exit_code_whether_one_unit_is_certain() {
        let here = tempfile::tempdir().unwrap();
        let (world, _) = World::open(&here.path().join("sandbox"), Timestamp::now()).unwrap();
        let profile = world.path(&world.access_point("moh").unwrap().profile);
        let at = ["--at", "2026-11-29", "--profile", profile.to_str().unwrap()];
        for (area, code) in [
            ("00004@VN-34-2026", Ok(())),
            ("25270@VN-34-2025", Ok(())),
            ("00004@VN-63", Ok(())),
            ("00634@VN-63", Err(Code::Differs)),
            ("001@VN-63", Err(Code::Differs)),
            ("00634@VN-36", Err(Code::Usage)),
            ("99999@VN-63", Err(Code::Usage)),
        ] {
            assert_eq!(ended(&[&[area], &at[..]].concat()).await, code, "{area}");
        }
        assert_eq!(ended(&["00634@VN-63", "--at", "2025-06-30", at[2], at[3]]).await, Ok(()));
        assert_eq!(ended(&["75@VN-34-2026", "--at", "2026-04-29", at[2], at[3]]).await, Err(Code::Differs));

        let place = Profile::read(&profile).unwrap().directory().cloned().unwrap();
        let (path, print) = (place.path.to_str().unwrap(), place.fingerprint.as_str());
        assert_eq!(ended(&["00004@VN-63", "--directory", path, "--fingerprint", print]).await, Ok(()));

        let areas = registry::newest(&place).unwrap().areas;
        let answer = Answer::of(&areas, &"00634@VN-63".parse().unwrap(), date(2026, 11, 29)).unwrap();
        let units = SPLIT.map(|(area, name)| json!({ "area": area, "name": name }));
        let document = json!({ "area": "00634@VN-63", "date": "2026-11-29", "outcome": "split", "units": units });
        assert_eq!(serde_json::to_value(&answer).unwrap(), document);
        assert_eq!(answer.to_string().lines().count(), 6);
    }

    #[test]
    fn a_code_alone_is_no_reference() {
        assert!(Line::try_parse_from(["areas", "resolve", "00634"]).is_err());
    }
}
