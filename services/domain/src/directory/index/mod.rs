//! Reads the participants of a release into its indexes. Every reference is resolved here; what is wrong is
//! reported, all of it, and the result is used only if nothing is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use jiff::Timestamp;
use nhipcau_proto::directory::v1 as pb;

use crate::directory::participant::{Agreed, Hostings, MOST_HOURLY, Participants, Party};
use crate::directory::read;
use crate::directory::release::Release;
use crate::directory::violation::{Problem, Violations};
use crate::id::{AccessPointId, ContractId, KeyId, PartyId, Purpose};

mod access_point;
mod successor;
mod unit;

impl Participants {
    pub(super) fn read(
        wire: &pb::Release,
        expire: Option<Timestamp>,
        current: Option<&Release>,
        found: &mut Violations,
    ) -> Self {
        let mut reader = Reader {
            known: Self { former: access_point::former(current), ..Self::default() },
            party_ids: wire.parties.iter().filter_map(|p| PartyId::new(&p.party).ok()).collect(),
            publics: wire.root.iter().flat_map(|r| &r.signers).map(|s| s.public_key.clone()).collect(),
            expire,
            found,
        };
        reader.contracts(&wire.contracts);
        reader.access_points(&wire.access_points);
        reader.parties(&wire.parties);
        reader.units(&wire.units);
        reader.successors(wire);
        reader.agreements(&wire.agreements);
        reader.publications(&wire.publications);
        reader.known
    }
}

struct Reader<'a> {
    known: Participants,
    party_ids: BTreeSet<PartyId>,
    /// Public keys seen so far: a key has one owner and one use.
    publics: BTreeSet<Vec<u8>>,
    expire: Option<Timestamp>,
    found: &'a mut Violations,
}

