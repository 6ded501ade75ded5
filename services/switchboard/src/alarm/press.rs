//! A press: judged, counted, and what it raises, in one transaction.
//!
//! The ids of what a press raises follow from the device and its counter, so that the same press is the same contact
//! and the same referral, also after an older store was put back. Where nothing can be sent as it is, the contact
//! stands with the reasons for a person to see.

use jiff::Timestamp;
use nhipcau_domain::{
    alarm::{Alarm, Device, Frame, Verdict},
    area::AreaList,
    contact::{self, Contact, Ids},
    id::{PartyId, SystemId},
    reason,
    referral::{Actor, Objection, Personal, Refusal, Requested, write_unit},
    route::Routes,
};
use nhipcau_messaging::{desk::Desk, pae};
use nhipcau_proto::{referral::v1 as referral, switchboard::v1 as pb};
use uuid::Uuid;

use super::keep::{self, Kept, keep_alarm};
use crate::{Switchboard, error::Error, record, sending};

/// A press that a device of the party made, and who brought it.
pub(super) struct Pressed {
    pub(super) frame: Frame,
    pub(super) party: PartyId,
    pub(super) system: SystemId,
    pub(super) traceparent: String,
}

/// What a press did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) verdict: Verdict,
    /// Its contact was not sent, or nobody was told of its like before: a person must look.
    pub(super) must_look: bool,
}

/// Who serves where, and which areas there are.
pub(super) struct Ways<'w> {
    pub(super) routes: &'w Routes,
    pub(super) areas: &'w AreaList,
}

/// Takes a press. With `unsendable`, what it raises is not sent for that reason.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began. Nothing is counted then.
pub(super) fn take<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    pressed: &Pressed,
    ways: &Ways<'_>,
    unsendable: Option<&'static str>,
) -> Result<Done, Error> {
    let (party, frame, now) = (&pressed.party, &pressed.frame, desk.now());
    let Some(mut kept) = keep::device(desk, party, frame.device)? else {
        return Ok(Done { verdict: Verdict::Unknown, must_look: false });
    };
    let open = keep::newest(desk, party, kept.row.alarm)?;
    let alarm = open.as_ref().map(|(alarm, _)| alarm);
    let judged = Device::judge(Some(&kept.device), alarm, frame, ways.areas, now);
    let (verdict, notes) = (judged.verdict, judged.notes);
    let must_look = match verdict {
        Verdict::Dispatch => {
            let made = |what: &str| made(desk, pressed, what, None);
            let (uid, ids) = (made("alarm"), Ids { contact: made("contact"), case: made("case") });
            let (request_id, begun) = (made("request"), began(&kept.device, pressed, ways, ids, now)?);
            let alarm = Alarm::raised(uid, ids.contact, frame.device, notes, now);
            keep_alarm(desk, party, ids.case, &alarm)?;
            kept.row.alarm = uid;
            !send(desk, shared, (pressed, ways), (begun, request_id), unsendable)?
        }
        Verdict::Joins(_) => {
            if let Some((alarm, case)) = &open {
                keep_alarm(desk, party, *case, &alarm.joined(&notes, now))?;
            }
            false
        }
        Verdict::Stale => match keep::newest(desk, party, kept.row.unplaced)?.filter(|(alarm, _)| alarm.gathers(now)) {
            Some((alarm, case)) => {
                keep_alarm(desk, party, case, &alarm.joined(&notes, now))?;
                false
            }
            None => {
                // Nothing is sent of it by itself, and each time is another one.
                let made = |what: &str| made(desk, pressed, what, Some(now));
                let (uid, ids) = (made("alarm"), Ids { contact: made("contact"), case: made("case") });
                let mut begun = began(&kept.device, pressed, ways, ids, now)?;
                begun.objections = vec![objection("alarm", reason::ALARM_UNPLACED)];
                record::keep(desk, &begun)?;
                keep_alarm(desk, party, ids.case, &Alarm::unplaced(uid, ids.contact, frame.device, notes, now))?;
                kept.row.unplaced = uid;
                true
            }
        },
        Verdict::Test | Verdict::Repeat | Verdict::Replay | Verdict::Revoked | Verdict::Unknown => false,
    };
    if judged.device.is_some() || must_look {
        let device = judged.device.unwrap_or(kept.device);
        Kept { row: kept.row, device }.keep(desk)?;
    }
    Ok(Done { verdict, must_look })
}

