//! Somebody on duty at a unit, as they say who they are.

use nhipcau_domain::{
    id::{PartyId, UnitId},
    referral::{PersonRef, UnitRef},
};

/// A person at a unit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Person {
    /// Where.
    pub(crate) unit: UnitRef,
    /// Reference, never a name.
    pub(crate) person: PersonRef,
}

impl Person {
    /// Reads a unit, `party/unit`, and a reference as they are typed; `None` when they cannot be any. Spaces around
    /// them are a keyboard's, and so are capital letters of a unit.
    pub(crate) fn read(unit: &str, person: &str) -> Option<Self> {
        let unit = unit.trim().to_lowercase();
        let (party, unit) = unit.split_once('/')?;
        let unit = UnitRef { party: PartyId::new(party).ok()?, unit: UnitId::new(unit).ok()? };
        Some(Self { unit, person: PersonRef::new(person.trim()).ok()? })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn person(name: &str) -> Person {
        Person::read("hanoi/cua-nam", name).unwrap()
    }

    #[test]
    fn what_a_telephone_makes_of_a_unit_is_read_and_what_is_none_is_not() {
        assert_eq!(Person::read(" Hanoi/Cua-nam ", "cb-17 "), Some(person("cb-17")));
        for (unit, name) in
            [("hanoi", "cb-17"), ("/", "cb-17"), ("hanoi/cua nam", "cb-17"), ("hanoi/cua-nam", "An Bình")]
        {
            assert_eq!(Person::read(unit, name), None, "{unit} {name}");
        }
    }
}
