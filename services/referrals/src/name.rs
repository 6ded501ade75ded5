//! Names of branches, and the uids that a request gives to what it makes.

use nhipcau_domain::id::PartyId;
use nhipcau_messaging::{desk::Desk, pae};
use nhipcau_runtime::caller::Call;
use uuid::Uuid;

use crate::error::Error;

/// The name of a branch: `parties/{party}/referrals/{referral}/branches/{branch}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BranchName {
    pub(crate) origin: PartyId,
    pub(crate) referral: Uuid,
    pub(crate) branch: Uuid,
}

impl BranchName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`Error::AccessDenied`]: what cannot be a name does not exist.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let (referral, branch) = text.split_once("/branches/").ok_or(Error::AccessDenied)?;
        let (origin, referral) = referral_name(referral)?;
        Ok(Self { origin, referral, branch: uid(branch)? })
    }
}

/// Reads `parties/{party}/referrals/{referral}`.
///
/// # Errors
/// [`Error::AccessDenied`]: what cannot be a name does not exist.
pub(crate) fn referral_name(text: &str) -> Result<(PartyId, Uuid), Error> {
    let parts = text.strip_prefix("parties/").and_then(|rest| rest.split_once("/referrals/"));
    let (origin, referral) = parts.ok_or(Error::AccessDenied)?;
    Ok((PartyId::new(origin).map_err(|_| Error::AccessDenied)?, uid(referral)?))
}

fn uid(text: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(text).map_err(|_| Error::AccessDenied)
}

/// The uid of something that a request makes. The same request makes the same, also after this store was rolled back;
/// without this access point's key nobody can tell it beforehand, or seek a request that makes what another one made.
pub(crate) fn made_by<'t>(desk: &impl Desk<'t>, call: &Call, what: &str, index: usize) -> Uuid {
    let cause = pae::pae(&[
        b"nhipcau/1/referral-uid",
        call.party.as_str().as_bytes(),
        call.system.as_str().as_bytes(),
        call.request_id.as_bytes(),
        what.as_bytes(),
        &(index as u64).to_le_bytes(),
    ]);
    desk.uid(&call.request_id, &cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_does_not_exist() {
        let uid = "0190a5f0-0000-8000-8000-000000000001";
        let name = BranchName::read(&format!("parties/moh/referrals/{uid}/branches/{uid}")).unwrap();
        assert_eq!((name.origin.as_str(), name.branch.to_string().as_str()), ("moh", uid));
        for text in ["", "parties/moh/referrals/x", "parties/MOH/referrals/1/branches/2", "branches/1"] {
            assert!(matches!(BranchName::read(text), Err(Error::AccessDenied)), "{text}");
        }
    }
}
