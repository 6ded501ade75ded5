//! `nhipcau alarm`: alarm keys by command line: devices registered, tested and revoked, presses brought in as a gateway
//! brings them, alarms listed and ended by people.
//!
//! The key of a device goes into a file of mode 600, once, and nowhere else; with that file a device can be pressed
//! from here, as a trial or where none is at hand.

mod device;
mod key_file;
mod people;
mod press;
mod show;
#[cfg(test)]
mod tests;

use clap::Subcommand;
pub(crate) use device::register;
use nhipcau_runtime::caller::ActingPerson;
use uuid::Uuid;

pub(crate) use people::{cancel, list};
pub(crate) use press::press;

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
    /// Registers a device and writes its key into a new file.
    Register(device::Register),
    /// Revokes a device, for ever.
    Revoke(device::Revoke),
    /// Lets a device be tested for a while: what is pressed as a test then raises nothing.
    Test(device::Test),
    /// Brings in a press: one that arrived, or one made here with the key of a device.
    Press(press::Press),
    /// Ends an alarm, for a person who has spoken with whoever pressed or seen to them.
    Cancel(people::Cancel),
    /// Lists alarms, newest first.
    List(people::List),
}

/// What a change by a person is made with.
#[derive(Debug, clap::Args)]
struct Deed {
    /// Reference of the acting person, never a name.
    #[arg(long, value_name = "REF", value_parser = person)]
    person: String,
    #[command(flatten)]
    client: Options,
    /// Id of the request: a new one when left out; that of an earlier call to learn its answer.
    #[arg(long, value_name = "UUID")]
    request_id: Option<Uuid>,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

impl Deed {
    /// Makes ready to call, and tells the request id while it can still be noted.
    fn begin(&self) -> Result<(Connection, String), Failure> {
        let id = client::request_id(self.request_id.as_ref());
        let connection = self.client.connect()?;
        terminal::progress(format_args!("request id {id}"));
        Ok((connection, id))
    }
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Register(args) => Box::pin(device::run_register(args)).await,
        Command::Revoke(args) => Box::pin(device::run_revoke(args)).await,
        Command::Test(args) => Box::pin(device::run_test(args)).await,
        Command::Press(args) => Box::pin(press::run(args)).await,
        Command::Cancel(args) => Box::pin(people::run_cancel(args)).await,
        Command::List(args) => Box::pin(people::run_list(args)).await,
    }
}

fn person(text: &str) -> Result<String, String> {
    match ActingPerson::new(text) {
        Ok(person) => Ok(person.as_str().to_owned()),
        Err(_) => Err("expected 1 to 64 letters, digits, '.', '_' and '-'".to_owned()),
    }
}
