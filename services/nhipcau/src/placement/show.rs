//! Enquiries as a person reads them: who asks whom, where it stands and until when.

use std::fmt;

use nhipcau_proto::{placement::v1 as pb, referral::v1 as referral};

use crate::referral::{code::shown, shown_unit, time};

/// An enquiry.
pub(super) struct Shown<'p>(pub(super) &'p pb::Placement);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(placement) = self;
        writeln!(f, "{}", placement.name)?;
        let [from, to] = [&placement.origin, &placement.recipient].map(|unit| shown_unit(unit.as_ref()));
        let when = placement.from_time.as_ref();
        let when = when.map_or_else(|| "tonight".to_owned(), |from| format!("from {}", time(Some(from))));
        writeln!(f, "  {from} → {to}, asked {}, for {when}", time(placement.create_time.as_ref()))?;
        let state = shown::<pb::PlacementState>(placement.state);
        write!(f, "  {state} since {}, etag {}", time(placement.state_time.as_ref()), placement.etag)?;
        if placement.expire_time.is_some() {
            write!(f, "\n  ends by itself {}", time(placement.expire_time.as_ref()))?;
        }
        if placement.refusal_code != 0 {
            write!(f, "\n  no: {}", shown::<referral::RejectionCode>(placement.refusal_code))?;
        }
        if !placement.referral_uid.is_empty() {
            write!(f, "\n  for the referral {}", placement.referral_uid)?;
        }
        if placement.late {
            write!(f, "\n  confirmed after the hold was over: call the asker")?;
        }
        if placement.over_limit {
            write!(f, "\n  its party asks more often than it may in an hour: look before you answer")?;
        }
        if placement.unattended {
            let what = if placement.side() == referral::Side::Origin { ": call it, or ask another" } else { "" };
            write!(f, "\n  nobody at the desk was left to tell{what}")?;
        }
        if placement.under_way {
            write!(f, "\n  the other side may not know it yet")?;
        }
        if !placement.refusal_reason.is_empty() {
            write!(f, "\n  refused by the other side: {}", placement.refusal_reason)?;
        }
        let Some(need) = &placement.need else { return Ok(()) };
        for persons in &need.persons {
            let age = shown::<referral::AgeGroup>(persons.age_group);
            write!(f, "\n  {} × {age}, {}", persons.count, shown::<referral::Sex>(persons.sex))?;
        }
        let needs: Vec<_> = need.needs.iter().map(|need| shown::<referral::ServiceType>(*need)).collect();
        write!(f, "\n  needs {}", needs.join(", "))
    }
}
