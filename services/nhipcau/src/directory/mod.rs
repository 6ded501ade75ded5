//! `nhipcau directory`: draws up, signs, shows, verifies and installs releases of the directory, with offline keys.
//!
//! Each step is one person's on one machine, and hands on a file: signers make keys and send their public halves; the
//! programme office draws up the root, whose fingerprint everybody compares out of band, and releases from a source
//! that people edit; two signers review and sign; operators verify and install. A party alone revokes its own keys.
//! Nothing is trusted for having been made here: what counts is what every access point verifies by itself.

pub(crate) mod author;
mod error;
pub(crate) mod files;
pub(crate) mod install;
pub(crate) mod key_file;
pub(crate) mod problem;
pub(crate) mod release;
pub(crate) mod root;
pub(crate) mod source;
mod tables;

pub(crate) use self::error::Error;
use crate::exit::{Code, Failure};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs the command.
pub(crate) async fn run(_: Args) -> Result<(), Failure> {
    Err(Failure::because(Code::Usage, "this program does not have the command yet"))
}
