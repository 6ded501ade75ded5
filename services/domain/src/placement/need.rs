//! Who needs what: counts of persons by coded age group and sex, and coded services. What a build does not know is
//! refused and never passed on, because nobody at the desk could read it.

use nhipcau_proto::placement::v1 as pb;

use crate::{
    reason,
    referral::{AgeGroup, Refusal, ServiceType, Sex, wire},
};

/// Most groups of persons, and most services.
const MOST: usize = 16;
/// Most persons of a group.
const PERSONS: u32 = 20;

/// Everything that is wrong with what is needed.
///
/// # Errors
/// A [`Refusal`] with every violation.
pub fn check_need(need: &pb::PlacementNeed) -> Result<(), Refusal> {
    let mut refusal = Refusal::default();
    let mut groups = Vec::new();
    for (index, person) in need.persons.iter().enumerate() {
        let path = format!("need.persons[{index}]");
        let age = AgeGroup::from_wire(person.age_group);
        let age = wire::known(age, AgeGroup::is_known, &format!("{path}.age_group"), &mut refusal);
        let sex = wire::known(Sex::from_wire(person.sex), Sex::is_known, &format!("{path}.sex"), &mut refusal);
        if !(1..=PERSONS).contains(&person.count) {
            refusal.add(format!("{path}.count"), reason::FIELD_FORMAT);
        }
        groups.push((age, sex));
    }
    wire::unique(&groups, "need.persons", &mut refusal);
    let needs = wire::codes(&need.needs, MOST, ServiceType::from_wire, "need.needs", &mut refusal);
    if needs.iter().any(|need| !need.is_known()) {
        refusal.add("need.needs", reason::CODE_UNKNOWN);
    }
    wire::unique(&needs, "need.needs", &mut refusal);
    for (path, length) in [("need.persons", need.persons.len()), ("need.needs", need.needs.len())] {
        match length {
            0 => refusal.add(path, reason::FIELD_REQUIRED),
            1..=MOST => {}
            _ => refusal.add(path, reason::TOO_MANY),
        }
    }
    refusal.or(())
}
