//! What of a contact may find an earlier one of the same person: the telephone numbers and accounts by which the child,
//! the carer or the reporter is reached. What a trusted person is reached by finds that person and is left out.

use nhipcau_proto::referral::v1 as referral;

use super::Report;
use crate::pseudonym::Identifier;

/// The contract does not say of which service an account is.
const SERVICE: &str = "messaging";

impl Report {
    /// What identifies whoever turned to the switchboard; nothing where it cannot be read.
    #[must_use]
    pub fn identifiers(&self) -> Vec<Identifier> {
        let details = self.details();
        let child = details.identity.as_ref().and_then(|part| part.contact.as_ref());
        let reporter = details.reporter.as_ref().and_then(|part| part.contact.as_ref());
        let mut found: Vec<_> = [child, reporter].into_iter().flatten().filter_map(identifier).collect();
        found.dedup();
        found
    }
}

fn identifier(contact: &referral::SafeContact) -> Option<Identifier> {
    let phone = || Identifier::phone(&contact.detail).ok();
    match contact.channel() {
        referral::ContactChannel::Call | referral::ContactChannel::Text => phone(),
        // An account is often the number of its telephone.
        referral::ContactChannel::Messaging => {
            phone().or_else(|| Identifier::chat_account(SERVICE, &contact.detail).ok())
        }
        referral::ContactChannel::TrustedPerson | referral::ContactChannel::Unspecified => None,
    }
}