/// The contact that a press begins.
fn began(device: &Device, pressed: &Pressed, ways: &Ways<'_>, ids: Ids, now: Timestamp) -> Result<Contact, Error> {
    let (reception, details) = device.report(&pressed.frame, ways.areas, now);
    let request = pb::RecordContactRequest {
        unit: Some(write_unit(&device.unit)),
        reception: Some(reception),
        details: Some(details),
        ..pb::RecordContactRequest::default()
    };
    Ok(Contact::record(&request, ids, now)?)
}

/// Sends the contact as a TRANSFER on a vital interest, or keeps it with what stands against that. True when it is
/// being sent.
fn send<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    (pressed, ways): (&Pressed, &Ways<'_>),
    (begun, request_id): (Contact, Uuid),
    unsendable: Option<&'static str>,
) -> Result<bool, Error> {
    let asked = match unsendable {
        None => ask(shared, (pressed, ways), (&begun, request_id), desk.now()),
        Some(reason) => Err(vec![objection("request", reason)]),
    };
    match asked {
        Ok((contact, requested)) => {
            record::keep(desk, &contact)?;
            sending::begin(desk, shared, &contact, &requested, &pressed.traceparent)?;
            Ok(true)
        }
        Err(objections) => {
            tracing::error!(contact = %begun.uid, "The contact of an alarm could not be sent; a person must look at once.");
            record::keep(desk, &Contact { objections, ..begun })?;
            Ok(false)
        }
    }
}

/// What is asked for, or what stands against it.
fn ask(
    shared: &Switchboard,
    (pressed, ways): (&Pressed, &Ways<'_>),
    (begun, request_id): (&Contact, Uuid),
    now: Timestamp,
) -> Result<(Contact, Requested), Vec<Objection>> {
    let settings = &shared.alarm;
    let listed = |refusal: Refusal| refusal.violations().iter().map(Objection::from).collect::<Vec<_>>();
    sending::objections(shared, begun, &settings.purpose, now).or(()).map_err(listed)?;
    let interest =
        referral::VitalInterest { citation: settings.citation.clone(), danger: referral::Danger::Life.into() };
    let request = pb::SendContactRequest {
        request_id: request_id.to_string(),
        kind: referral::ReferralKind::Transfer.into(),
        purpose: settings.purpose.to_string(),
        lawful_basis: Some(referral::LawfulBasis { vital_interest: Some(interest), ..Default::default() }),
        service: settings.service.clone(),
        ..pb::SendContactRequest::default()
    };
    // Nobody acts here but the device.
    let (actor, etag) = (Actor { system: pressed.system.clone(), person: None }, begun.etag());
    let sent = begun.send(&request, &contact::Call { etag: &etag, actor: &actor, now }, ways.routes).map_err(listed)?;
    Ok((sent.contact, sent.requested))
}

fn objection(subject: &str, reason: &'static str) -> Objection {
    Objection { subject: subject.into(), reason: reason.into(), candidates: Personal::new(Vec::new()) }
}

/// The uid of something that a press makes: the same for the same press, and at another time another one where the time
/// is given.
fn made<'t>(desk: &impl Desk<'t>, pressed: &Pressed, what: &str, at: Option<Timestamp>) -> Uuid {
    let Pressed { frame, party, .. } = pressed;
    let at = at.map(|at| at.as_microsecond().to_le_bytes());
    let cause = pae::pae(&[
        b"nhipcau/1/alarm-press",
        party.as_str().as_bytes(),
        frame.device.as_bytes(),
        &frame.counter.to_le_bytes(),
        what.as_bytes(),
        at.as_ref().map_or(&[][..], <[u8; 8]>::as_slice),
    ]);
    desk.uid("", &cause)
}
