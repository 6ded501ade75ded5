//! A message taken apart before it is decoded: its lists as they lie in it, counted and measured.
//!
//! An empty element takes two bytes of a file and a hundred of memory: whoever decodes a file of some megabytes at once
//! may need gigabytes, before a signature was looked at. Here only slices are kept, and no more of them than expected.
//! What is left beside the lists is small and decoded as it is.

use prost::{
    Message,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};

/// Most bytes of a message beside its lists.
const REST_LIMIT: usize = 64 * 1024;

/// Why a message is not taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is none.
    Malformed,
    /// A list is longer, or an element of it larger, than expected.
    TooMuch,
}

/// A list in a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    /// Number of the field.
    pub(super) field: u32,
    /// Most elements.
    pub(super) most: usize,
    /// Most bytes of one.
    pub(super) bytes: usize,
}

/// The elements of some lists.
type Elements<'b, const N: usize> = [Vec<&'b [u8]>; N];

/// The elements of each list, and the message without them.
pub(super) fn outline<M: Message + Default, const N: usize>(
    bytes: &[u8],
    lists: [List; N],
) -> Result<(M, Elements<'_, N>), Fault> {
    let mut found: Elements<'_, N> = std::array::from_fn(|_| Vec::new());
    let (mut rest, mut left) = (Vec::new(), bytes);
    while !left.is_empty() {
        let start = left;
        let (field, kind) = decode_key(&mut left).map_err(|_| Fault::Malformed)?;
        let list = lists.iter().zip(&mut found).find(|(list, _)| list.field == field);
        let Some((list, elements)) = list else {
            skip_field(kind, field, &mut left, DecodeContext::default()).map_err(|_| Fault::Malformed)?;
            rest.extend_from_slice(start.get(..start.len() - left.len()).unwrap_or_default());
            if rest.len() > REST_LIMIT {
                return Err(Fault::TooMuch);
            }
            continue;
        };
        let length = (kind == WireType::LengthDelimited).then(|| decode_varint(&mut left).ok()).flatten();
        let length = length.and_then(|length| usize::try_from(length).ok());
        let (element, after) = length.and_then(|length| left.split_at_checked(length)).ok_or(Fault::Malformed)?;
        if elements.len() >= list.most || element.len() > list.bytes {
            return Err(Fault::TooMuch);
        }
        elements.push(element);
        left = after;
    }
    Ok((M::decode(rest.as_slice()).map_err(|_| Fault::Malformed)?, found))
}

#[cfg(test)]
mod tests {
    use nhipcau_proto::accesspoint::v1::{EvidenceBranch, EvidenceEvent};

    use super::*;

    const ORIGIN: List = List { field: 3, most: 3, bytes: 64 };

    fn branch(events: usize) -> EvidenceBranch {
        let event = EvidenceEvent { event: vec![7; 9], ..EvidenceEvent::default() };
        EvidenceBranch { branch_uid: vec![1; 16], holder: 2, origin: vec![event; events], recipient: Vec::new() }
    }

    #[test]
    fn what_is_taken_apart_is_what_was_put_together() {
        let bytes = branch(3).encode_to_vec();
        let (rest, [origin]) = outline::<EvidenceBranch, 1>(&bytes, [ORIGIN]).unwrap();
        assert_eq!((rest.branch_uid.len(), rest.holder, rest.origin.len()), (16, 2, 0));
        let event = EvidenceEvent::decode(origin[2]).unwrap();
        assert_eq!((origin.len(), event.event), (3, vec![7; 9]));
    }

    #[test]
    fn what_is_too_much_is_refused_before_it_is_decoded() {
        let refused = |bytes: &[u8], list| outline::<EvidenceBranch, 1>(bytes, [list]).unwrap_err();
        assert_eq!(refused(&branch(4).encode_to_vec(), ORIGIN), Fault::TooMuch);
        assert_eq!(refused(&branch(1).encode_to_vec(), List { bytes: 10, ..ORIGIN }), Fault::TooMuch);
        assert_eq!(refused(&vec![0x12; 2 * REST_LIMIT], ORIGIN), Fault::TooMuch);
        for broken in [&[0x1a, 5, 0][..], &[0x18, 5], &[0x1a], &[0xff; 11], &[0]] {
            assert_eq!(refused(broken, ORIGIN), Fault::Malformed, "{broken:?}");
        }
    }
}
