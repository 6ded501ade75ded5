//! The end: everything is healed, everything must drain, and every message must have come to something.

use std::collections::BTreeMap;

use nhipcau_messaging::message::{MessageId, RefusalReason};

use super::{DRAIN_WITHIN, Event, Failure, World};
use crate::{
    Point,
    checker::Standing,
    directory::RELEASES,
    history::{Disk, Message},
    payload::Verb,
    queue::SECOND,
};

/// What may still be under way once everything is drained.
const SETTLE: u64 = 3 * SECOND;

impl World {
    /// Nothing breaks any more; everybody gets the newest release and program.
    pub(super) fn heal(&mut self) {
        let now = self.queue.now();
        self.say(format_args!("everything heals"));
        self.healed_at = Some(now);
        self.bus.freeze(now);
        self.bus.fall_silent(now);
        self.bus.provision(now);
        for point in 0..self.points.len() {
            let ap = &mut self.points[point];
            (ap.in_blocked, ap.out_blocked) = (now, now);
            let is_old = std::mem::replace(&mut ap.minor, 1) == 0;
            for process in self.running(point) {
                self.processes.get_mut(&process).expect("it runs").paused_until = now;
                if is_old {
                    self.stop(process, "stops for a newer program");
                }
            }
            self.queue.plan(SECOND, Event::Release(point, RELEASES - 1));
        }
        self.queue.plan(2 * SECOND, Event::Look);
    }

    /// Looks whether everything is drained.
    pub(super) fn look(&mut self) -> Result<(), Failure> {
        let waits = self.what_waits();
        let Some(waits) = waits else {
            let healed = self.healed_at.unwrap_or_default();
            self.drained_after = Some(self.queue.now() - healed);
            self.say(format_args!("everything is drained"));
            self.queue.plan(SETTLE, Event::Conclude);
            return Ok(());
        };
        if self.queue.now() - self.healed_at.unwrap_or_default() > DRAIN_WITHIN {
            return Err(format!("not drained {} s after healing: {waits}", DRAIN_WITHIN / SECOND));
        }
        self.queue.plan(SECOND, Event::Look);
        Ok(())
    }

    /// Something that has not come to its end yet, in words.
    fn what_waits(&mut self) -> Option<String> {
        if let Some((number, _)) = self.requests.iter().find(|(_, request)| !request.is_answered) {
            return Some(format!("request {number} is not answered"));
        }
        for point in 0..self.points.len() {
            let running = self.running(point);
            let [process] = running[..] else {
                return Some(format!("ap-{point} runs {} processes", running.len()));
            };
            let node = &mut self.processes.get_mut(&process).expect("it runs").node;
            let waiting = node.waiting();
            if let Some(first) = waiting.first() {
                let known = self.checker.ledger.messages.get(first);
                return Some(format!("ap-{point} has {} open messages, such as {known:?}", waiting.len()));
            }
        }
        self.what_is_owed()
    }

    pub(super) fn conclude(&mut self) -> Result<(), Failure> {
        if let Some(waits) = self.what_waits() {
            return Err(format!("was drained and is no longer: {waits}"));
        }
        self.look_at_blobs()?;
        match self.reconcile()? {
            None => self.is_over = true,
            Some(differs) if self.queue.now() - self.healed_at.unwrap_or_default() > DRAIN_WITHIN => {
                return Err(format!("{differs} {} s after healing", DRAIN_WITHIN / SECOND));
            }
            Some(differs) => {
                self.say(format_args!("{differs}"));
                self.queue.plan(20 * SECOND, Event::Conclude);
            }
        }
        Ok(())
    }

    /// Whether each access point hands over those blobs that it must have, every byte of them, and no others.
    fn look_at_blobs(&mut self) -> Result<(), Failure> {
        for (point, blob) in self.checker.blobs() {
            let process = self.processes.values_mut().find(|process| process.point == point).expect("it runs");
            let handed = process.node.hands_over(&blob).map_err(|stop| format!("ap-{point} failed: {stop:?}"))?;
            if handed != process.disk.blobs.contains(&blob).then_some(true) {
                return Err(format!("ap-{point} hands over {blob:?} at the end: {handed:?}"));
            }
        }
        Ok(())
    }

    /// What the checker still misses, in words.
    fn what_is_owed(&mut self) -> Option<String> {
        let mut outboxes: BTreeMap<Point, BTreeMap<MessageId, Standing>> = BTreeMap::new();
        for process in self.processes.values_mut() {
            outboxes.insert(process.point, process.node.outbox().into_iter().collect());
        }
        let standing = |message: &Message| {
            let known = outboxes.get(&message.sender).and_then(|outbox| outbox.get(&message.id));
            known.copied().unwrap_or(Standing::Unknown)
        };
        let mut disks: Vec<&Disk> = self.processes.values().map(|process| &process.disk).collect();
        disks.sort_by_key(|disk| disk.point);
        let may_refuse = |message: &Message, reason| self.may_refuse(message, reason);
        let may_be_said = |message: &Message| {
            message.recipient.is_some_and(|to| self.programme.agreed(RELEASES - 1, message.sender, to))
        };
        let is_erased = |case| self.erased.contains(&case);
        let judged = self.checker.conclude(&disks, &standing, &may_refuse, &is_erased, &may_be_said);
        judged.err().map(|violation| violation.to_string())
    }

    /// Whether the run gave a reason for this refusal, or for giving the message up.
    fn may_refuse(&self, message: &Message, reason: Option<RefusalReason>) -> bool {
        let Some(to) = message.recipient else { return false };
        let (there, back) =
            (self.programme.always_agreed(message.sender, to), self.programme.always_agreed(to, message.sender));
        let answers =
            matches!(message.verb, Verb::Ask | Verb::Climb | Verb::Preview | Verb::Accept | Verb::Place | Verb::Held);
        match reason {
            None => !there || self.revoked.contains(&message.case),
            Some(RefusalReason::Invalid) => message.verb == Verb::Invalid,
            Some(RefusalReason::WrongState) => {
                let too_late = self.checker.ledger.came_late.contains(&message.id);
                message.verb == Verb::WrongState || answers && !back || too_late
            }
            Some(RefusalReason::NotAgreed) => !there,
            Some(_) => false,
        }
    }
}
