//! Writes golden vectors to a directory, in the form that `tests/clients/python/README.md` describes:
//! `cargo run -p nhipcau-messaging --example make_vectors -- DIR`.
//!
//! Keys, salts and ids follow from names; the wraps do not, because HPKE draws its own randomness. So the bytes
//! differ from run to run, the committed ones in `proto/vectors` are for ever, and no file is ever overwritten.

mod chains;
mod envelopes;
mod maker;
mod pieces;
mod questions;
#[path = "../../tests/vectors/release.rs"]
mod release;
mod signals;

use std::{error::Error, fs, io::Write, path::Path};

use maker::Maker;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let directory = std::env::args_os().nth(1).ok_or("the directory to write to is missing")?;
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    let mut maker = Maker::new()?;
    write(directory, "keys", &maker.keys()?)?;
    write(directory, "pae", &pieces::encodings())?;
    write(directory, "padding", &pieces::paddings()?)?;
    write(directory, "envelope", &envelopes::cases(&mut maker)?)?;
    let channels = chains::Channels::new(&mut maker)?;
    write(directory, "chain", &channels.chains())?;
    write(directory, "receipt", &channels.receipts(&maker)?)?;
    write(directory, "status", &signals::statuses(&maker, &channels)?)?;
    write(directory, "return", &signals::returns(&mut maker, &channels)?)?;
    write(directory, "reconciliation", &questions::cases(&maker)?)
}

fn write(directory: &Path, kind: &str, cases: &[Value]) -> Result<()> {
    let mut file = fs::File::create_new(directory.join(format!("{kind}.json")))?;
    serde_json::to_writer_pretty(&mut file, &json!({ "format": 1, "kind": kind, "cases": cases }))?;
    Ok(file.write_all(b"\n")?)
}
