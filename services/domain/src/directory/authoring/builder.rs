//! Draws up a release step by step, from identifiers and keys that are already typed.

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::Timestamp;
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use super::{signature, timestamp};
use crate::directory::read::Validity;
use crate::directory::release::Release;
use crate::directory::root::TrustedRoot;
use crate::id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, UnitId};
use crate::pae::sha256;

/// Draws up a release. Takes what it is given, in any order: verification says what is wrong with it, all at once.
#[derive(Debug, Clone)]
pub struct ReleaseBuilder {
    wire: pb::Release,
}

impl ReleaseBuilder {
    /// Release 1 of a programme, under a root.
    #[must_use]
    pub fn new(root: &TrustedRoot, issue: Timestamp, expire: Timestamp) -> Self {
        Self {
            wire: pb::Release {
                format: 1,
                programme: root.programme().to_owned(),
                version: 1,
                issue_time: Some(timestamp(issue)),
                expire_time: Some(timestamp(expire)),
                root: Some(root.to_wire()),
                ..pb::Release::default()
            },
        }
    }

    /// The release after another one, with the same content until changed.
    #[must_use]
    pub fn after(previous: &Release, issue: Timestamp, expire: Timestamp) -> Self {
        Self {
            wire: pb::Release {
                version: previous.version() + 1,
                previous_digest: previous.digest().to_vec(),
                issue_time: Some(timestamp(issue)),
                expire_time: Some(timestamp(expire)),
                ..previous.wire().clone()
            },
        }
    }

