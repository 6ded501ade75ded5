//! The bytes of a press: 39, the same by SMS, UDP and HTTP. `alarm.proto` describes them for makers of devices.

use std::{fmt, str::FromStr};

use super::key::{AlarmKey, DeviceKey};
use crate::{area::Level, id::InvalidId};

/// How many bytes a press has.
pub const FRAME_BYTES: usize = BODY_BYTES + MAC_BYTES;

/// What goes back to the device for every authentic press. It says that something arrived and nothing else.
pub const ANSWER: [u8; 8] = *b"nhipcau\x01";

pub(super) const MAC_BYTES: usize = 16;
const BODY_BYTES: usize = 23;
const AREA_BYTES: usize = 5;
const VERSION: u8 = 1;

/// A device, by 8 bytes; as text 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId([u8; 8]);

impl DeviceId {
    /// Wraps the bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes as they stand in a frame.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for DeviceId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 8];
        // One device has one spelling.
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if is_lower => Ok(Self(bytes)),
            _ => Err(InvalidId { kind: "device", expected: "16 of 0-9 and a-f" }),
        }
    }
}

/// What a press says of itself. One with bits that this build does not know is no test: in doubt it is an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(u8);

impl Flags {
    /// Somebody calls for help.
    pub const ALARM: Self = Self(1);
    /// Somebody tries the device.
    pub const TEST: Self = Self(2);
    /// Whoever presses must not be called back or answered aloud.
    pub const SILENT: Self = Self(4);
    /// The battery is low.
    pub const BATTERY_LOW: Self = Self(8);
    /// Whoever presses asks to end the alarm.
    pub const CANCEL_ASKED: Self = Self(16);

    /// All that this build knows.
    pub const KNOWN: Self = Self(31);

    /// The bits of a frame.
    #[must_use]
    pub const fn new(bits: u8) -> Self {
        Self(bits)
    }

    /// True when all bits of the other are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// True when no bit is set but these.
    #[must_use]
    pub const fn only(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// With the bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The area that a press names, without the version of its list: that stands with the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// None.
    Nothing,
    /// The code of a commune or a province.
    Code(Box<str>),
    /// Neither of these.
    Unreadable,
}

/// A press that a device of the party made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Which device.
    pub device: DeviceId,
    /// How many times it was pressed, which is one more for each.
    pub counter: u64,
    /// What it says of itself.
    pub flags: Flags,
    area: [u8; AREA_BYTES],
}

/// The bytes are no press of a device of this party. Which of all the possible reasons is told to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a press of a device of this party")]
pub struct NotAFrame;

impl Frame {
    /// A press that names the code of an area, or none where it is empty; at most five bytes of it.
    #[must_use]
    pub fn new(device: DeviceId, counter: u64, flags: Flags, code: &str) -> Self {
        let mut area = [0; AREA_BYTES];
        area.iter_mut().zip(code.bytes()).for_each(|(to, from)| *to = from);
        Self { device, counter, flags, area }
    }

    /// Reads what arrived, by the alarm keys of the party: the one in use, and those before it that devices still have.
    ///
    /// # Errors
    /// [`NotAFrame`] when no key made it, or it has another form.
    pub fn open(bytes: &[u8], keys: &[AlarmKey]) -> Result<Self, NotAFrame> {
        let (body, mac) = bytes.split_last_chunk::<MAC_BYTES>().ok_or(NotAFrame)?;
        let (version, rest) = body.split_first().ok_or(NotAFrame)?;
        let (device, rest) = rest.split_first_chunk().ok_or(NotAFrame)?;
        let (counter, rest) = rest.split_first_chunk().ok_or(NotAFrame)?;
        let (flags, area) = rest.split_first().ok_or(NotAFrame)?;
        let area = area.try_into().map_err(|_| NotAFrame)?;
        let device = DeviceId(*device);
        // Every key is tried, so that the time does not tell which one it was.
        let is_ours = keys.iter().fold(false, |found, key| key.of(device).made(body, mac) | found);
        if *version != VERSION || !is_ours {
            return Err(NotAFrame);
        }
        Ok(Self { device, counter: u64::from_le_bytes(*counter), flags: Flags(*flags), area })
    }

    /// The bytes that a device with this key sends: for tools and tests.
    #[must_use]
    pub fn seal(&self, key: &DeviceKey) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FRAME_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.device.as_bytes());
        bytes.extend_from_slice(&self.counter.to_le_bytes());
        bytes.push(self.flags.0);
        bytes.extend_from_slice(&self.area);
        let mac = key.mac(&bytes);
        bytes.extend_from_slice(&mac);
        bytes
    }

    /// Marked as a test and as nothing else that somebody may mean, known or not.
    #[must_use]
    pub const fn is_test(&self) -> bool {
        self.flags.has(Flags::TEST) && self.flags.only(Flags::TEST.with(Flags::BATTERY_LOW))
    }

    /// The area that it names.
    #[must_use]
    pub fn named(&self) -> Named {
        let Ok(text) = std::str::from_utf8(&self.area) else { return Named::Unreadable };
        let code = text.trim_end_matches('\0');
        match Level::of_code(code) {
            _ if code.is_empty() => Named::Nothing,
            Some(Level::Province | Level::Commune) => Named::Code(code.into()),
            _ => Named::Unreadable,
        }
    }
}
