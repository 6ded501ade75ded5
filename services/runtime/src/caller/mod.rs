//! Who calls: a named system of a party, known by its client certificate and given roles by the configuration.
//!
//! Default deny: a certificate that the configuration does not name may do nothing, however well it is signed.
//! Checking a role comes before any look at the request, so that a refusal says nothing of what exists.

mod call;
mod certificate;
mod person;
mod role;

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

pub use call::{Call, digest};
use nhipcau_domain::{
    id::{InvalidId, PartyId, SystemId},
    reason,
};
use nhipcau_messaging::quota::Rate;
pub use person::{ACTING_PERSON, ActingPerson};
pub use role::{Role, Roles, UnknownRole};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tonic::{Code, Request, Status};

use crate::status::Refusal;

/// The system as which the duty page calls, of the party of whoever is signed in. No configured system has this name.
pub const DUTY_PAGE: &str = "duty-page";

/// The name of a calling system: `party/system`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemName {
    /// The party that runs it.
    pub party: PartyId,
    /// The system, unique within the access point.
    pub system: SystemId,
}

impl SystemName {
    /// The name that a client certificate carries, PEM; of a chain the first. None unless it carries exactly one.
    #[must_use]
    pub fn in_certificate(pem: &[u8]) -> Option<Self> {
        certificate::name(&CertificateDer::from_pem_slice(pem).ok()?).ok()
    }
}

impl fmt::Display for SystemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.party, self.system)
    }
}

impl FromStr for SystemName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (party, system) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self { party: party.parse()?, system: system.parse()? })
    }
}

/// The systems that an access point knows, each with its roles and, where it has its own, its rate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Systems(BTreeMap<SystemName, (Roles, Option<Rate>)>);

impl Systems {
    /// Every name with its roles, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&SystemName, Roles)> {
        self.0.iter().map(|(name, (roles, _))| (name, *roles))
    }

    /// The rate that a system has of its own.
    pub(crate) fn rate(&self, name: &SystemName) -> Option<Rate> {
        self.0.get(name)?.1
    }

    /// Who calls by this name.
    pub(crate) fn caller(&self, name: &SystemName) -> Result<Caller, Unidentified> {
        let (roles, _) = *self.0.get(name).ok_or(Unidentified::UnknownSystem)?;
        Ok(Caller { party: name.party.clone(), system: name.system.clone(), roles })
    }

    /// Whether a system may do less than it might by an earlier list.
    pub(crate) fn has_less(&self, name: &SystemName, earlier: &Self) -> bool {
        let roles = |systems: &Self| systems.0.get(name).map(|(roles, _)| *roles).unwrap_or_default();
        roles(earlier).iter().any(|role| !roles(self).contains(role))
    }
}

impl FromIterator<(SystemName, Roles)> for Systems {
    fn from_iter<I: IntoIterator<Item = (SystemName, Roles)>>(systems: I) -> Self {
        systems.into_iter().map(|(name, roles)| (name, roles, None)).collect()
    }
}

impl FromIterator<(SystemName, Roles, Option<Rate>)> for Systems {
    fn from_iter<I: IntoIterator<Item = (SystemName, Roles, Option<Rate>)>>(systems: I) -> Self {
        Self(systems.into_iter().map(|(name, roles, rate)| (name, (roles, rate))).collect())
    }
}

/// A calling system that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The party that runs it.
    pub party: PartyId,
    /// The system.
    pub system: SystemId,
    /// What it may do.
    pub roles: Roles,
}

impl Caller {
    /// Who makes this call.
    ///
    /// # Errors
    /// UNAUTHENTICATED or PERMISSION_DENIED when nobody known does.
    pub fn of<T>(request: &Request<T>) -> Result<&Self, Status> {
        match request.extensions().get::<Identity>() {
            Some(Identity(Ok(caller))) => Ok(caller),
            Some(Identity(Err(unidentified))) => Err(Refusal::from(*unidentified).into()),
            None => Err(Refusal::from(Unidentified::NoCertificate).into()),
        }
    }

    /// Checks that the caller has a role.
    ///
    /// # Errors
    /// PERMISSION_DENIED, the same whether what is asked for exists or not.
    pub fn require(&self, role: Role) -> Result<(), Status> {
        if self.roles.contains(role) { Ok(()) } else { Err(Self::lacks(role)) }
    }

    /// The refusal of a caller who lacks a role, or in whose party's hands it counts for nothing.
    pub(crate) fn lacks(role: Role) -> Status {
        let refusal = Refusal::new(Code::PermissionDenied, reason::ROLE_MISSING, "the calling system lacks a role");
        refusal.metadata("role", role.as_str()).into()
    }

    /// Makes a request appear to come from this caller: for calling a service in the same process, without TLS.
    pub fn attach<T>(self, request: &mut Request<T>) {
        request.extensions_mut().insert(Identity(Ok(Arc::new(self))));
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> SystemName {
        SystemName { party: self.party.clone(), system: self.system.clone() }
    }
}

/// A call that may go on.
#[derive(Debug)]
pub struct Permit<'r> {
    /// Who calls.
    pub caller: &'r Caller,
    /// For whom; always there where the role acts for a person.
    pub person: Option<ActingPerson>,
}

/// Authorises a call: who calls, whether they have the role, and for which person where the role acts for one. The
/// first line of every method whose contract does not name the person itself.
///
/// # Errors
/// UNAUTHENTICATED or PERMISSION_DENIED. None of them depends on the content of the request.
pub fn permit<T>(request: &Request<T>, role: Role) -> Result<Permit<'_>, Status> {
    permit_for(request, role, "")
}

/// Like [`permit`], for contracts that name the acting person in a field. A field that is not empty counts before the
/// metadata.
///
/// # Errors
/// As [`permit`].
pub fn permit_for<'r, T>(request: &'r Request<T>, role: Role, field: &str) -> Result<Permit<'r>, Status> {
    let caller = Caller::of(request)?;
    caller.require(role)?;
    let person = if field.is_empty() { ActingPerson::named(request)? } else { Some(ActingPerson::new(field)?) };
    if person.is_none() && role.acts_for_a_person() {
        return Err(person::missing("the call must name the acting person").into());
    }
    Ok(Permit { caller, person })
}

/// What a connection showed: the name in the leaf of a chain that TLS has verified.
#[derive(Debug, Clone)]
pub(crate) struct Shown(pub(crate) Result<SystemName, Unidentified>);

impl Shown {
    pub(crate) fn by(leaf: Option<&CertificateDer<'_>>) -> Self {
        Self(leaf.ok_or(Unidentified::NoCertificate).and_then(certificate::name))
    }
}

/// What the door found out about a call, carried in the extensions of its request.
#[derive(Debug, Clone)]
pub(crate) struct Identity(pub(crate) Result<Arc<Caller>, Unidentified>);

/// Why a caller is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unidentified {
    #[error("no client certificate was shown")]
    NoCertificate,
    #[error("the client certificate does not carry exactly one name of the form nhipcau://party/system")]
    NoName,
    #[error("the calling system is not known at this access point")]
    UnknownSystem,
}

impl From<Unidentified> for Refusal {
    fn from(error: Unidentified) -> Self {
        let (code, reason) = match error {
            Unidentified::NoCertificate => (Code::Unauthenticated, reason::CERTIFICATE_MISSING),
            Unidentified::NoName => (Code::Unauthenticated, reason::CERTIFICATE_WITHOUT_NAME),
            Unidentified::UnknownSystem => (Code::PermissionDenied, reason::SYSTEM_UNKNOWN),
        };
        Self::new(code, reason, error.to_string())
    }
}

#[cfg(test)]
mod tests;