impl Reader<'_> {
    fn contracts(&mut self, wire: &[pb::Contract]) {
        for (i, entry) in wire.iter().enumerate() {
            let Some(contract) = read::id(&entry.contract, self.found, format_args!("contracts[{i}].contract")) else {
                continue;
            };
            self.found.require(
                entry.oldest_minor <= entry.minor,
                Problem::Range,
                format_args!("contracts[{i}].oldest_minor"),
            );
            let repeated = self.known.contracts.insert(contract, entry.minor).is_some();
            self.found.require(!repeated, Problem::Repeated, format_args!("contracts[{i}].contract"));
        }
    }

    fn public(&mut self, bytes: &[u8], path: Arguments<'_>) -> Option<[u8; 32]> {
        let public = read::key(bytes, self.found, path)?;
        let fresh = self.publics.insert(bytes.to_vec());
        self.found.require(fresh, Problem::Repeated, path);
        Some(public)
    }

    /// A release grants nothing that would start only when it has expired: expiry freezes new trust.
    fn not_after_expiry(&mut self, start: Timestamp, path: Arguments<'_>) {
        let frozen = self.expire.is_some_and(|expire| start >= expire);
        self.found.require(!frozen, Problem::StartsExpired, path);
    }

    fn parties(&mut self, wire: &[pb::Party]) {
        for (i, entry) in wire.iter().enumerate() {
            let path = format_args!("parties[{i}]");
            let id: Option<PartyId> = read::id(&entry.party, self.found, format_args!("{path}.party"));
            let names = read::names(entry.names.as_ref(), self.found, format_args!("{path}.names"));
            let validity = read::validity(entry.validity.as_ref(), self.found, format_args!("{path}.validity"));
            let mut successors = Vec::new();
            for (j, party) in entry.successors.iter().enumerate() {
                successors.extend(self.party(party, format_args!("{path}.successors[{j}]")));
            }
            let mut recovery = BTreeMap::new();
            for (j, key) in entry.recovery_keys.iter().enumerate() {
                let path = format_args!("{path}.recovery_keys[{j}]");
                let id: Option<KeyId> = read::id(&key.key_id, self.found, format_args!("{path}.key_id"));
                let public = self.public(&key.public_key, format_args!("{path}.public_key"));
                if let (Some(id), Some(public)) = (id, public) {
                    let repeated = recovery.insert(id, public).is_some();
                    self.found.require(!repeated, Problem::Repeated, format_args!("{path}.key_id"));
                }
            }
            let Some(id) = id else { continue };
            let hostings = self.hostings(&entry.hostings, &id, path);
            let (Some(names), Some(validity)) = (names, validity) else {
                continue;
            };
            let party = Party { id: id.clone(), names, validity, successors, hostings, recovery };
            let repeated = self.known.parties.insert(id, party).is_some();
            self.found.require(!repeated, Problem::Repeated, format_args!("{path}.party"));
        }
    }

    fn hostings(&mut self, wire: &[pb::Hosting], party: &PartyId, path: Arguments<'_>) -> Hostings {
        let mut hostings = Hostings::new();
        for (i, hosting) in wire.iter().enumerate() {
            let path = format_args!("{path}.hostings[{i}]");
            let id = read::id(&hosting.access_point, self.found, format_args!("{path}.access_point"));
            let Some(id): Option<AccessPointId> = id else {
                continue;
            };
            match self.known.access_points.get(&id) {
                None => self.found.add(Problem::Unresolved, format_args!("{path}.access_point")),
                Some(host) => {
                    self.found.require(host.parties.contains(party), Problem::NotServed, path);
                }
            }
            self.found.require(!hosting.contracts.is_empty(), Problem::Missing, format_args!("{path}.contracts"));
            for (j, contract) in hosting.contracts.iter().enumerate() {
                let path = format_args!("{path}.contracts[{j}]");
                let Some(contract) = self.contract(contract, path) else {
                    continue;
                };
                let repeated = hostings.insert(contract, id.clone()).is_some();
                self.found.require(!repeated, Problem::Repeated, path);
            }
        }
        hostings
    }

    fn agreements(&mut self, wire: &[pb::Agreement]) {
        for (i, entry) in wire.iter().enumerate() {
            let path = format_args!("agreements[{i}]");
            let sender = self.party(&entry.sender_party, format_args!("{path}.sender_party"));
            let contract = self.contract(&entry.contract, format_args!("{path}.contract"));
            let recipient = self.party(&entry.recipient_party, format_args!("{path}.recipient_party"));
            let purpose: Option<Purpose> = read::id(&entry.purpose, self.found, format_args!("{path}.purpose"));
            let validity = read::validity(entry.validity.as_ref(), self.found, format_args!("{path}.validity"));
            if let Some(validity) = validity {
                self.not_after_expiry(validity.start, path);
            }
            let hourly_acceptances = entry.hourly_acceptances;
            let is_few = hourly_acceptances <= MOST_HOURLY;
            self.found.require(is_few, Problem::Range, format_args!("{path}.hourly_acceptances"));
            let (Some(sender), Some(contract), Some(recipient), Some(purpose), Some(validity)) =
                (sender, contract, recipient, purpose, validity)
            else {
                continue;
            };
            let by_contract = self.known.agreements.entry(sender).or_default();
            let by_recipient = by_contract.entry(contract).or_default();
            by_recipient.entry(recipient).or_default().push(Agreed { purpose, validity, hourly_acceptances });
        }
    }

    fn publications(&mut self, wire: &[pb::Publication]) {
        for (i, entry) in wire.iter().enumerate() {
            let path = format_args!("publications[{i}]");
            let party = self.party(&entry.party, format_args!("{path}.party"));
            let contract = self.contract(&entry.contract, format_args!("{path}.contract"));
            let (Some(party), Some(contract)) = (party, contract) else {
                continue;
            };
            let fresh = self.known.publications.entry(party).or_default().insert(contract);
            self.found.require(fresh, Problem::Repeated, path);
        }
    }

    fn party(&mut self, text: &str, path: Arguments<'_>) -> Option<PartyId> {
        let id = read::id(text, self.found, path)?;
        self.found.require(self.party_ids.contains(&id), Problem::Unresolved, path);
        Some(id)
    }

    fn contract(&mut self, text: &str, path: Arguments<'_>) -> Option<ContractId> {
        let id = read::id(text, self.found, path)?;
        self.found.require(self.known.contracts.contains_key(&id), Problem::Unresolved, path);
        Some(id)
    }
}
