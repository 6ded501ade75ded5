//! What a recipient says became of the content after consent was withdrawn, and its form in the contract.

use jiff::Timestamp;
use nhipcau_proto::referral::v1 as pb;

use super::{
    code::Part,
    parts::PartSet,
    text::Text,
    violation::Refusal,
    wire::{self, CITATION, write_time},
};
use crate::{id::is_label, reason};

/// Most entries of a list: there is one for each part.
const MOST: usize = 4;

/// The answer to a withdrawal. A part is in at most one of the two lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalAnswer {
    /// When the recipient's access point heard of the withdrawal.
    pub stopped: Timestamp,
    /// What was erased.
    pub erased: PartSet,
    /// What must be kept, one entry a part.
    pub kept: Vec<Kept>,
}

/// A part that must be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Which part.
    pub part: Part,
    /// The duty to keep it, as the class or the order names it.
    pub citation: Text,
    /// Class of the directory; `None` when it is kept by a legal hold.
    pub class: Option<Box<str>>,
    /// When it may be erased; `None` exactly while a legal hold lasts.
    pub until: Option<Timestamp>,
}

impl WithdrawalAnswer {
    /// True when both say the same of each part.
    #[must_use]
    pub fn says_as(&self, other: &Self) -> bool {
        (self.erased, &self.kept) == (other.erased, &other.kept)
    }
}

pub(super) fn read(value: &pb::WithdrawalAnswered, refusal: &mut Refusal) -> Option<WithdrawalAnswer> {
    let path = "withdrawal_answered";
    let stopped = wire::timestamp(value.stopped_time.as_ref(), &format!("{path}.stopped_time"), refusal);
    for (list, length) in [("erased_parts", value.erased_parts.len()), ("kept_parts", value.kept_parts.len())] {
        if length > MOST {
            refusal.add(format!("{path}.{list}"), reason::TOO_MANY);
        }
    }
    let (mut named, mut erased, mut kept) = (PartSet::EMPTY, PartSet::EMPTY, Vec::new());
    for (index, number) in value.erased_parts.iter().enumerate().take(MOST) {
        let part = part(*number, &mut named, &format!("{path}.erased_parts[{index}]"), refusal);
        part.into_iter().for_each(|part| erased.insert(part));
    }
    for (index, entry) in value.kept_parts.iter().enumerate().take(MOST) {
        kept.extend(read_kept(entry, &mut named, &format!("{path}.kept_parts[{index}]"), refusal));
    }
    Some(WithdrawalAnswer { stopped: stopped?, erased, kept })
}

fn read_kept(value: &pb::KeptPart, named: &mut PartSet, path: &str, refusal: &mut Refusal) -> Option<Kept> {
    let part = part(value.part, named, &format!("{path}.part"), refusal);
    let citation = Text::read(&value.citation, CITATION, &format!("{path}.citation"), refusal);
    let class = Some(value.retention_class.as_str()).filter(|class| !class.is_empty());
    if class.is_some_and(|class| !is_label(class)) {
        refusal.add(format!("{path}.retention_class"), reason::FIELD_FORMAT);
    }
    let until = value.until_time.as_ref();
    let until = until.and_then(|time| wire::timestamp(Some(time), &format!("{path}.until_time"), refusal));
    // A class says until when; nobody knows when an order is taken back.
    if class.is_some() != value.until_time.is_some() {
        let missing = if class.is_some() { reason::FIELD_REQUIRED } else { reason::FIELD_FORMAT };
        refusal.add(format!("{path}.until_time"), missing);
    }
    Some(Kept { part: part?, citation: citation?, class: class.map(Into::into), until })
}

/// A part that is known and was not named before.
fn part(number: i32, named: &mut PartSet, path: &str, refusal: &mut Refusal) -> Option<Part> {
    let part = wire::known(Part::from_wire(number), Part::is_known, path, refusal)?;
    if named.contains(part) {
        refusal.add(path, reason::PART_REPEATED);
        return None;
    }
    named.insert(part);
    Some(part)
}

/// Encodes an answer.
#[must_use]
pub fn write_withdrawal_answer(answer: &WithdrawalAnswer) -> pb::WithdrawalAnswered {
    let kept = |kept: &Kept| pb::KeptPart {
        part: kept.part.to_wire(),
        citation: kept.citation.as_str().to_owned(),
        retention_class: kept.class.as_deref().unwrap_or_default().to_owned(),
        until_time: kept.until.map(write_time),
    };
    pb::WithdrawalAnswered {
        stopped_time: Some(write_time(answer.stopped)),
        erased_parts: answer.erased.iter().map(Part::to_wire).collect(),
        kept_parts: answer.kept.iter().map(kept).collect(),
    }
}
