//! `nhipcau contact`: the calls and messages of a switchboard by command line, from the first ring to the referral.
//!
//! Every change has a request id, which is told before the call is made: whoever does not learn the answer repeats the
//! command with `--request-id` and the etag that was told, and gets the first one.

mod change;
mod handover;
mod handovers;
mod read;
mod show;

pub(crate) use change::{amend, record, send};
use clap::Subcommand;
pub(crate) use handover::{Deed, go_on, make, offer};
pub(crate) use handovers::{find, list as handovers};
pub(crate) use read::{get, route};

use crate::exit::Failure;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Records a contact. Only how and when it was received has to be known.
    Record(change::Record),
    /// Adds to what is known or corrects it.
    Amend(change::Amend),
    /// Notes that a person counselled the caller.
    Counsel(change::Counsel),
    /// Says who would get it and why.
    Route(read::Route),
    /// Sends what is known to the unit that serves, or to units that a person chose.
    Send(change::Send),
    /// Offers a contact to another switchboard, which may take it over.
    Offer(handover::Offer),
    /// Takes over what another switchboard offers.
    Accept(handover::Target),
    /// Does not take over what another switchboard offers.
    Decline(handover::Decline),
    /// Takes an offer back before the contact was taken.
    Withdraw(handover::Withdraw),
    /// Goes on with a contact of one's own from what was taken over, of what was told.
    Continue(handover::Target),
    /// Asks the other switchboard to take the contact back.
    AskHandBack(handover::AskHandBack),
    /// Takes a contact back, as the other switchboard asked.
    HandBack(handover::Target),
    /// Tells the other switchboard what was learned since.
    Note(handover::Note),
    /// Lists hand-overs, newest first, or shows one.
    Handovers(handovers::Handovers),
    /// Closes a contact.
    Close(change::Close),
    /// Shows a contact.
    Show(read::Show),
    /// Lists contacts, newest first.
    List(read::List),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Record(args) => Box::pin(change::run_record(args)).await,
        Command::Amend(args) => Box::pin(change::run_amend(args)).await,
        Command::Counsel(args) => Box::pin(change::run_counsel(args)).await,
        Command::Route(args) => Box::pin(read::run_route(args)).await,
        Command::Send(args) => Box::pin(change::run_send(args)).await,
        Command::Offer(args) => Box::pin(handover::run_offer(args)).await,
        Command::Accept(target) => Box::pin(handover::run((target, Deed::Accept))).await,
        Command::Decline(args) => Box::pin(handover::run(args.into())).await,
        Command::Withdraw(args) => Box::pin(handover::run(args.into())).await,
        Command::Continue(target) => Box::pin(handover::run_continue(target)).await,
        Command::AskHandBack(args) => Box::pin(handover::run(args.into())).await,
        Command::HandBack(target) => Box::pin(handover::run((target, Deed::HandBack))).await,
        Command::Note(args) => Box::pin(handover::run_note(args)).await,
        Command::Handovers(args) => Box::pin(handovers::run(args)).await,
        Command::Close(args) => Box::pin(change::run_close(args)).await,
        Command::Show(args) => Box::pin(read::run_show(args)).await,
        Command::List(args) => Box::pin(read::run_list(args)).await,
    }
}
