//! Reads the participants of a release into its indexes: parties, access points, units, contracts, agreements.
//! Every reference is resolved here; what is wrong is reported, all of it, and the result used only if nothing is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use jiff::Timestamp;
use nhipcau_proto::directory::v1 as pb;

use super::key::{AccessPoint, SealingKey, SigningKey};
use super::read::{self, Names, Validity};
use super::release::Release;
use super::violation::{Problem, Violations};
use crate::id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, UnitId};

/// At most this many units stand above a unit.
pub(super) const UNIT_LEVELS: usize = 16;

/// Which access point serves for which contract.
pub(super) type Hostings = BTreeMap<ContractId, AccessPointId>;

/// An organisation.
#[derive(Debug, Clone)]
pub struct Party {
    /// Identifier.
    pub id: PartyId,
    /// Official name.
    pub names: Names,
    /// When it takes part.
    pub validity: Validity,
    /// Parties that took over its duties.
    pub successors: Vec<PartyId>,
    pub(super) hostings: Hostings,
    pub(super) recovery: BTreeMap<KeyId, [u8; 32]>,
}

/// An addressable desk of a party.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Party that it belongs to.
    pub party: PartyId,
    /// Identifier, unique in the party.
    pub id: UnitId,
    /// Official name.
    pub names: Names,
    /// Unit of the same party above it.
    pub parent: Option<UnitId>,
    /// Areas that it serves.
    pub areas: Vec<AreaRef>,
    /// Services that it gives, as labels.
    pub services: BTreeSet<Box<str>>,
    /// When it may be addressed.
    pub validity: Validity,
    /// Units that took over its duties.
    pub successors: Vec<(PartyId, UnitId)>,
    pub(super) hostings: Hostings,
}

/// An area by code, list and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaRef {
    /// Code list.
    pub list: Box<str>,
    /// Version of the code list.
    pub version: Box<str>,
    /// Code.
    pub code: Box<str>,
}

/// Agreements: sender, contract, recipient, then purposes with their validity.
pub(super) type Agreements =
    BTreeMap<PartyId, BTreeMap<ContractId, BTreeMap<PartyId, Vec<(Purpose, Validity)>>>>;

/// The participants of a release, indexed.
#[derive(Debug, Clone, Default)]
pub(super) struct Participants {
    pub(super) parties: BTreeMap<PartyId, Party>,
    pub(super) access_points: BTreeMap<AccessPointId, AccessPoint>,
    pub(super) units: BTreeMap<PartyId, BTreeMap<UnitId, Unit>>,
    pub(super) contracts: BTreeMap<ContractId, u32>,
    pub(super) agreements: Agreements,
    pub(super) publications: BTreeMap<PartyId, BTreeSet<ContractId>>,
}

impl Participants {
    pub(super) fn read(
        wire: &pb::Release,
        expire: Option<Timestamp>,
        current: Option<&Release>,
        found: &mut Violations,
    ) -> Self {
        let mut reader = Reader {
            known: Self::default(),
            party_ids: wire
                .parties
                .iter()
                .filter_map(|p| PartyId::new(&p.party).ok())
                .collect(),
            publics: wire
                .root
                .iter()
                .flat_map(|r| &r.signers)
                .map(|s| s.public_key.clone())
                .collect(),
            expire,
            current,
            found,
        };
        reader.contracts(&wire.contracts);
        reader.access_points(&wire.access_points);
        reader.parties(&wire.parties);
        reader.units(&wire.units);
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
    current: Option<&'a Release>,
    found: &'a mut Violations,
}

impl Reader<'_> {
    fn contracts(&mut self, wire: &[pb::Contract]) {
        for (i, entry) in wire.iter().enumerate() {
            let Some(contract) = read::id(
                &entry.contract,
                self.found,
                format_args!("contracts[{i}].contract"),
            ) else {
                continue;
            };
            self.found.require(
                entry.oldest_minor <= entry.minor,
                Problem::Range,
                format_args!("contracts[{i}].oldest_minor"),
            );
            let repeated = self.known.contracts.insert(contract, entry.minor).is_some();
            self.found.require(
                !repeated,
                Problem::Repeated,
                format_args!("contracts[{i}].contract"),
            );
        }
    }

