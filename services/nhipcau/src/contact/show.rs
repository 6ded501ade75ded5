//! Contacts as a person reads them: how it came, where it stands, what keeps it from being sent, and who would get it.

use std::fmt;

use nhipcau_proto::{referral::v1 as referral, switchboard::v1 as pb};

use crate::referral::{code::shown, shown_unit, time};

/// A contact.
pub(super) struct Shown<'c>(pub(super) &'c pb::Contact);

/// Who would get it.
pub(super) struct ShownRoute<'r>(pub(super) &'r pb::ContactRoute);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(contact) = self;
        let reception = contact.reception.clone().unwrap_or_default();
        let channel = shown::<referral::ReportChannel>(reception.channel);
        writeln!(f, "{}", contact.name)?;
        let received = time(reception.report_time.as_ref());
        writeln!(f, "  {channel} at {}, received {received}", shown_unit(contact.unit.as_ref()))?;
        let state = shown::<pb::ContactState>(contact.state);
        write!(f, "  {state} since {}, etag {}", time(contact.state_time.as_ref()), contact.etag)?;
        if contact.close_reason != 0 {
            write!(f, "\n  closed: {}", shown::<pb::ContactCloseReason>(contact.close_reason))?;
        }
        if !contact.sending_request_id.is_empty() {
            write!(f, "\n  being sent by request {}", contact.sending_request_id)?;
        }
        if !contact.referral.is_empty() {
            write!(f, "\n  {}", contact.referral)?;
        }
        if !contact.handover.is_empty() {
            write!(f, "\n  goes on from {}", contact.handover)?;
        }
        if contact.earlier_contact_count > 0 {
            let named = contact.earlier_contacts.len();
            let more = if contact.earlier_contact_count as usize > named { "more than " } else { "" };
            write!(f, "\n  earlier contacts: {more}{named}")?;
            contact.earlier_contacts.iter().try_for_each(|name| write!(f, "\n    {name}"))?;
        }
        // Beside a referral they say that it is of an earlier sending.
        let what = if contact.referral.is_empty() { "not sent" } else { "a person compares" };
        for violation in &contact.violations {
            write!(f, "\n  {what}: {} {}", violation.subject, violation.reason)?;
            areas(f, &violation.candidates)?;
        }
        Ok(())
    }
}

/// A hand-over.
pub(super) struct ShownHandover<'h>(pub(super) &'h pb::Handover);

impl fmt::Display for ShownHandover<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(handover) = self;
        writeln!(f, "{}", handover.name)?;
        let [from, to] = [&handover.origin, &handover.recipient].map(|unit| shown_unit(unit.as_ref()));
        let waiting = if handover.waiting { ", somebody waits" } else { "" };
        writeln!(f, "  {from} → {to}, offered {}{waiting}", time(handover.create_time.as_ref()))?;
        let state = shown::<pb::HandoverState>(handover.state);
        writeln!(f, "  {state} since {}, etag {}", time(handover.state_time.as_ref()), handover.etag)?;
        let answers = if handover.answering { "answers" } else { "does not answer" };
        write!(f, "  this side ({}) {answers} for the contact", shown::<referral::Side>(handover.side))?;
        if !handover.own_contact.is_empty() {
            write!(f, "\n  goes on in {}", handover.own_contact)?;
        }
        if handover.under_way {
            write!(f, "\n  the other side may not know it yet")?;
        }
        if !handover.refusal_reason.is_empty() {
            write!(f, "\n  refused by the other side: {}", handover.refusal_reason)?;
        }
        let asked: Vec<_> = handover.asked.iter().map(|field| shown::<pb::AskedField>(*field)).collect();
        if !asked.is_empty() {
            write!(f, "\n  asked already: {}", asked.join(", "))?;
        }
        if handover.decline_code != 0 {
            write!(f, "\n  declined: {}", shown::<referral::RejectionCode>(handover.decline_code))?;
        }
        if handover.withdraw_reason != 0 {
            write!(f, "\n  withdrawn: {}", shown::<referral::RevocationReason>(handover.withdraw_reason))?;
        }
        if handover.hand_back_reason != 0 {
            write!(f, "\n  asked to hand back: {}", shown::<referral::HandBackReason>(handover.hand_back_reason))?;
        }
        Ok(())
    }
}

impl fmt::Display for ShownRoute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(route) = self;
        match &route.unit {
            Some(unit) => write!(f, "→ {}", shown_unit(Some(unit)))?,
            None => write!(f, "a person decides: {}", shown::<pb::RouteQuestion>(route.question))?,
        }
        for unit in &route.candidate_units {
            write!(f, "\n  may be {}", shown_unit(Some(unit)))?;
        }
        areas(f, &route.candidate_areas)?;
        for considered in &route.considered {
            let verdict = shown::<pb::UnitVerdict>(considered.verdict);
            write!(f, "\n  {}: {verdict}", shown_unit(considered.unit.as_ref()))?;
            if considered.handed_on_by.is_some() {
                write!(f, ", for {}", shown_unit(considered.handed_on_by.as_ref()))?;
            }
        }
        Ok(())
    }
}

fn areas(f: &mut fmt::Formatter<'_>, areas: &[referral::AdminUnitRef]) -> fmt::Result {
    areas.iter().try_for_each(|area| write!(f, "\n  may be in {}@{}", area.code, area.code_list_version))
}
