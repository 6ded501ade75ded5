//! `nhipcau store`: carries the store of an access point from a file to a PostgreSQL server or back.
//!
//! A copy is of one committed state. One that is made of a running store is for looking at it, with `verify` and with
//! what reads files only; whoever moves a store ends its process first and never starts the old one again.

use std::{fmt, path::PathBuf};

use nhipcau_messaging::store::{self, Location};
use nhipcau_runtime::access_point::location;
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::{
    exit::{Code, Failure, OrExit as _},
    settings, terminal,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Copies every row to where there is no store yet.
    Copy(Copy),
}

#[derive(Debug, clap::Args)]
struct Copy {
    /// The configuration file, which says where one of the two is.
    #[arg(long, value_name = "FILE", env = "NHIPCAU_CONFIG")]
    config: Option<PathBuf>,
    /// Copies the configured store to this new file.
    #[arg(long, value_name = "FILE", required_unless_present = "from", conflicts_with = "from")]
    to: Option<PathBuf>,
    /// Copies this file to the configured place.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    rows: u64,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let Command::Copy(args) = args.command;
    let configured = location(&settings::load(args.config.as_deref())?.store).or_exit(Code::Configuration)?;
    let (from, to) = match (args.to, args.from) {
        (Some(to), _) => (configured, Location::File(to)),
        (None, Some(from)) => (Location::File(from), configured),
        (None, None) => return Err(Failure::because(Code::Usage, "name the other store by --to or --from")),
    };
    if store::version(&from).or_exit(Code::Configuration)?.is_none() {
        return Err(Failure::because(Code::Configuration, format_args!("there is no store: {from}")));
    }
    if store::version(&to).or_exit(Code::Configuration)?.is_some() {
        return Err(Failure::because(Code::Configuration, format_args!("there is a store already: {to}")));
    }
    terminal::progress(format_args!("copying {from} to {to}"));
    let copied = spawn_blocking(move || {
        let schemas = [nhipcau_indicators::SCHEMA, nhipcau_referrals::SCHEMA, nhipcau_switchboard::SCHEMA];
        store::copy(&from, &to, &schemas)
    });
    let rows = copied.await.or_exit(Code::Failed)?.or_exit(Code::Failed)?;
    terminal::result(args.json, &Report { rows })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows were copied", self.rows)
    }
}
