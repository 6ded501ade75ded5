//! What the messages of the simulation say: enough for a handler to act on and for the checker to know them again.

use std::iter;

use nhipcau_domain::flow::Flow;
use nhipcau_messaging::blob::CHUNK_BYTES;

use crate::{
    directory::{CASES, FIGURES, REFERRALS, contract},
    trace::fnv,
};

/// What a message asks of its recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Nothing but to be kept.
    Note,
    /// To be refused as invalid.
    Invalid,
    /// To be refused as coming in the wrong state.
    WrongState,
    /// An answer.
    Ask,
    /// The answer.
    Answer,
    /// First tier of a disclosure: to be accepted or rejected.
    Preview,
    /// Accepts a preview.
    Accept,
    /// Rejects a preview.
    Reject,
    /// Second tier: may exist only where the acceptance is stored.
    Disclose,
    /// Published to all.
    Publish,
    /// To be kept with the blob that it names.
    Attach,
    /// Carries a piece of such a blob.
    Chunk,
    /// Says that no answer came in time.
    Late,
    /// Asks the level above.
    Climb,
    /// Says that another has answered.
    Enough,
    /// Asks for a place.
    Place,
    /// The answer: it is held for a while.
    Held,
    /// Takes what is held.
    Take,
}

impl Verb {
    /// All of them; the position is the number on the wire.
    const ALL: [Self; 18] = [
        Self::Note,
        Self::Invalid,
        Self::WrongState,
        Self::Ask,
        Self::Answer,
        Self::Preview,
        Self::Accept,
        Self::Reject,
        Self::Disclose,
        Self::Publish,
        Self::Attach,
        Self::Chunk,
        Self::Late,
        Self::Climb,
        Self::Enough,
        Self::Place,
        Self::Held,
        Self::Take,
    ];

    /// Whether an answer is waited for.
    #[must_use]
    pub fn is_question(self) -> bool {
        matches!(self, Self::Ask | Self::Preview | Self::Climb | Self::Place)
    }

    /// Whether it is an answer.
    #[must_use]
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Answer | Self::Accept | Self::Reject | Self::Held)
    }
}

/// The first part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body {
    /// What it asks.
    pub verb: Verb,
    /// The case; 0 is none.
    pub case: u32,
    /// Makes it different from every other.
    pub nonce: u64,
    /// Bytes of filler behind it.
    pub filler: u32,
}

const LENGTH: usize = 17;

/// Of what comes of a question by time, each is made different from it by a bit of its own.
pub const LATE: u64 = 1 << 41;
/// See [`LATE`].
pub const CLIMB: u64 = 1 << 42;
/// See [`LATE`].
pub const ENOUGH: u64 = 1 << 43;

