//! Somebody on duty at a unit, as they say who they are.

use nhipcau_domain::{
    duty,
    id::{PartyId, UnitId},
    referral::{PersonRef, UnitRef},
};
use nhipcau_messaging::pae::{self, Digest};

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

/// Somebody as they were told their code: what follows from it is theirs only as long as the roster reaches them so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Who.
    pub(crate) person: Person,
    /// Digest of channel and address, so that no address is kept.
    way: Digest,
}

impl Reached {
    /// By what the roster says of them.
    pub(crate) fn by(person: Person, place: &duty::Person) -> Self {
        Self { person, way: way(place) }
    }

    /// Whether they are still reached like that.
    pub(crate) fn is_by(&self, place: &duty::Person) -> bool {
        self.way == way(place)
    }
}

fn way(place: &duty::Person) -> Digest {
    // Compared alone, and never told.
    pae::digest_of(&[b"nhipcau/1/duty-way", place.channel.as_bytes(), place.address.expose().as_bytes()])
}

#[cfg(test)]
pub(crate) mod tests {
    use nhipcau_domain::referral::Personal;

    use super::*;

    pub(crate) fn person(name: &str) -> Person {
        Person::read("hanoi/cua-nam", name).unwrap()
    }

    pub(crate) fn reached(name: &str) -> Reached {
        Reached::by(person(name), &place("sms", "+84 900 000 017"))
    }

    fn place(channel: &str, address: &str) -> duty::Person {
        duty::Person {
            person: PersonRef::new("cb-17").unwrap(),
            role: "officer".into(),
            channel: channel.into(),
            address: Personal::new(address.into()),
        }
    }

    #[test]
    fn another_address_or_another_way_is_not_that_by_which_somebody_was_told() {
        let told = reached("cb-17");
        assert!(told.is_by(&place("sms", "+84 900 000 017")));
        assert!(!told.is_by(&place("sms", "+84 900 000 018")) && !told.is_by(&place("call", "+84 900 000 017")));
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