    fn access_points(&mut self, wire: &[pb::AccessPoint]) {
        for (i, entry) in wire.iter().enumerate() {
            let path = format_args!("access_points[{i}]");
            let id: Option<AccessPointId> = read::id(
                &entry.access_point,
                self.found,
                format_args!("{path}.access_point"),
            );
            let operator = self.party(&entry.operator_party, format_args!("{path}.operator_party"));
            let mut parties = BTreeSet::new();
            for (j, party) in entry.parties.iter().enumerate() {
                parties.extend(self.party(party, format_args!("{path}.parties[{j}]")));
            }
            let (Some(id), Some(operator)) = (id, operator) else {
                continue;
            };
            let mut access_point = AccessPoint {
                id: id.clone(),
                operator,
                parties,
                signing: BTreeMap::new(),
                sealing: Vec::new(),
                withdrawn: BTreeSet::new(),
            };
            self.signing_keys(&entry.signing_keys, &mut access_point, path);
            self.sealing_keys(&entry.sealing_keys, &mut access_point, path);
            if let Some(before) = self.current.and_then(|current| current.access_point(&id)) {
                carry_over(before, &mut access_point, self.found, path);
            }
            let repeated = self.known.access_points.insert(id, access_point).is_some();
            self.found.require(
                !repeated,
                Problem::Repeated,
                format_args!("{path}.access_point"),
            );
        }
    }

    fn signing_keys(&mut self, wire: &[pb::SigningKey], to: &mut AccessPoint, path: Arguments<'_>) {
        for (i, key) in wire.iter().enumerate() {
            let path = format_args!("{path}.signing_keys[{i}]");
            let times = (
                key.start_time.as_ref(),
                key.expire_time.as_ref(),
                key.revoke_time.as_ref(),
            );
            let Some((id, public, start, expire, revoked)) =
                self.key(&key.key_id, &key.public_key, times, to, path)
            else {
                continue;
            };
            if revoked.is_some() {
                to.withdrawn.insert(id.clone());
            }
            to.signing.insert(
                id.clone(),
                SigningKey {
                    id,
                    public,
                    start,
                    expire,
                    revoked,
                },
            );
        }
    }

    fn sealing_keys(&mut self, wire: &[pb::SealingKey], to: &mut AccessPoint, path: Arguments<'_>) {
        for (i, key) in wire.iter().enumerate() {
            let path = format_args!("{path}.sealing_keys[{i}]");
            let times = (
                key.start_time.as_ref(),
                key.expire_time.as_ref(),
                key.revoke_time.as_ref(),
            );
            let Some((id, public, start, expire, revoked)) =
                self.key(&key.key_id, &key.public_key, times, to, path)
            else {
                continue;
            };
            to.sealing.push(SealingKey {
                id,
                public,
                start,
                expire,
                revoked,
            });
        }
        to.sealing
            .sort_by(|a, b| (b.start, &b.id).cmp(&(a.start, &a.id)));
    }

    fn key(
        &mut self,
        id: &str,
        public: &[u8],
        (start, expire, revoke): (OptionalTime<'_>, OptionalTime<'_>, OptionalTime<'_>),
        owner: &AccessPoint,
        path: Arguments<'_>,
    ) -> Option<(KeyId, [u8; 32], Timestamp, Timestamp, Option<Timestamp>)> {
        let id: Option<KeyId> = read::id(id, self.found, format_args!("{path}.key_id"));
        let public = self.public(public, format_args!("{path}.public_key"));
        let start = read::time(start, self.found, format_args!("{path}.start_time"));
        let expire = read::time(expire, self.found, format_args!("{path}.expire_time"));
        let revoked = read::optional_time(revoke, self.found, format_args!("{path}.revoke_time"));
        let (id, public, start, expire) = (id?, public?, start?, expire?);
        self.found
            .require(start < expire, Problem::EndsBeforeStart, path);
        self.not_after_expiry(start, path);
        if owner.has_key(&id) {
            self.found
                .add(Problem::Repeated, format_args!("{path}.key_id"));
            return None;
        }
        Some((id, public, start, expire, revoked))
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
            let id: Option<PartyId> =
                read::id(&entry.party, self.found, format_args!("{path}.party"));
            let names = read::names(
                entry.names.as_ref(),
                self.found,
                format_args!("{path}.names"),
            );
            let validity = read::validity(
                entry.validity.as_ref(),
                self.found,
                format_args!("{path}.validity"),
            );
            let mut successors = Vec::new();
            for (j, party) in entry.successors.iter().enumerate() {
                successors.extend(self.party(party, format_args!("{path}.successors[{j}]")));
            }
            let mut recovery = BTreeMap::new();
            for (j, key) in entry.recovery_keys.iter().enumerate() {
                let path = format_args!("{path}.recovery_keys[{j}]");
                let id: Option<KeyId> =
                    read::id(&key.key_id, self.found, format_args!("{path}.key_id"));
                let public = self.public(&key.public_key, format_args!("{path}.public_key"));
                if let (Some(id), Some(public)) = (id, public) {
                    let repeated = recovery.insert(id, public).is_some();
                    self.found
                        .require(!repeated, Problem::Repeated, format_args!("{path}.key_id"));
                }
            }
            let Some(id) = id else { continue };
            let hostings = self.hostings(&entry.hostings, &id, path);
            let (Some(names), Some(validity)) = (names, validity) else {
                continue;
            };
            let party = Party {
                id: id.clone(),
                names,
                validity,
                successors,
                hostings,
                recovery,
            };
            let repeated = self.known.parties.insert(id, party).is_some();
            self.found
                .require(!repeated, Problem::Repeated, format_args!("{path}.party"));
        }
    }

