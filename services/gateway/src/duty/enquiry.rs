//! What a page shows of placement enquiries: that somebody asks a unit for a place, and how that stands. Never who
//! needs what, and nothing is answered here: a person at the desk reads and answers by their own system.
//!
//! Pure: from answers to texts. An enquiry of another unit is not there, whoever's party it is of.

use nhipcau_domain::referral::{Side, UnitRef};
use nhipcau_proto::placement::v1::{Placement, PlacementState};

use super::{shown::Named, words};

/// Rows of a list; of more it is said how many there are.
pub(crate) const ROWS: usize = 20;

/// Enquiries at a unit, those that wait for an answer first; those of whoever asks too often last.
#[derive(Debug, Default)]
pub(crate) struct Enquiries {
    pub(crate) items: Vec<Enquiry>,
    /// Not shown, though they are there.
    pub(crate) more: usize,
    /// Whether there may be some that were not even looked at.
    pub(crate) is_cut: bool,
}

/// An enquiry in a list.
#[derive(Debug)]
pub(crate) struct Enquiry {
    pub(crate) from: String,
    pub(crate) asked: String,
    /// From when on somebody needs it; empty for at once.
    pub(crate) needed: String,
    pub(crate) state: &'static str,
    /// When it ends by itself.
    pub(crate) until: String,
    /// Whoever asks has asked more often than it may.
    pub(crate) over_limit: bool,
    /// For whoever answers by a system.
    pub(crate) uid: String,
}

impl Enquiries {
    /// Of these what is asked of the unit.
    pub(crate) fn of(found: &[Placement], unit: &UnitRef, named: Named<'_>, is_cut: bool) -> Self {
        let mut own: Vec<_> = found.iter().filter(|placement| is_of(placement, unit)).collect();
        own.sort_by_key(|placement| {
            let until = placement.expire_time.map_or(i64::MAX, |time| time.seconds);
            (placement.over_limit, placement.state() != PlacementState::Asked, until)
        });
        let more = own.len().saturating_sub(ROWS);
        own.truncate(ROWS);
        let item = |placement: &Placement| Enquiry {
            from: named(placement.origin.as_ref()),
            asked: words::time(placement.create_time.as_ref()),
            needed: placement.from_time.as_ref().map(|time| words::time(Some(time))).unwrap_or_default(),
            state: word(placement.state()),
            until: words::time(placement.expire_time.as_ref()),
            over_limit: placement.over_limit,
            uid: placement.uid.clone(),
        };
        Self { items: own.into_iter().map(item).collect(), more, is_cut }
    }
}

/// Whether it is asked of the unit, and not by it.
pub(crate) fn is_of(placement: &Placement, unit: &UnitRef) -> bool {
    let recipient = placement.recipient.as_ref();
    placement.side == Side::Recipient.to_wire()
        && recipient.is_some_and(|it| it.party == unit.party.as_str() && it.unit == unit.unit.as_str())
}

fn word(state: PlacementState) -> &'static str {
    match state {
        PlacementState::Asked => "Chờ trả lời",
        PlacementState::CallWanted => "Đã đề nghị gọi lại",
        PlacementState::Held => "Đang giữ chỗ",
        _ => "Đã kết thúc",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use nhipcau_proto::referral::v1 as pb;

    use super::{
        super::shown::tests::{UNIT, named, unit},
        *,
    };

    fn placement(unit: &str, state: PlacementState, until: i64) -> Placement {
        let of = |party: &str, unit: &str| Some(pb::UnitRef { party: party.to_owned(), unit: unit.to_owned() });
        Placement {
            origin: of("moh", "111"),
            recipient: of("hanoi", unit),
            side: Side::Recipient.to_wire(),
            state: state.into(),
            expire_time: Some(prost_types::Timestamp { seconds: until, nanos: 0 }),
            uid: format!("{unit} {until}"),
            ..Placement::default()
        }
    }

    /// So many that wait.
    pub(crate) fn enquiries(number: i64) -> Enquiries {
        let found: Vec<_> = (0..number).map(|until| placement(UNIT, PlacementState::Asked, until)).collect();
        Enquiries::of(&found, &unit(), &named, false)
    }

    #[test]
    fn a_unit_sees_what_is_asked_of_it_and_what_waits_first() {
        let asked_by_it = Placement { side: Side::Origin.to_wire(), ..placement(UNIT, PlacementState::Asked, 1) };
        let found = [
            placement(UNIT, PlacementState::Held, 2),
            placement("other", PlacementState::Asked, 3),
            placement(UNIT, PlacementState::Asked, 5),
            placement(UNIT, PlacementState::Asked, 4),
            asked_by_it,
        ];
        let shown = Enquiries::of(&found, &unit(), &named, false);
        let uids: Vec<_> = shown.items.iter().map(|item| item.uid.as_str()).collect();
        assert_eq!(uids, [4, 5, 2].map(|until| format!("{UNIT} {until}")));
        assert_eq!((shown.items[0].state, shown.items[2].state, shown.more), ("Chờ trả lời", "Đang giữ chỗ", 0));
    }
}
