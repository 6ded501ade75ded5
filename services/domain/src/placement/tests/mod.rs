//! What placement enquiries promise, in every order in which two logs can be written and delivered while time passes.

mod orders;
mod refusing;

use jiff::Timestamp;
use nhipcau_proto::placement::v1 as pb;
use uuid::Uuid;

use super::*;
use crate::referral::{Actor, Rejection, Side, UnitRef, tests::world::time};

/// An hour, in the seconds of [`time`].
const HOUR: i64 = 3_600;

fn unit(text: &str) -> UnitRef {
    let (party, unit) = text.split_once('/').unwrap();
    UnitRef { party: party.parse().unwrap(), unit: unit.parse().unwrap() }
}

fn person() -> Actor {
    Actor { person: Some(crate::referral::PersonRef::new("cb-3").unwrap()), ..system() }
}

fn system() -> Actor {
    Actor { system: "commune".parse().unwrap(), person: None }
}

fn asking(from: Option<Timestamp>, actor: Actor) -> Result<Draft, crate::referral::Refusal> {
    ask(Uuid::from_u128(3), (unit("hanoi/00004"), unit("vwu/desk")), from, actor, time(0))
}

fn asked() -> Enquiry {
    Enquiry::open(Event::write(asking(None, person()).unwrap()).0).unwrap()
}

const REFERRAL: Uuid = Uuid::from_u128(9);

/// What a side can write at a time, one of each.
fn bodies(side: Side, now: i64) -> Vec<Body> {
    match side {
        Side::Origin => vec![Body::Withdrawn, Body::Confirmed { referral: REFERRAL }, Body::Released],
        Side::Recipient => vec![
            Body::Answered(Answer::Yes { until: time(now + 2 * HOUR) }),
            Body::Answered(Answer::No { code: Rejection::NoCapacity }),
            Body::Answered(Answer::CallMe),
            Body::Unattended,
        ],
    }
}

fn need() -> pb::PlacementNeed {
    let person = |age_group, sex, count| pb::PersonCount { age_group, sex, count };
    pb::PlacementNeed { persons: vec![person(6, 2, 1), person(3, 2, 2)], needs: vec![1, 3] }
}
