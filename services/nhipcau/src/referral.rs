//! `nhipcau referral`: cases by command line.

use crate::exit::{Code, Failure};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs the command.
pub(crate) async fn run(_: Args) -> Result<(), Failure> {
    Err(Failure::because(Code::Usage, "this program does not have the command yet"))
}
