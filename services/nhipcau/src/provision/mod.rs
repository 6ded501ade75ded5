//! `nhipcau provision`: the broker as the release of the directory says, with the operator's login.
//!
//! Makes streams and consumers and writes the users of nats-server's configuration. Idempotent; deletes nothing; what
//! is of another kind than planned is named and left alone. Rerun after every release, and after a broker lost its
//! disk.

mod report;
mod settings;
mod users;

use std::path::PathBuf;

use async_nats::{Client, ConnectErrorKind};
use clap::Subcommand;
use jiff::Timestamp;
use nhipcau_domain::directory::{Fingerprint, Freshness, Release};
use nhipcau_messaging::{
    nats,
    provision::{self, Error, Plan},
};
use nhipcau_runtime::{clock::Clock, config, directory};

use self::{report::Report, settings::Settings};
use crate::{
    exit::{Code, Failure, OrExit as _},
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
    /// Makes what is missing at the broker and brings limits to the plan.
    Apply(Broker),
    /// Shows what apply would do, and exits with 6 when that is anything.
    Plan(Broker),
    /// Prints users.conf for nats-server: what each access point may say and hear.
    Users {
        #[command(flatten)]
        source: Source,
        /// The file with the public logins: `account`, `operator`, and one line an access point.
        #[arg(long, value_name = "FILE")]
        logins: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct Broker {
    #[command(flatten)]
    source: Source,
    /// The operator's configuration: sections `[broker]` and `[layout]`.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Writes JSON.
    #[arg(long)]
    json: bool,
}

/// Which directory to go by.
#[derive(Debug, clap::Args)]
struct Source {
    /// The directory: `releases/` and `revocations/`.
    #[arg(long, value_name = "DIR")]
    directory: PathBuf,
    /// Fingerprint of the first root, compared out of band.
    #[arg(long, value_name = "HEX")]
    fingerprint: Fingerprint,
}

impl Source {
    /// The newest release. An expired one counts too: what is there must keep working.
    fn release(&self, now: Timestamp) -> Result<Release, Failure> {
        let place = config::Directory { path: self.directory.clone(), fingerprint: self.fingerprint };
        let release = directory::load(&place, now, true).or_exit(Code::Configuration)?;
        if release.freshness(now) == Freshness::Expired {
            terminal::progress(format_args!("release {} has expired; have the next one signed", release.version()));
        }
        Ok(release)
    }
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let now = Clock::system().now();
    match args.command {
        Command::Apply(broker) => broker.apply(now).await,
        Command::Plan(broker) => broker.plan(now).await,
        Command::Users { source, logins } => terminal::raw(users::text(&source.release(now)?, &logins)?),
    }
}

impl Broker {
    async fn apply(&self, now: Timestamp) -> Result<(), Failure> {
        let (release, plan, client) = self.prepare(now).await?;
        match provision::apply(client, &plan).await {
            Ok(changes) => terminal::result(self.json, &Report::done(release, &changes)),
            Err(error) => Err(self.failed(release, error)?),
        }
    }

    async fn plan(&self, now: Timestamp) -> Result<(), Failure> {
        let (release, plan, client) = self.prepare(now).await?;
        let report = match provision::preview(client, &plan).await {
            Ok(changes) => Report::planned(release, &changes),
            Err(error) => return Err(self.failed(release, error)?),
        };
        terminal::result(self.json, &report)?;
        let text = "the broker is not as the directory says; run `nhipcau provision apply`";
        if report.is_as_planned() { Ok(()) } else { Err(Failure::because(Code::Differs, text)) }
    }

    async fn prepare(&self, now: Timestamp) -> Result<(u64, Plan, Client), Failure> {
        let settings = Settings::load(&self.config)?;
        let release = self.source.release(now)?;
        let plan = Plan::of(&release, settings.layout).or_exit(Code::Configuration)?;
        terminal::progress(format_args!("comparing the broker with release {}", release.version()));
        Ok((release.version(), plan, connect(&settings.broker).await?))
    }

    /// What the broker said, as a failure; what differs is also a report.
    fn failed(&self, release: u64, error: Error) -> Result<Failure, Failure> {
        Ok(match error {
            Error::Differs(differences) => {
                terminal::result(self.json, &Report::differing(release, &differences))?;
                let text = "the broker holds something else under planned names, and nothing was changed; look at what \
                            it is, move it away with the nats command line and apply again";
                Failure::because(Code::Differs, text)
            }
            Error::Unanswered { .. } => Failure::new(Code::Unavailable, error),
            Error::Refused { .. } | Error::Consumer { .. } => Failure::new(Code::Refused, error),
        })
    }
}

/// Connects with the operator's login.
async fn connect(connection: &nats::Connection) -> Result<Client, Failure> {
    let code = |error: &nats::Error| match error {
        nats::Error::Connect(source) => match source.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => Code::Refused,
            _ => Code::Unavailable,
        },
        nats::Error::Credential(_) | nats::Error::TooOld { .. } => Code::Configuration,
    };
    connection.connect().await.map_err(|error| Failure::new(code(&error), error))
}
