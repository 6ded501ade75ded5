//! `nhipcau indicators`: figures in and out as SDMX-CSV 2.0.
//!
//! A file is checked here before anything is sent, by the rules and against the signed tables that the access point
//! uses, so that every mistake is named with its line. What was sent may be sent again: the same content under the same
//! request id is one submission.

mod action;
mod check;
mod export;
mod import;
mod upload;

use anyhow::Context as _;
use clap::Subcommand;
pub(crate) use export::{Export, pages};
pub(crate) use import::{Import, refused, submit};
use jiff::Timestamp;
use nhipcau_indicators::Registry;
use nhipcau_runtime::{config, directory};

use crate::{
    client::{Profile, SignedDirectory},
    exit::{Code, Failure, OrExit as _},
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Submits a file of figures.
    Import(import::Args),
    /// Writes held figures to a file.
    Export(export::Args),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Import(args) => import::run(args).await,
        Command::Export(args) => export::run(args).await,
    }
}

/// The signed directory whose tables files are checked against; the profile may name it.
#[derive(Debug, clap::Args)]
pub(crate) struct Tables {
    /// Directory with `releases/` and `attachments/`; what the profile names when left out.
    #[arg(long, value_name = "DIR", requires = "fingerprint")]
    directory: Option<std::path::PathBuf>,
    /// Fingerprint of the first root of that directory, compared out of band.
    #[arg(long, value_name = "HEX", requires = "directory")]
    fingerprint: Option<String>,
}

impl Tables {
    /// Reads the tables of the newest release.
    pub(crate) fn registry(&self, profile: &Profile) -> Result<Registry, Failure> {
        match (&self.directory, &self.fingerprint) {
            (Some(path), Some(fingerprint)) => {
                registry(&SignedDirectory { path: path.clone(), fingerprint: fingerprint.clone() })
            }
            _ => registry(profile.directory().ok_or_else(|| {
                let text = "neither the command nor the profile names a directory; give --directory and --fingerprint";
                Failure::because(Code::Usage, text)
            })?),
        }
    }
}

/// Verifies a directory and reads the tables of its newest release. An expired one is taken: what may be published is
/// the access point's to say.
pub(crate) fn registry(place: &SignedDirectory) -> Result<Registry, Failure> {
    let fingerprint = place.fingerprint.parse().context("the fingerprint of the directory");
    let place = config::Directory { path: place.path.clone(), fingerprint: fingerprint.or_exit(Code::Configuration)? };
    let release = directory::load(&place, Timestamp::now(), true).or_exit(Code::Configuration)?;
    crate::registry::read(&place, &release).context("the tables of the directory").or_exit(Code::Configuration)
}

#[cfg(test)]
mod tests;
