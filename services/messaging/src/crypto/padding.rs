//! Padding of parts to named buckets, so that a length says little about a content.
//!
//! ISO/IEC 7816-4: one byte 0x80, then zeros up to the smallest bucket that holds the content.

/// The named buckets, in bytes of padded plaintext. The last is for the bulk lane only.
pub const BUCKETS: [(&str, usize); 7] = [
    ("note", 256),
    ("page", 1_536),
    ("letter", 6_144),
    ("file", 24_576),
    ("dossier", 98_304),
    ("limit", 262_144),
    ("chunk", 458_752),
];

/// The largest bucket of the messages lane.
pub const MESSAGE_BUCKET: usize = 262_144;

/// Whether a length is one of the buckets.
#[must_use]
pub fn is_bucket(length: usize) -> bool {
    BUCKETS.iter().any(|(_, size)| *size == length)
}

/// The bucket of a content of this length.
#[must_use]
pub fn bucket(length: usize) -> Option<usize> {
    BUCKETS.iter().map(|(_, size)| *size).find(|size| length < *size)
}

/// Pads the content, or gives `None` when it is larger than the largest bucket.
#[must_use]
pub fn pad(content: &[u8]) -> Option<Vec<u8>> {
    let size = bucket(content.len())?;
    let mut out = Vec::with_capacity(size + 16);
    out.extend_from_slice(content);
    out.push(0x80);
    out.resize(size, 0);
    Some(out)
}

/// Takes the padding off, or gives `None` when it is not exactly what [`pad`] makes.
#[must_use]
pub fn unpad(mut padded: Vec<u8>) -> Option<Vec<u8>> {
    let end = padded.iter().rposition(|b| *b != 0)?;
    if padded.get(end) != Some(&0x80) {
        return None;
    }
    let size = padded.len();
    padded.truncate(end);
    (bucket(end) == Some(size)).then_some(padded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unpad_gives_back_what_was_padded(content in proptest::collection::vec(any::<u8>(), 0..8_000)) {
            let padded = pad(&content).unwrap();
            prop_assert!(is_bucket(padded.len()));
            prop_assert_eq!(unpad(padded).unwrap(), content);
        }
    }

    #[test]
    fn other_padding_is_refused() {
        assert_eq!(pad(&vec![0; 458_752]), None);
        assert_eq!(unpad(vec![0; 256]), None);
        assert_eq!(unpad(vec![]), None);
        let mut larger_than_needed = vec![0; 1_536];
        larger_than_needed[3] = 0x80;
        assert_eq!(unpad(larger_than_needed), None);
    }
}
