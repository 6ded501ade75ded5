//! The ladder of a time limit: to whom the origin turns, and when, while nothing stopped it.

use jiff::Timestamp;
use nhipcau_proto::directory::v1 as pb;

use super::{STEPS, reckon::Refused};
use crate::{
    id::{PartyId, UnitId},
    reason,
    referral::{LadderStep, UnitRef},
};

/// The steps of a rule in the order of their times, none after `due`. A step that does not say when comes with the end
/// of the limit.
pub(super) fn steps(
    rule: &pb::TimeLimit,
    due: Timestamp,
    end: impl Fn(&pb::Span) -> Result<Timestamp, Refused>,
) -> Result<Vec<LadderStep>, Refused> {
    if rule.escalation.len() > STEPS {
        return Err(reason::LIMIT_RULE_UNREADABLE);
    }
    let mut steps = Vec::with_capacity(rule.escalation.len());
    for step in &rule.escalation {
        let time = step.after.as_ref().map_or(Ok(due), &end)?.min(due);
        steps.push(LadderStep { time, unit: step.unit.as_ref().map(unit).transpose()? });
    }
    steps.sort_by_key(|step| step.time);
    Ok(steps)
}

fn unit(unit: &pb::UnitRef) -> Result<UnitRef, Refused> {
    match (PartyId::new(&unit.party), UnitId::new(&unit.unit)) {
        (Ok(party), Ok(unit)) => Ok(UnitRef { party, unit }),
        _ => Err(reason::LIMIT_RULE_UNREADABLE),
    }
}
