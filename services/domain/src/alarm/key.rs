//! Keys of devices, derived from the alarm key of their party, so that no list of them has to be kept or can be stolen.

use std::fmt;

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hkdf::{HKDF_SHA256, Salt},
    hmac,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::frame::{DeviceId, MAC_BYTES};
use crate::pae::pae;

const SALT: &[u8] = b"nhipcau/1/alarm-key";
const FRAME: &[u8] = b"nhipcau/1/alarm";

/// The alarm key of a party: 32 random bytes that are kept beside its other keys, outside the store. It lasts as long
/// as the devices that were made with it. Wiped from memory with the value that holds it, as is a device's.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct AlarmKey([u8; 32]);

/// The key of one device: for its maker, and for nobody else.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DeviceKey([u8; 32]);

impl AlarmKey {
    /// Wraps the bytes of a key.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key of a device: HKDF-SHA-256 with the device as info.
    #[must_use]
    #[expect(clippy::expect_used, reason = "HKDF refuses only lengths over 8,160 bytes")]
    pub fn of(&self, device: DeviceId) -> DeviceKey {
        let mut key = DeviceKey([0; 32]);
        let prk = Salt::new(HKDF_SHA256, SALT).extract(&self.0);
        let filled = prk.expand(&[device.as_bytes()], HKDF_SHA256).and_then(|okm| okm.fill(&mut key.0));
        filled.expect("32 bytes");
        key
    }
}

impl DeviceKey {
    /// Wraps the bytes of a key, as the maker of the device has them.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the maker of the device.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first bytes of HMAC-SHA-256 over the PAE of what stands before them in a frame.
    pub(super) fn mac(&self, body: &[u8]) -> [u8; MAC_BYTES] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), &pae(&[FRAME, body]));
        let mut mac = [0; MAC_BYTES];
        mac.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        mac
    }

    /// Compared in a time that tells nothing of where two differ.
    pub(super) fn made(&self, body: &[u8], mac: &[u8; MAC_BYTES]) -> bool {
        verify_slices_are_equal(&self.mac(body), mac).is_ok()
    }
}

impl fmt::Debug for AlarmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlarmKey(…)")
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(…)")
    }
}