    fn hostings(&mut self, wire: &[pb::Hosting], party: &PartyId, path: Arguments<'_>) -> Hostings {
        let mut hostings = Hostings::new();
        for (i, hosting) in wire.iter().enumerate() {
            let path = format_args!("{path}.hostings[{i}]");
            let id = read::id(
                &hosting.access_point,
                self.found,
                format_args!("{path}.access_point"),
            );
            let Some(id): Option<AccessPointId> = id else {
                continue;
            };
            match self.known.access_points.get(&id) {
                None => self
                    .found
                    .add(Problem::Unresolved, format_args!("{path}.access_point")),
                Some(host) => {
                    self.found
                        .require(host.parties.contains(party), Problem::NotServed, path);
                }
            }
            self.found.require(
                !hosting.contracts.is_empty(),
                Problem::Missing,
                format_args!("{path}.contracts"),
            );
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

    fn units(&mut self, wire: &[pb::Unit]) {
        let ids: BTreeSet<(&str, &str)> = wire
            .iter()
            .map(|u| (u.party.as_str(), u.unit.as_str()))
            .collect();
        for (i, entry) in wire.iter().enumerate() {
            if let Some(unit) = self.unit(entry, &ids, i) {
                let of_party = self.known.units.entry(unit.party.clone()).or_default();
                let repeated = of_party.insert(unit.id.clone(), unit).is_some();
                self.found.require(
                    !repeated,
                    Problem::Repeated,
                    format_args!("units[{i}].unit"),
                );
            }
        }
        for (i, entry) in wire.iter().enumerate() {
            let (Ok(party), Ok(unit)) = (PartyId::new(&entry.party), UnitId::new(&entry.unit))
            else {
                continue;
            };
            let Some(of_party) = self.known.units.get(&party) else {
                continue;
            };
            let above = std::iter::successors(of_party.get(&unit), |unit| {
                of_party.get(unit.parent.as_ref()?)
            });
            self.found.require(
                above.take(UNIT_LEVELS + 1).count() <= UNIT_LEVELS,
                Problem::Cycle,
                format_args!("units[{i}].parent"),
            );
        }
    }

    fn unit(&mut self, wire: &pb::Unit, ids: &BTreeSet<(&str, &str)>, i: usize) -> Option<Unit> {
        let path = format_args!("units[{i}]");
        let party = self.party(&wire.party, format_args!("{path}.party"));
        let id: Option<UnitId> = read::id(&wire.unit, self.found, format_args!("{path}.unit"));
        let names = read::names(
            wire.names.as_ref(),
            self.found,
            format_args!("{path}.names"),
        );
        let validity = read::validity(
            wire.validity.as_ref(),
            self.found,
            format_args!("{path}.validity"),
        );
        let parent = (!wire.parent.is_empty()).then_some(wire.parent.as_str());
        if let Some(parent) = parent {
            self.found.require(
                ids.contains(&(wire.party.as_str(), parent)),
                Problem::Unresolved,
                format_args!("{path}.parent"),
            );
        }
        let mut successors = Vec::new();
        for (j, unit) in wire.successors.iter().enumerate() {
            let there = ids.contains(&(unit.party.as_str(), unit.unit.as_str()));
            self.found.require(
                there,
                Problem::Unresolved,
                format_args!("{path}.successors[{j}]"),
            );
            successors.extend(
                PartyId::new(&unit.party)
                    .ok()
                    .zip(UnitId::new(&unit.unit).ok()),
            );
        }
        for (j, service) in wire.services.iter().enumerate() {
            self.found.require(
                read::is_label(service),
                Problem::Syntax,
                format_args!("{path}.services[{j}]"),
            );
        }
        let party = party?;
        let hostings = self.hostings(&wire.hostings, &party, path);
        Some(Unit {
            party,
            id: id?,
            names: names?,
            parent: parent.and_then(|parent| UnitId::new(parent).ok()),
            areas: wire.areas.iter().map(AreaRef::from_wire).collect(),
            services: wire.services.iter().map(|s| s.as_str().into()).collect(),
            validity: validity?,
            successors,
            hostings,
        })
    }

    fn agreements(&mut self, wire: &[pb::Agreement]) {
        for (i, entry) in wire.iter().enumerate() {
            let path = format_args!("agreements[{i}]");
            let sender = self.party(&entry.sender_party, format_args!("{path}.sender_party"));
            let contract = self.contract(&entry.contract, format_args!("{path}.contract"));
            let recipient = self.party(
                &entry.recipient_party,
                format_args!("{path}.recipient_party"),
            );
            let purpose: Option<Purpose> =
                read::id(&entry.purpose, self.found, format_args!("{path}.purpose"));
            let validity = read::validity(
                entry.validity.as_ref(),
                self.found,
                format_args!("{path}.validity"),
            );
            if let Some(validity) = validity {
                self.not_after_expiry(validity.start, path);
            }
            let (Some(sender), Some(contract), Some(recipient), Some(purpose), Some(validity)) =
                (sender, contract, recipient, purpose, validity)
            else {
                continue;
            };
            let by_contract = self.known.agreements.entry(sender).or_default();
            let by_recipient = by_contract.entry(contract).or_default();
            by_recipient
                .entry(recipient)
                .or_default()
                .push((purpose, validity));
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
            let fresh = self
                .known
                .publications
                .entry(party)
                .or_default()
                .insert(contract);
            self.found.require(fresh, Problem::Repeated, path);
        }
    }

    fn party(&mut self, text: &str, path: Arguments<'_>) -> Option<PartyId> {
        let id = read::id(text, self.found, path)?;
        self.found
            .require(self.party_ids.contains(&id), Problem::Unresolved, path);
        Some(id)
    }

    fn contract(&mut self, text: &str, path: Arguments<'_>) -> Option<ContractId> {
        let id = read::id(text, self.found, path)?;
        self.found.require(
            self.known.contracts.contains_key(&id),
            Problem::Unresolved,
            path,
        );
        Some(id)
    }
}

type OptionalTime<'a> = Option<&'a prost_types::Timestamp>;

impl AreaRef {
    fn from_wire(wire: &pb::AreaRef) -> Self {
        Self {
            list: wire.code_list.as_str().into(),
            version: wire.code_list_version.as_str().into(),
            code: wire.code.as_str().into(),
        }
    }
}

/// A key id never stands for another key, and a revoked key stays revoked whatever a later release says.
fn carry_over(
    before: &AccessPoint,
    to: &mut AccessPoint,
    found: &mut Violations,
    path: Arguments<'_>,
) {
    for key in before.signing.values() {
        let other = to
            .signing
            .get(&key.id)
            .is_some_and(|new| new.public != key.public)
            || to.sealing.iter().any(|new| new.id == key.id);
        found.require(!other, Problem::Reused, format_args!("{path}.signing_keys"));
        if let Some(revoked) = key.revoked {
            to.revoke(&key.id, revoked);
        }
    }
    for key in &before.sealing {
        let other = to
            .sealing
            .iter()
            .any(|new| new.id == key.id && new.public != key.public)
            || to.signing.contains_key(&key.id);
        found.require(!other, Problem::Reused, format_args!("{path}.sealing_keys"));
        if let Some(revoked) = key.revoked {
            to.revoke(&key.id, revoked);
        }
    }
}
