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

use clap::Subcommand;
pub(crate) use export::{Export, pages};
pub(crate) use import::{Import, refused, submit};

use crate::exit::Failure;

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

#[cfg(test)]
mod tests;
