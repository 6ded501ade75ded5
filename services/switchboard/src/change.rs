//! Changes of a contact: whose it is, was it asked before, is it lawful, write. The domain decides.

use nhipcau_domain::contact::{self as domain, Contact, basic};
use nhipcau_domain::{reason, referral::Requested};
use nhipcau_messaging::desk::Desk;
use nhipcau_runtime::caller::Call;
use uuid::Uuid;

use crate::{
    Switchboard, earlier,
    error::Error,
    handover::take,
    record::{keep, named, whole},
    request::{self, Response},
    sending,
};

/// What is asked of a contact.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) call: Call,
    pub(crate) contact: Uuid,
    pub(crate) etag: String,
    pub(crate) validate_only: bool,
}

/// What a change leads to.
pub(crate) struct Changed<R> {
    pub(crate) contact: Contact,
    /// What is answered beside the contact.
    pub(crate) answer: R,
    /// What is to be submitted.
    pub(crate) requested: Option<Requested>,
}

/// Refuses to send or close a contact that another switchboard may be about to take over.
///
/// # Errors
/// `CONTACT_OFFERED`; [`Error::AccessDenied`] for what is not the party's.
pub(crate) fn unoffered<'t>(desk: &mut impl Desk<'t>, asked: &Asked) -> Result<(), Error> {
    let stored = named(desk, &asked.call.party, asked.contact)?;
    if take::is_offered(desk, stored.contact)? && request::earlier(&asked.call, desk)?.is_none() {
        return Err(Error::rule("contact", reason::CONTACT_OFFERED));
    }
    Ok(())
}

/// Carries out a change. What only checks writes nothing.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn carry_out<'t, R: Response>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    asked: &Asked,
    deed: impl FnOnce(&Contact, &domain::Call<'_>) -> Result<Changed<R>, Error>,
) -> Result<R, Error> {
    let Asked { call, contact, etag, validate_only } = asked;
    let stored = named(desk, &call.party, *contact)?;
    if let Some(answer) = request::answered(call, desk, &stored)? {
        return Ok(answer);
    }
    // What was erased is not changed any more.
    let standing = whole(desk, &stored)?.ok_or_else(|| Error::rule("contact", reason::WRONG_STATE))?;
    let actor = call.actor();
    let changed = deed(&standing, &domain::Call { etag, actor: &actor, now: desk.now() })?;
    let answer = changed.answer.with(Some(basic(changed.contact.write())), false);
    if *validate_only {
        return Ok(answer);
    }
    keep(desk, &changed.contact)?;
    earlier::link(desk, shared, &changed.contact)?;
    if let Some(requested) = &changed.requested {
        sending::begin(desk, shared, &changed.contact, requested, &call.traceparent)?;
    }
    request::remember(call, desk, (stored.contact, stored.case), &answer)?;
    Ok(answer)
}
