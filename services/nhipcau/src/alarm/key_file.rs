//! The file with the key of a device: one line, `nhipcau-device/1 DEVICE HEX`, readable by its owner alone.

use std::path::Path;

use anyhow::Context as _;
use nhipcau_domain::alarm::{DeviceId, DeviceKey};
use nhipcau_runtime::private_file;
use zeroize::Zeroizing;

use crate::exit::{Code, Failure, OrExit as _};

const KIND: &str = "nhipcau-device/1";

/// Writes the key of a device into a new file. Never over another.
pub(super) fn create(path: &Path, device: DeviceId, key: &[u8]) -> Result<(), Failure> {
    let digits = Zeroizing::new(hex::encode(key));
    let line = Zeroizing::new(format!("{KIND} {device} {}\n", digits.as_str()));
    private_file::create(path, line.as_bytes()).with_context(|| path.display().to_string()).or_exit(Code::Configuration)
}

/// Reads one back.
pub(super) fn read(path: &Path) -> Result<(DeviceId, DeviceKey), Failure> {
    let bytes = private_file::read(path).with_context(|| path.display().to_string()).or_exit(Code::Configuration)?;
    parse(&bytes).ok_or_else(|| {
        let text = format!("{} is not one line of the form {KIND} DEVICE HEX", path.display());
        Failure::because(Code::Configuration, text)
    })
}

fn parse(bytes: &[u8]) -> Option<(DeviceId, DeviceKey)> {
    let line = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let mut words = line.split(' ');
    let (found, id, digits, None) = (words.next()?, words.next()?, words.next()?, words.next()) else { return None };
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, key.as_mut_slice()).ok()?;
    (found == KIND).then_some((id.parse().ok()?, DeviceKey::new(*key)))
}
