//! `nhipcau duty`: who is on duty at the units that an access point serves.
//!
//! A unit writes a file; whoever operates the access point checks it, signs it with the access point's own key and
//! installs it. A running process takes it on SIGHUP. What is wrong with a file is said all at once; where nobody would
//! be on duty in opening hours is said too, and keeps nothing from being signed. Addresses are never printed.

mod error;
mod report;
mod source;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use jiff::Timestamp;
use nhipcau_domain::{
    directory::{Hours, Release},
    duty::{self, Reader, Roster},
    referral::UnitRef,
};
use nhipcau_runtime::{
    clock::Clock,
    config::Config,
    directory as kept, keys, private_file,
    rosters::{self, Rosters},
};

use self::{
    error::Error,
    report::{OnDuty, Report},
};
use crate::{
    directory::files,
    exit::{Code, Failure, OrExit as _},
    settings, terminal,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says what is wrong with a roster, written or signed, and where nobody would be on duty.
    Check(Check),
    /// Draws a roster up from what a unit has written and signs it with the access point's key.
    Sign(Sign),
    /// Puts a signed roster into its place.
    Install(Install),
    /// Shows the rosters in their place and who is on duty.
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The file: what a unit has written, NAME.toml, or a signed roster, NAME.roster.
    file: PathBuf,
    #[command(flatten)]
    home: Home,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Sign {
    /// What a unit has written.
    file: PathBuf,
    #[command(flatten)]
    home: Home,
    /// File to write; a name that ends in .roster.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Install {
    /// The signed roster.
    file: PathBuf,
    #[command(flatten)]
    home: Home,
}

#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    home: Home,
    /// When; now when left out.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Home {
    /// Home of the access point: the directory of its nhipcau.toml.
    #[arg(long, value_name = "DIR")]
    home: PathBuf,
}

impl Home {
    fn open(&self, now: Timestamp) -> Result<Open, Failure> {
        let config = settings::load(Some(&self.home.join("nhipcau.toml")))?;
        let release = kept::load(&config.directory, now, true).or_exit(Code::Configuration)?;
        let by = Reader { access_point: &config.access_point, release: &release };
        let (rosters, refused) = Rosters::load(&config.duty.rosters, by, None, now);
        Ok(Open { config, release, rosters, refused, now })
    }
}

/// What a command works with.
struct Open {
    config: Config,
    release: Release,
    rosters: Rosters,
    refused: Vec<rosters::Error>,
    now: Timestamp,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let now = Clock::system().now();
    let done = tokio::task::spawn_blocking(move || match args.command {
        Command::Check(command) => {
            let report = command.home.open(now)?.check(&command.file)?;
            terminal::result(command.json, &report)
        }
        Command::Sign(command) => {
            let (signed, report) = command.home.open(now)?.sign(&read_text(&command.file)?)?;
            private_file::replace(&command.out, &signed).or_exit(Code::Failed)?;
            terminal::line(&report)?;
            terminal::line(format_args!("{}: signed; it can be installed", command.out.display()))
        }
        Command::Install(command) => {
            let report = command.home.open(now)?.install(&command.file)?;
            terminal::line(&report)?;
            terminal::line("installed; a running process takes it on SIGHUP, a stopped one at its start")
        }
        Command::Show(command) => {
            let open = command.home.open(now)?;
            terminal::result(command.json, &open.show(command.at.unwrap_or(now)))?;
            open.whole()
        }
    });
    done.await.or_exit(Code::Failed)?
}

/// Signs what a unit has written and puts it into its place: for a sandbox, where one person plays everybody.
pub(crate) fn take(home: PathBuf, written: &str, now: Timestamp) -> Result<(), Failure> {
    let open = Home { home }.open(now)?;
    let (signed, _) = open.sign(written)?;
    rosters::install(&open.config.duty.rosters, &signed, open.by(), now).map(drop).or_exit(Code::Failed)
}

fn read_text(file: &Path) -> Result<String, Failure> {
    files::read_text(file).or_exit(Code::Failed)
}

impl Open {
    fn check(&self, file: &Path) -> Result<Report, Failure> {
        let roster = if file.extension().is_some_and(|extension| extension == "toml") {
            self.draw_up(&read_text(file)?)?.1
        } else {
            let bytes = files::read(file).or_exit(Code::Failed)?;
            // Whose it is decides what it would replace.
            let unit = Roster::read(&bytes, self.by()).map_err(Error::refused(file))?.unit().clone();
            let taken = Roster::take(&bytes, self.by(), self.current(&unit), self.now);
            let seen = self.seen(&unit);
            taken.and_then(|roster| roster.not_older(seen)).map_err(Error::refused(file))?
        };
        Ok(self.report(&roster))
    }

    fn sign(&self, written: &str) -> Result<(Vec<u8>, Report), Failure> {
        let key = keys::signing(&self.config.keys.directory).or_exit(Code::Configuration)?;
        let (wire, roster) = self.draw_up(written)?;
        let signed = duty::signed(&wire, |kind, bytes| key.sign(kind, &[bytes]));
        // As the process will: another key may bear the name in the directory.
        Roster::read(&signed, self.by()).map_err(Error::refused(Path::new("what was signed")))?;
        Ok((signed, self.report(&roster)))
    }

    fn install(&self, file: &Path) -> Result<Report, Failure> {
        let bytes = files::read(file).or_exit(Code::Failed)?;
        let roster = rosters::install(&self.config.duty.rosters, &bytes, self.by(), self.now);
        let roster = roster.map_err(|error| match error {
            rosters::Error::Refused { source, .. } => Error::refused(file)(source).into(),
            other => Failure::new(Code::Failed, other),
        })?;
        Ok(self.report(&roster))
    }

    fn draw_up(&self, written: &str) -> Result<(nhipcau_proto::directory::v1::Roster, Roster), Failure> {
        let key = keys::signing(&self.config.keys.directory).or_exit(Code::Configuration)?;
        let by = (&self.config.access_point, key.id());
        let before = |unit: &UnitRef| (self.current(unit), self.seen(unit));
        Ok(source::draw_up(written, by, &self.release, before, self.now).map_err(Error::Source)?)
    }

    fn by(&self) -> Reader<'_> {
        Reader { access_point: &self.config.access_point, release: &self.release }
    }

    /// The highest version that was in use. That nobody knows is said when rosters are read.
    fn seen(&self, unit: &UnitRef) -> u64 {
        rosters::seen(&self.config.duty.rosters, unit).unwrap_or_default()
    }

    fn current(&self, unit: &UnitRef) -> Option<&Roster> {
        self.rosters.of(unit).flatten()
    }

    fn report(&self, roster: &Roster) -> Report {
        Report::of(roster, self.hours(roster.unit()), self.now)
    }

    fn hours(&self, unit: &UnitRef) -> Hours {
        self.release.unit(&unit.party, &unit.unit).map(|unit| unit.hours.clone()).unwrap_or_default()
    }

    fn show(&self, at: Timestamp) -> OnDuty {
        OnDuty::of(&self.rosters, |unit| self.hours(unit), at)
    }

    /// Fails when something in its place is refused.
    fn whole(&self) -> Result<(), Failure> {
        let Some(first) = self.refused.first() else { return Ok(()) };
        let why = nhipcau_runtime::telemetry::chain(first);
        let count = terminal::counted(self.refused.len(), "file");
        Err(Failure::because(Code::Differs, format!("{count} of rosters cannot be used; the first: {why}")))
    }
}
