//! What time alone brings to a person's attention: messages without a receipt, at both ends, and a directory about to
//! expire.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::directory::Freshness;

use super::{
    AlarmKind, Engine, Error,
    channel::{Awaited, IncomingKey},
    micros,
};
use crate::{
    message::Recipient,
    store::{Tx, waiting},
};

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
