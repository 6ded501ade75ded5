//! What is attached to a part: bytes by their digest, with what they are. And whether bytes look like what they are
//! said to be, so that nobody opens a program for a picture, and no picture tells where it was taken.
//!
//! The look is one at the beginning. It does not say that the rest is sound, or harmless to open.

use std::collections::BTreeSet;

use nhipcau_proto::referral::v1 as pb;

use super::super::{
    code::{AttachmentKind, MediaType},
    personal::Personal,
    text::Text,
    violation::Refusal,
    wire,
};
use crate::reason;

/// Most bytes of an attachment.
pub const MOST_BYTES: u64 = 50 * 1024 * 1024;

const MOST: usize = 8;
const LONGEST_LABEL: usize = 200;

/// What is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// SHA-256 of its bytes.
    pub digest: Personal<[u8; 32]>,
    /// How many they are.
    pub size_bytes: u64,
    /// What they are.
    pub media_type: MediaType,
    /// What it is.
    pub kind: Personal<AttachmentKind>,
    /// What a person should know of it; may be empty.
    pub label: Personal<Text>,
}

impl Attachment {
    /// The attachments of a part that can be read; each may stand there once.
    pub(super) fn read_all(values: &[pb::Attachment], path: &str, refusal: &mut Refusal) -> Vec<Self> {
        let read = wire::list(values, MOST, path, refusal, Self::read);
        let mut seen = BTreeSet::new();
        if !read.iter().all(|attachment| seen.insert(*attachment.digest.expose())) {
            refusal.add(path, reason::FIELD_FORMAT);
        }
        read
    }

    fn read(value: &pb::Attachment, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let at = |field: &str| format!("{path}.{field}");
        let digest = wire::bytes(&value.digest, &at("digest"), refusal);
        let size = (1..=MOST_BYTES).contains(&value.size_bytes).then_some(value.size_bytes).ok_or(());
        let size = wire::formatted(size, &at("size_bytes"), refusal);
        // What a later version calls its type or kind is carried: whoever named it looked at the bytes.
        let media_type = wire::code(MediaType::from_wire(value.media_type), &at("media_type"), refusal);
        let kind = wire::code(AttachmentKind::from_wire(value.kind), &at("kind"), refusal);
        let label = Text::read_or_empty(&value.label, LONGEST_LABEL, &at("label"), refusal);
        Some(Self {
            digest: Personal::new(digest?),
            size_bytes: size?,
            media_type: media_type?,
            kind: Personal::new(kind?),
            label: Personal::new(label?),
        })
    }

    /// Encodes it.
    #[must_use]
    pub fn write(&self) -> pb::Attachment {
        pb::Attachment {
            digest: self.digest.expose().to_vec(),
            size_bytes: self.size_bytes,
            media_type: self.media_type.to_wire(),
            kind: self.kind.expose().to_wire(),
            label: self.label.expose().as_str().to_owned(),
        }
    }
}

/// Why bytes are not taken for what they are said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unlike {
    /// They do not look like it.
    #[error("the bytes do not look like their media type")]
    Type,
    /// They are a picture that carries data about itself.
    #[error("the picture carries data about itself")]
    Metadata,
}

impl Unlike {
    /// The stable reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Type => reason::ATTACHMENT_TYPE,
            Self::Metadata => reason::ATTACHMENT_METADATA,
        }
    }
}

/// Looks at the beginning of an attachment.
///
/// # Errors
/// [`Unlike`].
pub fn looks_like(media_type: MediaType, beginning: &[u8]) -> Result<(), Unlike> {
    let is_like = match media_type {
        MediaType::Pdf => beginning.starts_with(b"%PDF-"),
        MediaType::Jpeg => return jpeg(beginning),
        MediaType::Png => return png(beginning),
        MediaType::Text => is_text(beginning),
        MediaType::Wav => beginning.starts_with(b"RIFF") && beginning.get(8..12) == Some(b"WAVE"),
        MediaType::Mp3 => beginning.starts_with(b"ID3") || matches!(beginning, [0xff, second, ..] if second >> 5 == 7),
        MediaType::Ogg => beginning.starts_with(b"OggS"),
        MediaType::Unrecognized(_) => false,
    };
    if is_like { Ok(()) } else { Err(Unlike::Type) }
}

/// UTF-8 without signs that steer; the last sign may be cut off.
fn is_text(beginning: &[u8]) -> bool {
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            beginning.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok())
        }
        Err(_) => None,
    };
    text.is_some_and(|text| !text.chars().any(|sign| sign.is_control() && !matches!(sign, '\n' | '\r' | '\t')))
}

/// Walks the segments of a JPEG up to the picture. Exif and XMP lie in APP1, IPTC in APP13.
fn jpeg(beginning: &[u8]) -> Result<(), Unlike> {
    let mut rest = beginning.strip_prefix(&[0xff, 0xd8]).ok_or(Unlike::Type)?;
    loop {
        let [0xff, marker, after @ ..] = rest else { return Err(Unlike::Type) };
        match marker {
            // Filled up.
            0xff => {
                rest = rest.get(1..).ok_or(Unlike::Type)?;
                continue;
            }
            0xe1 | 0xed => return Err(Unlike::Metadata),
            // The picture begins.
            0xda => return Ok(()),
            _ => {}
        }
        let length = after.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)));
        let length = length.filter(|length| *length >= 2).ok_or(Unlike::Type)?;
        rest = after.get(length..).ok_or(Unlike::Type)?;
    }
}

/// Walks the chunks of a PNG up to the picture.
fn png(beginning: &[u8]) -> Result<(), Unlike> {
    let mut rest = beginning.strip_prefix(b"\x89PNG\r\n\x1a\n").ok_or(Unlike::Type)?;
    loop {
        let length = rest.first_chunk().map(|length| u32::from_be_bytes(*length)).ok_or(Unlike::Type)?;
        match rest.get(4..8).ok_or(Unlike::Type)? {
            b"eXIf" | b"tEXt" | b"zTXt" | b"iTXt" => return Err(Unlike::Metadata),
            b"IDAT" => return Ok(()),
            _ => {}
        }
        // Length, type and checksum stand around the data.
        let whole = usize::try_from(length).ok().and_then(|length| length.checked_add(12));
        rest = whole.and_then(|whole| rest.get(whole..)).ok_or(Unlike::Type)?;
    }
}
