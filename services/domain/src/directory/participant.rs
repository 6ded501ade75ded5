//! Parties, units and what else takes part, as the other modules see it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use nhipcau_proto::directory::v1 as pb;

use super::hours::Hours;
use super::key::AccessPoint;
use super::read::{Names, Validity};
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
    /// When somebody is there.
    pub hours: Hours,
    /// Units that are told of every TRANSFER to it.
    pub notified: Vec<(PartyId, UnitId)>,
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

/// Most acceptances an hour that an agreement can allow.
pub(super) const MOST_HOURLY: u32 = 10_000;

/// What one party may send to another for.
#[derive(Debug, Clone)]
pub(super) struct Agreed {
    pub(super) purpose: Purpose,
    pub(super) validity: Validity,
    /// Acceptances within an hour that need no person; 0 when as many as there are.
    pub(super) hourly_acceptances: u32,
}

/// Agreements: sender, contract, recipient.
pub(super) type Agreements = BTreeMap<PartyId, BTreeMap<ContractId, BTreeMap<PartyId, Vec<Agreed>>>>;

/// Keys by access point and id: the public half, and when it was revoked.
pub(super) type Former = BTreeMap<AccessPointId, BTreeMap<KeyId, ([u8; 32], Option<Timestamp>)>>;

/// The participants of a release, indexed.
#[derive(Debug, Clone, Default)]
pub(super) struct Participants {
    pub(super) parties: BTreeMap<PartyId, Party>,
    pub(super) access_points: BTreeMap<AccessPointId, AccessPoint>,
    /// Every key that an earlier release listed, and when it was revoked.
    pub(super) former: Former,
    pub(super) units: BTreeMap<PartyId, BTreeMap<UnitId, Unit>>,
    pub(super) contracts: BTreeMap<ContractId, u32>,
    pub(super) agreements: Agreements,
    pub(super) publications: BTreeMap<PartyId, BTreeSet<ContractId>>,
}

impl AreaRef {
    pub(super) fn from_wire(wire: &pb::AreaRef) -> Self {
        Self {
            list: wire.code_list.as_str().into(),
            version: wire.code_list_version.as_str().into(),
            code: wire.code.as_str().into(),
        }
    }
}
