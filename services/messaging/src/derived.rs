//! Ids that follow from what caused them: the same cause gives the same id, also after the store was rolled back, and
//! ids of one time lie together, so that new rows go to the end of an index and not to a page of their own. Leaves out
//! what a cause is: whoever derives encodes it.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use uuid::Uuid;

/// The first bytes of an id, by which ids lie together.
pub(crate) type Prefix = [u8; 6];

/// The milliseconds that a UUIDv7 (RFC 9562) begins with; other request ids have none.
pub(crate) fn prefix_of(request_id: &str) -> Option<Prefix> {
    let id = Uuid::try_parse(request_id).ok().filter(|id| id.get_version() == Some(uuid::Version::SortRand))?;
    id.into_bytes().first_chunk().copied()
}

/// The milliseconds that a UUIDv7 of this time begins with; none before 1970.
pub(crate) fn prefix_at(time: Timestamp) -> Option<Prefix> {
    let [_, _, prefix @ ..] = u64::try_from(time.as_millisecond()).ok()?.to_be_bytes();
    Some(prefix)
}

/// A UUIDv8 of an HMAC, behind the prefix if there is one.
///
/// A prefix leaves 74 bits of the HMAC, and whoever chooses it learns nothing of them: without the key, which is kept
/// outside the store, two causes of one id can only be sought by making 2³⁷ requests here, and a cause of somebody
/// else's id by making 2⁷⁴. An id that a peer made up is believed in nothing, whatever it begins with: messages count
/// by sender and id, and what a peer's uids name is held apart from what was opened here.
pub(crate) fn derive(key: &[u8; 32], prefix: Option<Prefix>, cause: &[u8]) -> Uuid {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), cause);
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    if let (Some(prefix), Some(first)) = (prefix, bytes.first_chunk_mut()) {
        *first = prefix;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use nhipcau_domain::id::SystemId;
    use proptest::prelude::*;

    use super::*;
    use crate::message::{Cause, MessageId};

    const KEY: [u8; 32] = [7; 32];
    const FIRST: usize = 6;

    fn request(request_id: impl ToString) -> Cause {
        Cause::Request { system: SystemId::new("desk").unwrap(), request_id: request_id.to_string() }
    }

    fn entry(millisecond: i64, digest: [u8; 32]) -> Cause {
        let time = Timestamp::from_millisecond(millisecond).unwrap();
        Cause::Entry { system: SystemId::new("desk").unwrap(), time, digest }
    }

    /// Bits in which the rests of two ids differ.
    fn distance(a: MessageId, b: MessageId) -> u32 {
        a.0.iter().zip(b.0).skip(FIRST).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    proptest! {
        #[test]
        fn an_id_begins_like_the_uuid_v7_of_its_request_and_is_unrelated_otherwise(
            millisecond in 0_u64..1 << 48,
            random in any::<[[u8; 10]; 2]>(),
            key in any::<[u8; 32]>(),
            ordinal in any::<u32>(),
        ) {
            let ids = random.map(|random| uuid::Builder::from_unix_timestamp_millis(millisecond, &random).into_uuid());
            let [id, other] = ids.map(|id| MessageId::derive(&key, &request(id), ordinal));
            prop_assert!(id.is_well_formed());
            prop_assert_eq!(id, MessageId::derive(&key, &request(ids[0]), ordinal));
            prop_assert_eq!(&id.0[..FIRST], &millisecond.to_be_bytes()[2..]);
            prop_assert_eq!(&other.0[..FIRST], &id.0[..FIRST]);
            prop_assume!(ids[0] != ids[1]);
            // Of 74 random bits about 37 differ; fewer than 8 do in one of 10^12.
            prop_assert!(distance(id, other) >= 8, "{} {}", id, other);
            prop_assert!(distance(id, MessageId(ids[0].into_bytes())) >= 8);
            for changed in [
                MessageId::derive(&key, &request(ids[0]), ordinal.wrapping_add(1)),
                MessageId::derive(&KEY, &request(ids[0]), ordinal),
                MessageId::derive(&key, &Cause::Event(id), ordinal),
            ] {
                prop_assert_eq!(&changed.0[..FIRST], &id.0[..FIRST]);
                prop_assert!(distance(id, changed) >= 8, "{} {}", id, changed);
            }
        }

        #[test]
        fn an_id_of_any_other_request_shows_nothing_of_it(random in any::<[u8; 16]>(), text in "[a-z0-9/-]{0,60}") {
            for id in [uuid::Builder::from_random_bytes(random), uuid::Builder::from_custom_bytes(random)] {
                let id = id.into_uuid();
                let derived = MessageId::derive(&KEY, &request(id), 0);
                prop_assert_ne!(&derived.0[..FIRST], &id.as_bytes()[..FIRST]);
                prop_assert!(derived.is_well_formed());
            }
            prop_assert_eq!(prefix_of(&text), None);
        }

        #[test]
        fn an_id_of_a_log_s_entry_begins_with_its_time(millisecond in 0_i64..1 << 47, digest in any::<[u8; 32]>()) {
            let [id, again] = [0; 2].map(|_| MessageId::derive(&KEY, &entry(millisecond, digest), 0));
            prop_assert_eq!(id, again);
            prop_assert_eq!(&id.0[..FIRST], &millisecond.to_be_bytes()[2..]);
            prop_assert!(distance(id, MessageId::derive(&KEY, &entry(millisecond, [1; 32]), 0)) >= 8);
        }
    }
}
