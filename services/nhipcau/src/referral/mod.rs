//! `nhipcau referral`: cases by command line, from both sides of a branch.
//!
//! Every change has a request id, which is told before the call is made: whoever does not learn the answer repeats the
//! command with `--request-id` and gets the first one. Content is shown only where it is asked for, for a named person.

mod attach;
pub(crate) mod code;
mod due;
mod read;
mod show;
mod submit;
mod template;
mod transition;
mod whole;
mod work;

pub(crate) use attach::{fetch, hand_over};
use clap::Subcommand;
pub(crate) use read::{get, get_by, list};
pub(crate) use show::{time, unit as shown_unit};
pub(crate) use submit::{file, submit};
pub(crate) use template::{PURPOSE, example};
pub(crate) use transition::{Given, Transition, make, unit};
use uuid::Uuid;
pub(crate) use whole::{open_branch, withdraw_consent};

use crate::{
    client::{self, Connection, Options},
    exit::Failure,
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
    /// Prints a file to fill in.
    Template(template::Args),
    /// Submits a referral.
    Submit(submit::Args),
    /// Hands over a file that a referral is to name, from where it stopped, and prints what to write into the content.
    Attach(attach::Attach),
    /// Writes what is attached to a referral into a new file; an access record is written.
    Fetch(attach::Fetch),
    /// Shows a referral.
    Get(read::Get),
    /// Says what is due, when and why.
    Due(due::Args),
    /// Lists referrals, newest first.
    List(read::List),
    /// Follows the branches of one's own party.
    Watch(read::Watch),
    #[command(flatten)]
    Branch(transition::Command),
    #[command(flatten)]
    Whole(whole::Command),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Template(args) => template::run(&args),
        Command::Submit(args) => submit::run(args).await,
        Command::Attach(args) => Box::pin(attach::run_attach(args)).await,
        Command::Fetch(args) => Box::pin(attach::run_fetch(args)).await,
        Command::Get(args) => read::run_get(args).await,
        Command::Due(args) => Box::pin(due::run(args)).await,
        Command::List(args) => read::run_list(args).await,
        Command::Watch(args) => read::run_watch(args).await,
        Command::Branch(command) => Box::pin(transition::run(command)).await,
        Command::Whole(command) => Box::pin(whole::run(command)).await,
    }
}

/// What every change is made with.
#[derive(Debug, clap::Args)]
pub(crate) struct Change {
    #[command(flatten)]
    pub(crate) client: Options,
    /// Id of the request: a new one when left out; that of an earlier call to learn its answer.
    #[arg(long, value_name = "UUID")]
    pub(crate) request_id: Option<Uuid>,
    /// Checks everything and changes nothing.
    #[arg(long)]
    pub(crate) validate_only: bool,
    /// Writes one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Change {
    /// Makes ready to call, and tells the request id while it can still be noted.
    pub(crate) fn begin(&self) -> Result<(Connection, String), Failure> {
        let id = client::request_id(self.request_id.as_ref());
        let connection = self.client.connect()?;
        terminal::progress(format_args!("request id {id}"));
        Ok((connection, id))
    }
}

#[cfg(test)]
mod tests;