impl Body {
    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let verb = Verb::ALL.iter().position(|verb| *verb == self.verb).unwrap_or_default();
        let mut bytes = vec![u8::try_from(verb).expect("few verbs")];
        bytes.extend(self.case.to_be_bytes());
        bytes.extend(self.nonce.to_be_bytes());
        bytes.extend(self.filler.to_be_bytes());
        let filler = iter::successors(Some(self.nonce | 1), |n| Some(n.wrapping_mul(0x5851_f42d_4c95_7f2d)));
        bytes.extend(filler.map(|n| n.to_be_bytes()[0]).take(self.filler as usize));
        bytes
    }

    /// Reads them. Gives nothing for bytes that [`Body::encode`] does not make.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, _) = bytes.split_at_checked(LENGTH)?;
        let body = Self {
            verb: *Verb::ALL.get(usize::from(head[0]))?,
            case: u32::from_be_bytes(head[1..5].try_into().ok()?),
            nonce: u64::from_be_bytes(head[5..13].try_into().ok()?),
            filler: u32::from_be_bytes(head[13..17].try_into().ok()?),
        };
        (body.filler as usize + LENGTH == bytes.len() && body.encode() == bytes).then_some(body)
    }

    /// The blob that a message with this body names: two chunks, sometimes three, of which the last is short.
    #[must_use]
    pub fn blob(&self) -> Option<Vec<u8>> {
        if self.verb != Verb::Attach {
            return None;
        }
        let full = if self.nonce.is_multiple_of(8) { 2 } else { 1 };
        let length = CHUNK_BYTES * full + 1 + usize::try_from(self.nonce % 2_000).expect("small");
        let first = self.nonce.rotate_left(17) | 1;
        let words = iter::successors(Some(first), |n| Some(n.wrapping_mul(0x5851_f42d_4c95_7f2d))).take(257);
        let pattern: Vec<u8> = words.flat_map(u64::to_be_bytes).collect();
        let mut bytes = pattern.repeat(length.div_ceil(pattern.len()));
        bytes.truncate(length);
        Some(bytes)
    }

    /// What makes the question different that a message with this body answers.
    #[must_use]
    pub fn answers(&self) -> Option<u64> {
        self.verb.is_answer().then(|| self.nonce.wrapping_sub(1))
    }

    /// What is said of a question that has no answer in time.
    #[must_use]
    pub fn late(self) -> Self {
        Self { verb: Verb::Late, nonce: self.nonce ^ LATE, filler: 40, ..self }
    }

    /// The same question to the level above.
    #[must_use]
    pub fn above(self) -> Self {
        Self { verb: Verb::Climb, nonce: self.nonce ^ CLIMB, ..self }
    }

    /// The question that was put to the level above.
    #[must_use]
    pub fn below(self) -> Self {
        Self { verb: Verb::Ask, nonce: self.nonce ^ CLIMB, ..self }
    }

    /// What is said of a question that another has answered.
    #[must_use]
    pub fn enough(self) -> Self {
        Self { verb: Verb::Enough, nonce: self.nonce ^ ENOUGH, filler: 40, ..self }
    }

    /// What makes the question for the place different that a message with this body takes.
    #[must_use]
    pub fn takes(&self) -> Option<u64> {
        (self.verb == Verb::Take).then(|| self.nonce.wrapping_sub(2))
    }

    /// Whether a place that is held is taken.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.nonce.is_multiple_of(4)
    }

    /// Whether a preview with this body is accepted.
    #[must_use]
    pub fn is_acceptable(&self) -> bool {
        !self.nonce.is_multiple_of(4)
    }
}

/// The contract of a message, and the kind that it states: one of the contract's, none, or one that nobody knows.
#[must_use]
pub fn stated(verb: Verb, case: u32) -> (&'static str, &'static str) {
    const KINDS: [&str; 5] = ["TRANSFER", "REFERRAL", "NOTIFICATION", "", "OF_A_LATER_VERSION"];
    match verb {
        Verb::Publish => (FIGURES, ""),
        _ if case.is_multiple_of(2) => (CASES, KINDS[0]),
        _ => (REFERRALS, KINDS[(case as usize / 2) % KINDS.len()]),
    }
}

/// The flow that it is counted under.
#[must_use]
pub fn flow(verb: Verb, case: u32) -> Flow {
    let (name, kind) = stated(verb, case);
    Flow::of(&contract(name), kind)
}

/// The correlation of a case, or none.
#[must_use]
pub fn correlation(case: u32) -> Option<[u8; 16]> {
    let mut bytes = [0x5a; 16];
    bytes[..4].copy_from_slice(&case.to_be_bytes());
    (case != 0).then_some(bytes)
}

/// Stands for the parts of a message.
#[must_use]
pub fn digest(parts: &[Vec<u8>]) -> u64 {
    parts.iter().fold(0xcbf2_9ce4_8422_2325, |state, part| fnv(fnv(state, &(part.len() as u64).to_be_bytes()), part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_reads_back_and_a_changed_one_does_not() {
        for (n, verb) in Verb::ALL.into_iter().enumerate() {
            let body = Body { verb, case: 7, nonce: n as u64 * 991, filler: 300 };
            let bytes = body.encode();
            assert_eq!(Body::decode(&bytes), Some(body));
            let mut changed = bytes.clone();
            changed[100] ^= 1;
            assert_eq!(Body::decode(&changed), None);
            assert_eq!(Body::decode(&bytes[..bytes.len() - 1]), None);
        }
    }
}
