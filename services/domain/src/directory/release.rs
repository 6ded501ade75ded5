//! One verified release of the directory: the immutable view that every decision about peers is taken from.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use jiff::Timestamp;
use nhipcau_proto::directory::v1 as pb;

use super::freshness::Freshness;
use super::key::{AccessPoint, SealingKey, SigningKey};
use super::notices::Notices;
use super::participant::{Agreed, Participants, Party, UNIT_LEVELS, Unit};
use super::read::Validity;
use super::root::TrustedRoot;
use crate::id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, UnitId};

/// A verified release, indexed. Exists only for bytes that were signed 2-of-3 and resolve completely.
#[derive(Clone)]
pub struct Release {
    pub(super) signed: Arc<[u8]>,
    pub(super) digest: [u8; 32],
    pub(super) root: TrustedRoot,
    pub(super) issue: Timestamp,
    pub(super) expire: Timestamp,
    pub(super) participants: Participants,
    pub(super) wire: Arc<pb::Release>,
    /// What parties have signed themselves since.
    pub(super) notices: Notices,
}

impl Release {
    /// Number of the release.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.wire.version
    }

    /// Digest of the release, signatures left out.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The bytes that were verified, for handing on.
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        &self.signed
    }

    /// Who may sign the next release.
    #[must_use]
    pub fn root(&self) -> &TrustedRoot {
        &self.root
    }

    /// When it was drawn up.
    #[must_use]
    pub fn issue_time(&self) -> Timestamp {
        self.issue
    }

    /// From when on no new trust may rest on it.
    #[must_use]
    pub fn expire_time(&self) -> Timestamp {
        self.expire
    }

    /// How far the release is from its expiry.
    #[must_use]
    pub fn freshness(&self, at: Timestamp) -> Freshness {
        Freshness::of(self.expire, at)
    }

    /// The release as it travels, for the modules that read lists, structures and time limits. References in it
    /// resolve.
    #[must_use]
    pub fn wire(&self) -> &pb::Release {
        &self.wire
    }

    /// An access point.
    #[must_use]
    pub fn access_point(&self, id: &AccessPointId) -> Option<&AccessPoint> {
        self.participants.access_points.get(id)
    }

    /// All access points in ascending order.
    pub fn access_points(&self) -> impl Iterator<Item = &AccessPoint> {
        self.participants.access_points.values()
    }

    /// A signing key of an access point, whether or not it may still sign.
    #[must_use]
    pub fn signing_key(&self, owner: &AccessPointId, key: &KeyId) -> Option<&SigningKey> {
        self.access_point(owner)?.signing.get(key)
    }

    /// The key to seal to: the newest epoch usable at the instant.
    #[must_use]
    pub fn sealing_key(&self, owner: &AccessPointId, at: Timestamp) -> Option<&SealingKey> {
        self.access_point(owner)?.sealing_keys().find(|epoch| epoch.usable(at))
    }

    /// A party.
    #[must_use]
    pub fn party(&self, id: &PartyId) -> Option<&Party> {
        self.participants.parties.get(id)
    }

    /// All parties in ascending order.
    pub fn parties(&self) -> impl Iterator<Item = &Party> {
        self.participants.parties.values()
    }

    /// A unit of a party.
    #[must_use]
    pub fn unit(&self, party: &PartyId, unit: &UnitId) -> Option<&Unit> {
        self.participants.units.get(party)?.get(unit)
    }

    /// Whether the unit may be addressed at the instant: it and its party are in force. Not asked of who has a case
    /// open already: its answers, and those to it, go on.
    #[must_use]
    pub fn is_addressable(&self, party: &PartyId, unit: &UnitId, at: Timestamp) -> bool {
        let takes_part = self.party(party).is_some_and(|party| party.validity.contains(at));
        takes_part && self.unit(party, unit).is_some_and(|unit| unit.validity.contains(at))
    }

    /// All units, in ascending order of party and unit.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.participants.units.values().flat_map(|units| units.values())
    }

    /// Whether the access point serves the unit, or without a unit the party as a whole, for the contract.
    #[must_use]
    pub fn hosts(
        &self,
        access_point: &AccessPointId,
        party: &PartyId,
        unit: Option<&UnitId>,
        contract: &ContractId,
    ) -> bool {
        let host = match unit {
            Some(unit) => self.access_point_for(party, unit, contract),
            None => self.access_point_for_party(party, contract),
        };
        host == Some(access_point)
    }

    /// Whether the access point serves the unit for any contract in use.
    #[must_use]
    pub fn serves(&self, access_point: &AccessPointId, party: &PartyId, unit: &UnitId) -> bool {
        self.participants.contracts.keys().any(|contract| self.hosts(access_point, party, Some(unit), contract))
    }

    /// Where the unit is served for the contract: as it says itself, else as its parents, else as its party.
    #[must_use]
    pub fn access_point_for(&self, party: &PartyId, unit: &UnitId, contract: &ContractId) -> Option<&AccessPointId> {
        let units = self.participants.units.get(party)?;
        let unit = units.get(unit)?;
        std::iter::successors(Some(unit), |unit| units.get(unit.parent.as_ref()?))
            .take(UNIT_LEVELS)
            .find_map(|unit| unit.hostings.get(contract))
            .or_else(|| self.access_point_for_party(party, contract))
    }

    /// Where the party as a whole is served for the contract.
    #[must_use]
    pub fn access_point_for_party(&self, party: &PartyId, contract: &ContractId) -> Option<&AccessPointId> {
        self.party(party)?.hostings.get(contract)
    }

    /// Whether an agreement in force at the instant lets the sender send to the recipient under the contract for
    /// the purpose. What no agreement allows is denied.
    #[must_use]
    pub fn allows(
        &self,
        sender: &PartyId,
        contract: &ContractId,
        recipient: &PartyId,
        purpose: &Purpose,
        at: Timestamp,
    ) -> bool {
        let takes_part = |party: &PartyId| self.party(party).is_some_and(|party| party.validity.contains(at));
        takes_part(sender) && takes_part(recipient) && self.lets_go_on(sender, contract, recipient, purpose, at)
    }

    /// As [`Self::allows`], for what is open already: a party that is over and whose duties others took over may go on
    /// with it, and hand it over, for as long as its agreements last.
    #[must_use]
    pub fn lets_go_on(
        &self,
        sender: &PartyId,
        contract: &ContractId,
        recipient: &PartyId,
        purpose: &Purpose,
        at: Timestamp,
    ) -> bool {
        let has_heirs = |party: &Party| !party.successors.is_empty() && party.validity.start <= at;
        let takes_part = |party| self.party(party).is_some_and(|party| party.validity.contains(at) || has_heirs(party));
        let mut agreed = self.agreed((sender, recipient), contract, purpose, at);
        agreed.next().is_some() && takes_part(sender) && takes_part(recipient)
    }

    /// Whether the unit, or its party, was over by the instant.
    #[must_use]
    pub fn is_over(&self, party: &PartyId, unit: &UnitId, at: Timestamp) -> bool {
        let is_over = |validity: Validity| validity.expire.is_some_and(|expire| expire <= at);
        self.party(party).is_some_and(|party| is_over(party.validity))
            || self.unit(party, unit).is_some_and(|unit| is_over(unit.validity))
    }

    /// Whether a message of the contract may ever have gone between two access points: an agreement between parties of
    /// theirs names it, in force or not, or one of these parties may broadcast under it.
    #[must_use]
    pub fn connects(&self, one: &AccessPointId, other: &AccessPointId, contract: &ContractId) -> bool {
        let parties = |id| self.access_point(id).into_iter().flat_map(|access_point| &access_point.parties);
        let agreed = |sender: &PartyId, recipient: &PartyId| {
            let by_contract = self.participants.agreements.get(sender);
            let by_recipient = by_contract.and_then(|by_contract| by_contract.get(contract));
            by_recipient.is_some_and(|by_recipient| by_recipient.contains_key(recipient))
        };
        parties(one).any(|a| parties(other).any(|b| agreed(a, b) || agreed(b, a)))
            || parties(one).chain(parties(other)).any(|party| self.broadcast_allowed(party, contract))
    }

    /// How many acceptances of the recipient within an hour need no person at the sender; `None` when no agreement in
    /// force at the instant sets a limit. Of several the lowest counts.
    #[must_use]
    pub fn hourly_acceptances(
        &self,
        sender: &PartyId,
        contract: &ContractId,
        recipient: &PartyId,
        purpose: &Purpose,
        at: Timestamp,
    ) -> Option<NonZeroU32> {
        let agreed = self.agreed((sender, recipient), contract, purpose, at);
        agreed.filter_map(|agreed| NonZeroU32::new(agreed.hourly_acceptances)).min()
    }

    /// The agreements in force at an instant by which one party may send to another for a purpose.
    fn agreed<'r>(
        &'r self,
        (sender, recipient): (&PartyId, &PartyId),
        contract: &ContractId,
        purpose: &'r Purpose,
        at: Timestamp,
    ) -> impl Iterator<Item = &'r Agreed> + use<'r> {
        let of_sender = self.participants.agreements.get(sender).and_then(|by_contract| by_contract.get(contract));
        let agreed = of_sender.and_then(|by_recipient| by_recipient.get(recipient)).into_iter().flatten();
        agreed.filter(move |agreed| agreed.purpose == *purpose && agreed.validity.contains(at))
    }

    /// The newest minor version of a contract in use.
    #[must_use]
    pub fn contract(&self, contract: &ContractId) -> Option<u32> {
        self.participants.contracts.get(contract).copied()
    }

    /// Whether the party may broadcast PUBLIC content under the contract.
    #[must_use]
    pub fn broadcast_allowed(&self, sender: &PartyId, contract: &ContractId) -> bool {
        self.participants.publications.get(sender).is_some_and(|contracts| contracts.contains(contract))
    }
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Release")
            .field("version", &self.version())
            .field("digest", &hex::encode(self.digest))
            .finish_non_exhaustive()
    }
}
