//! How often the access point was started: a number beside the keys, on the disk before it is used.
//!
//! Channels are re-opened under incarnations no lower than it. It lives outside the store, so that a store restored
//! from an older copy does not bring an old number back.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use crate::private_file;

/// Why there is no start number.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The counter cannot be read or written.
    #[error("the start counter could not be read or written")]
    Io(#[from] io::Error),
    /// The file does not hold a number. To go on, an operator writes a number into it that is higher than every one
    /// used before.
    #[error("the start counter is not a number")]
    Form,
}

/// Whether the access point was ever started.
#[must_use]
pub fn was_started(keys: &Path) -> bool {
    keys.join("start").exists()
}

/// Raises the counter above itself and above what the store knows, and gives it once it is on the disk.
///
/// # Errors
/// [`StartError`]; the process must not start then.
pub fn next_start(keys: &Path, store_start: u64) -> Result<u64, StartError> {
    let path = keys.join("start");
    let last = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse::<u64>().map_err(|_| StartError::Form)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error.into()),
    };
    let next = last.max(store_start).checked_add(1).ok_or(StartError::Form)?;
    let new = keys.join("start.new");
    let mut file = File::create(&new)?;
    writeln!(file, "{next}")?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    private_file::sync_parent(&path)?;
    Ok(next)
}
