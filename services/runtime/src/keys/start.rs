//! How often the access point was started, and its store opened: two numbers beside the keys, on the disk before they
//! are used.
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

/// A start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Its number.
    pub number: u64,
    /// Whether the store is an older copy of the one that was opened last with these keys.
    pub is_put_back: bool,
}

/// Raises the counter above itself and above what the store knows, and gives it once it is on the disk. `opened`: how
/// often the store was opened, this time included. It lies beside the number, so that a store in which it has not risen
/// is known as an older copy.
///
/// # Errors
/// [`StartError`]; the process must not start then.
pub fn next_start(keys: &Path, opened: u64) -> Result<Start, StartError> {
    let path = keys.join("start");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => "0".to_owned(),
        Err(error) => return Err(error.into()),
    };
    let numbers: Result<Vec<u64>, _> = text.split_whitespace().map(str::parse).collect();
    let (last, before) = match numbers.as_deref() {
        // As an operator writes it.
        Ok([last]) => (*last, 0),
        Ok([last, before]) => (*last, *before),
        _ => return Err(StartError::Form),
    };
    let number = last.max(opened).checked_add(1).ok_or(StartError::Form)?;
    let new = keys.join("start.new");
    let mut file = File::create(&new)?;
    writeln!(file, "{number} {opened}")?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    private_file::sync_parent(&path)?;
    Ok(Start { number, is_put_back: opened <= before })
}