    /// Changes anything: for lists, structures, time limits, and for taking things out.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut pb::Release)) -> Self {
        change(&mut self.wire);
        self
    }

    /// Replaces the root. The release must then be signed under both.
    #[must_use]
    pub fn root(self, root: &TrustedRoot) -> Self {
        self.with(|wire| wire.root = Some(root.to_wire()))
    }

    /// Adds a contract in use, with its newest minor version.
    #[must_use]
    pub fn contract(self, contract: &ContractId, minor: u32) -> Self {
        let entry = pb::Contract { contract: contract.to_string(), minor, oldest_minor: 0 };
        self.with(|wire| wire.contracts.push(entry))
    }

    /// Adds a party with its Vietnamese and its English name.
    #[must_use]
    pub fn party(mut self, party: &PartyId, (vi, en): (&str, &str), validity: Validity) -> Self {
        let entry = self.party_entry(party);
        entry.names = Some(names(vi, en));
        entry.validity = Some(validity_of(validity));
        self
    }

    /// Adds a key of the party that can only revoke.
    #[must_use]
    pub fn recovery_key(mut self, party: &PartyId, key: &KeyId, public: [u8; 32]) -> Self {
        let key = pb::RecoveryKey { key_id: key.to_string(), public_key: public.to_vec() };
        self.party_entry(party).recovery_keys.push(key);
        self
    }

    /// Adds an access point, which party runs it, and which parties it may serve.
    #[must_use]
    pub fn access_point(mut self, id: &AccessPointId, operator: &PartyId, parties: &[&PartyId]) -> Self {
        let entry = self.access_point_entry(id);
        entry.operator_party = operator.to_string();
        entry.parties = parties.iter().map(|party| party.to_string()).collect();
        self
    }

    /// Adds an Ed25519 signing key to an access point.
    #[must_use]
    pub fn signing_key(mut self, owner: &AccessPointId, key: &KeyId, public: [u8; 32], validity: Validity) -> Self {
        let key = pb::Key {
            key_id: key.to_string(),
            public_key: public.to_vec(),
            start_time: Some(timestamp(validity.start)),
            expire_time: validity.expire.map(timestamp),
            revoke_time: None,
        };
        self.access_point_entry(owner).signing_keys.push(key);
        self
    }

    /// Adds an X25519 sealing epoch to an access point.
    #[must_use]
    pub fn sealing_key(mut self, owner: &AccessPointId, key: &KeyId, public: [u8; 32], validity: Validity) -> Self {
        let key = pb::Key {
            key_id: key.to_string(),
            public_key: public.to_vec(),
            start_time: Some(timestamp(validity.start)),
            expire_time: validity.expire.map(timestamp),
            revoke_time: None,
        };
        self.access_point_entry(owner).sealing_keys.push(key);
        self
    }

    /// Revokes a signing or sealing key from the instant on.
    #[must_use]
    pub fn revoke(mut self, owner: &AccessPointId, key: &KeyId, from: Timestamp) -> Self {
        let entry = self.access_point_entry(owner);
        for signing in entry.signing_keys.iter_mut().filter(|entry| entry.key_id == key.as_str()) {
            signing.revoke_time = Some(timestamp(from));
        }
        for sealing in entry.sealing_keys.iter_mut().filter(|entry| entry.key_id == key.as_str()) {
            sealing.revoke_time = Some(timestamp(from));
        }
        self
    }

    /// Adds a unit with its Vietnamese and its English name.
    #[must_use]
    pub fn unit(mut self, party: &PartyId, unit: &UnitId, (vi, en): (&str, &str), validity: Validity) -> Self {
        let entry = self.unit_entry(party, unit);
        entry.names = Some(names(vi, en));
        entry.validity = Some(validity_of(validity));
        self
    }

    /// Puts a unit under another of the same party.
    #[must_use]
    pub fn parent(mut self, party: &PartyId, unit: &UnitId, parent: &UnitId) -> Self {
        self.unit_entry(party, unit).parent = parent.to_string();
        self
    }

    /// Has a unit, or without a unit the party as a whole, served by an access point for some contracts.
    #[must_use]
    pub fn host(
        mut self,
        party: &PartyId,
        unit: Option<&UnitId>,
        access_point: &AccessPointId,
        contracts: &[&ContractId],
    ) -> Self {
        let hosting = pb::Hosting {
            access_point: access_point.to_string(),
            contracts: contracts.iter().map(|contract| contract.to_string()).collect(),
        };
        match unit {
            Some(unit) => self.unit_entry(party, unit).hostings.push(hosting),
            None => self.party_entry(party).hostings.push(hosting),
        }
        self
    }

    /// Lets a party send to another under a contract for a purpose.
    #[must_use]
    pub fn agreement(
        self,
        sender: &PartyId,
        contract: &ContractId,
        recipient: &PartyId,
        purpose: &Purpose,
        validity: Validity,
    ) -> Self {
        let agreement = pb::Agreement {
            sender_party: sender.to_string(),
            contract: contract.to_string(),
            recipient_party: recipient.to_string(),
            purpose: purpose.to_string(),
            validity: Some(validity_of(validity)),
            hourly_acceptances: 0,
        };
        self.with(|wire| wire.agreements.push(agreement))
    }

    /// Lets a party broadcast PUBLIC content under a contract.
    #[must_use]
    pub fn publication(self, party: &PartyId, contract: &ContractId) -> Self {
        let publication = pb::Publication { party: party.to_string(), contract: contract.to_string() };
        self.with(|wire| wire.publications.push(publication))
    }

    /// Vouches for a table beside the release.
    #[must_use]
    pub fn attachment(
        self,
        name: &str,
        file: &[u8],
        code_lists: Vec<pb::CodeListKey>,
        data_structures: Vec<pb::DataStructureKey>,
    ) -> Self {
        let attachment = pb::Attachment {
            name: name.to_owned(),
            digest: sha256(file).to_vec(),
            size_bytes: file.len() as u64,
            code_lists,
            data_structures,
        };
        self.with(|wire| wire.attachments.push(attachment))
    }

    /// The release file, as yet without signatures.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let release = self.wire.encode_to_vec();
        pb::SignedRelease { release, signatures: Vec::new() }.encode_to_vec()
    }

    /// The release file, signed by each of the signers.
    #[must_use]
    pub fn signed(&self, signers: &[(&KeyId, &Ed25519KeyPair)]) -> Vec<u8> {
        let release = self.wire.encode_to_vec();
        let signatures = signers.iter().map(|(id, pair)| signature(&release, id, pair)).collect();
        pb::SignedRelease { release, signatures }.encode_to_vec()
    }

    // An entry that nothing completes stays in the release, where verification finds it.
    fn party_entry(&mut self, id: &PartyId) -> &mut pb::Party {
        entry(
            &mut self.wire.parties,
            |entry| entry.party == id.as_str(),
            || pb::Party { party: id.to_string(), ..pb::Party::default() },
        )
    }

    fn access_point_entry(&mut self, id: &AccessPointId) -> &mut pb::AccessPoint {
        entry(
            &mut self.wire.access_points,
            |entry| entry.access_point == id.as_str(),
            || pb::AccessPoint { access_point: id.to_string(), ..pb::AccessPoint::default() },
        )
    }

    fn unit_entry(&mut self, party: &PartyId, unit: &UnitId) -> &mut pb::Unit {
        let is_it = |entry: &pb::Unit| entry.party == party.as_str() && entry.unit == unit.as_str();
        entry(&mut self.wire.units, is_it, || pb::Unit {
            party: party.to_string(),
            unit: unit.to_string(),
            ..pb::Unit::default()
        })
    }
}

fn entry<T>(entries: &mut Vec<T>, is_it: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let at = entries.iter().position(is_it).unwrap_or_else(|| {
        entries.push(new());
        entries.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "the position was found or made just above")]
    &mut entries[at]
}

fn names(vi: &str, en: &str) -> pb::Names {
    pb::Names { vi: vi.to_owned(), en: en.to_owned() }
}

fn validity_of(validity: Validity) -> pb::Validity {
    pb::Validity { start_time: Some(timestamp(validity.start)), expire_time: validity.expire.map(timestamp) }
}
