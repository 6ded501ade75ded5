//! What a person must look at, and what time alone brings to that: messages without a receipt, at both ends, and a
//! directory about to expire.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{directory::Freshness, id::AccessPointId};

use super::{
    Engine, Error,
    channel::{Awaited, IncomingKey},
    micros,
};
use crate::{
    message::Recipient,
    store::{Tx, waiting},
};

/// What a person must look at. Holds nothing personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// What kind of trouble.
    pub kind: AlarmKind,
    /// The other access point, where there is one.
    pub peer: Option<AccessPointId>,
}

/// Kinds of alarms; documented in `docs/errors.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmKind {
    /// Two envelopes with one incarnation and position.
    Fork,
    /// Verified by no known key: the directory here is behind, or somebody forges.
    UnknownSigner,
    /// Something arrived that cannot be believed.
    Quarantined,
    /// A message waited more than 15 minutes for its receipt.
    Unreceipted,
    /// A message that its sender says it has signed has not arrived for more than 15 minutes.
    NotArrived,
    /// So much waits for a recipient that callers are turned away.
    OutboxFull,
    /// The disk of the store has so little room left that callers are turned away.
    DiskLow,
    /// A message was given up; a person must tell the recipient otherwise.
    Skipped,
    /// A peer refused a message for good.
    Refused,
    /// This store was behind what a peer knows: it had been rolled back.
    RolledBack,
    /// The directory release expires soon or has expired.
    DirectoryExpires,
    /// A newer directory release that a peer has could not be taken.
    ReleaseRefused,
    /// A bulletin or revocation that a peer hands on is not what an honest one could.
    NoticeRefused,
    /// A key of this access point ends soon, or has ended, and nothing replaces it by itself.
    KeyExpires,
    /// The next sealing epoch could not be made or announced; the present one goes on.
    RotationFailed,
    /// A certificate that this access point shows or trusts expires soon or has expired.
    CertificateExpires,
    /// A renewed certificate, login or list of systems could not be taken; the one in use stays.
    RenewalRefused,
    /// Somebody on duty could not be told that something waits for them.
    DutyNoticeUndelivered,
    /// Too much arrived in a minute that is no press of an alarm key, or presses that had arrived before.
    AlarmKeyFlood,
    /// A press of an alarm key cannot be placed: nothing was sent, and a person of the unit must look.
    AlarmKeyStale,
    /// A device with this party's alarm key was pressed that is not registered here.
    AlarmKeyUnknown,
    /// A press of an alarm key began a contact that could not be sent: a person of the unit must, at once.
    AlarmKeyUnsent,
}

/// How often it is looked for messages without a receipt.
const ALARM_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// How long a message may wait for its receipt, or to arrive, before a person is told.
const UNRECEIPTED_ALARM: SignedDuration = SignedDuration::from_mins(15);
/// How long a person who was told that the release expires is left alone.
const EXPIRY_ALARM_EVERY: SignedDuration = SignedDuration::from_hours(24);

impl Engine {
    /// Tells a person, once a day, that the release in use expires soon or has expired. Nothing else changes: what the
    /// release holds goes on, so that no case is stranded.
    pub(super) fn alarm_expiry(&mut self, now: Timestamp) {
        let time = self.time;
        if time < self.next_expiry_alarm || self.release.freshness(now) == Freshness::Current {
            return;
        }
        self.next_expiry_alarm = time + EXPIRY_ALARM_EVERY;
        self.alarm(AlarmKind::DirectoryExpires, None);
    }

    /// Tells a person once when a channel's oldest message has waited for 15 minutes.
    pub(super) fn alarm_unreceipted(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        if time < self.next_alarm {
            return Ok(());
        }
        self.next_alarm = time + ALARM_EVERY;
        let mut late = Vec::new();
        for (key, out) in &mut self.outgoing {
            let Recipient::One(peer) = &key.0 else { continue };
            let oldest = waiting::oldest(tx, &key.0, key.1)?;
            let is_late = oldest.is_some_and(|since| micros(now) - since > UNRECEIPTED_ALARM.as_micros() as i64);
            if is_late && !out.alarmed {
                late.push(peer.clone());
            }
            out.alarmed = is_late;
        }
        for peer in late {
            self.branch("unreceipted_alarm");
            self.alarm(AlarmKind::Unreceipted, Some(&peer));
        }
        self.alarm_not_arrived();
        Ok(())
    }

    /// Notes how far a sender says it has signed.
    pub(super) fn expect(&mut self, key: &IncomingKey, signed: u64) {
        let time = self.time;
        let Some(channel) = self.incoming.get_mut(key) else { return };
        let is_behind = channel.head.sequence < signed;
        channel.awaited = match channel.awaited.filter(|awaited| channel.head.sequence < awaited.sequence) {
            // What the sender has given up is awaited no more.
            Some(awaited) if is_behind => Some(Awaited { sequence: awaited.sequence.min(signed), ..awaited }),
            _ => is_behind.then_some(Awaited { sequence: signed, since: time, told: false }),
        };
    }

    /// The same at the other end: tells a person once when what a sender had signed has not arrived for 15 minutes.
    fn alarm_not_arrived(&mut self) {
        let time = self.time;
        let mut late = Vec::new();
        for (key, channel) in &mut self.incoming {
            channel.awaited = channel.awaited.filter(|awaited| channel.head.sequence < awaited.sequence);
            let Some(awaited) = &mut channel.awaited else { continue };
            if !awaited.told && time.duration_since(awaited.since) > UNRECEIPTED_ALARM {
                awaited.told = true;
                late.push(key.0.clone());
            }
        }
        for peer in late {
            self.branch("not_arrived_alarm");
            self.alarm(AlarmKind::NotArrived, Some(&peer));
        }
    }
}
