//! `nhipcau keys retire-kek`: destroys a key-encryption key under which no case key lies any more.
//!
//! What was erased is gone from the store, and may still lie on its disk, in pages and blocks that nothing has written
//! over yet: wrapped, under this key. Once the key is gone nobody can open it, whatever they find.
//!
//! A running access point brings every case key under the newest key-encryption key that it was started with. This
//! refuses for the newest key, while a case key lies under the one to be retired, and while none lies under a newer
//! one: the access point may still be using it then.

use std::{fmt, path::Path};

use anyhow::Context as _;
use nhipcau_domain::id::KeyId;
use nhipcau_messaging::store::{Readers, operations};
use nhipcau_runtime::{access_point::location, keys};
use serde::Serialize;

use crate::{
    exit::{Code, Failure, OrExit as _},
    settings, terminal,
};

/// What is left.
#[derive(Debug, Serialize)]
struct Retired {
    retired: String,
    /// Names of the key-encryption keys that are left.
    kek: Vec<String>,
}

impl fmt::Display for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "destroyed the key-encryption key {}; left are {}", self.retired, self.kek.join(", "))?;
        write!(f, "destroy its copies as well, and backups of the store from before: they hold what was erased")
    }
}

/// Runs the command.
pub(super) async fn run(config: Option<&Path>, id: &KeyId, as_json: bool) -> Result<(), Failure> {
    let config = settings::load(config)?;
    let store = location(&config.store).or_exit(Code::Configuration)?;
    let readers = Readers::open(store, 1).context("the store").or_exit(Code::Configuration)?;
    let name = id.as_str().to_owned();
    let (under, newer) =
        readers.read(move |tx| operations::case_keys_under(tx, &name)).await.or_exit(Code::Configuration)?;
    if under > 0 || newer == 0 {
        let text = format!(
            "{under} case keys lie under {id} and {newer} under a newer one: add a key by `keys add-kek`, restart the \
             access point, and try again when it has brought all of them under the new one"
        );
        return Err(Failure::because(Code::Refused, text));
    }
    keys::retire_key_encryption_key(&config.keys.kek, id).or_exit(Code::Configuration)?;
    let left = keys::key_encryption_keys(&config.keys.kek).or_exit(Code::Configuration)?;
    let left = left.into_iter().map(|key| key.id).collect();
    terminal::result(as_json, &Retired { retired: id.to_string(), kek: left })
}
