//! The way between processes and the broker: everything takes time, and much is lost, repeated or overtaken.

use std::rc::Rc;

use nhipcau_messaging::engine::{Input, PublishResult};

use super::{Event, World, parts::Publish};
use crate::{
    Point,
    adapter::Work,
    bus::{Answer, Delivery},
    coverage::Fault,
    directory,
    injection::Captured,
    queue::{MILLI, Micros, SECOND},
    wording,
};

/// How long a process waits for the broker's answer to a publish.
const ANSWER_WITHIN: Micros = 2 * SECOND;

impl World {
    fn gets_out(&self, point: Point) -> bool {
        self.queue.now() >= self.points[point].out_blocked
    }

    fn gets_in(&self, point: Point) -> bool {
        self.queue.now() >= self.points[point].in_blocked
    }

    pub(super) fn publish(&mut self, fsync: Micros, publish: Publish) {
        let Publish { process, sender, kind, recipient, bytes, token } = &publish;
        let (process, sender, token) = (*process, *sender, *token);
        let captured = Captured { kind: Some(*kind), sender, recipient: *recipient, bytes: bytes.clone() };
        self.say(format_args!("ap-{sender} publishes {kind:?} to {recipient:?}, {} bytes", bytes.len()));
        if self.trace.keeps_lines() {
            self.trace.detail(&wording::bundle(bytes));
        }
        self.enemy.see(captured);
        let is_caught = self.intercept(sender, *recipient, *kind, bytes);
        let lost = self.happens(self.rates.publish_lost);
        if lost {
            self.coverage.fault(Fault::PublishLost);
        }
        if is_caught || lost || !self.gets_out(sender) {
            self.unanswered(process, token);
            return;
        }
        let latency = fsync + self.latency();
        self.queue.plan(latency, Event::Publish(publish));
    }

    fn unanswered(&mut self, process: u64, token: u64) {
        let result = PublishResult::Unknown;
        self.queue.plan(ANSWER_WITHIN, Event::Published { process, token, result });
    }

    /// A publish reaches the broker, whatever became of the process meanwhile.
    pub(super) fn publish_arrives(&mut self, publish: Publish) {
        let Publish { process, sender, kind, recipient, bytes, token } = publish;
        let answer = self.bus.publish(self.queue.now(), kind, sender, recipient, bytes);
        let result = match answer {
            Answer::Stored => PublishResult::Stored,
            Answer::Full => {
                self.coverage.fault(Fault::SubjectFull);
                PublishResult::Full
            }
            Answer::Silence => return self.unanswered(process, token),
        };
        let lost = self.happens(self.rates.answer_lost);
        if lost {
            self.coverage.fault(Fault::AnswerLost);
        }
        if lost || !self.gets_in(sender) {
            self.unanswered(process, token);
        } else {
            let latency = self.latency();
            self.queue.plan(latency, Event::Published { process, token, result });
        }
        match recipient {
            Some(recipient) => self.hand_out(recipient),
            None => (0..self.points.len()).for_each(|recipient| self.hand_out(recipient)),
        }
    }

    pub(super) fn published(&mut self, process: u64, token: u64, result: PublishResult) {
        self.give(process, Work::Input(Input::Published { token, result }));
    }

    /// The broker hands an access point what is due to it, if a process of it asks.
    pub(super) fn hand_out(&mut self, point: Point) {
        let now = self.queue.now();
        let pulls = self.processes.values().any(|process| process.point == point && process.paused_until <= now);
        if !pulls || !self.gets_out(point) {
            return;
        }
        for delivery in self.bus.due(now, point) {
            if self.happens(self.rates.delivery_lost) || !self.gets_in(point) {
                self.coverage.fault(Fault::DeliveryLost);
                continue;
            }
            if self.happens(self.rates.delivery_repeated) {
                self.coverage.fault(Fault::DeliveryRepeated);
                let delay = self.prng.between(MILLI, 8 * SECOND);
                self.queue.plan(delay, Event::Deliver(point, delivery.clone()));
            }
            let mut delay = self.latency();
            if self.happens(self.rates.delivery_delayed) {
                self.coverage.fault(Fault::DeliveryDelayed);
                delay += self.prng.below(4 * SECOND);
            }
            self.queue.plan(delay, Event::Deliver(point, delivery));
        }
    }

    pub(super) fn deliver(&mut self, point: Point, delivery: Delivery) {
        let running = self.running(point);
        let Some(process) = self.prng.pick(&running).copied() else { return };
        let Delivery { token, kind, sender, bytes } = delivery;
        let input = Input::Delivery { kind, sender: directory::access_point(sender), bytes: bytes.to_vec(), token };
        self.give(process, Work::Input(input));
    }

    pub(super) fn send_acknowledgement(&mut self, point: Point, fsync: Micros, token: u64) {
        if self.happens(self.rates.acknowledgement_lost) {
            self.coverage.fault(Fault::AcknowledgementLost);
        } else if self.gets_out(point) {
            let latency = fsync + self.latency();
            self.queue.plan(latency, Event::Acknowledge(token));
        }
    }

    pub(super) fn acknowledge(&mut self, token: u64) {
        self.bus.acknowledge(self.queue.now(), token);
    }

    pub(super) fn signal(&mut self, from: Point, fsync: Micros, to: Point, bytes: Rc<[u8]>) {
        self.say(format_args!("ap-{from} signals ap-{to}, {} bytes", bytes.len()));
        if self.trace.keeps_lines() {
            self.trace.detail(&wording::signal(&bytes));
        }
        self.enemy.see(Captured { kind: None, sender: from, recipient: Some(to), bytes: bytes.clone() });
        if !self.gets_out(from) {
            return;
        }
        if self.happens(self.rates.signal_lost) {
            self.coverage.fault(Fault::SignalLost);
            return;
        }
        let mut delay = fsync + self.latency();
        if self.happens(self.rates.signal_repeated) {
            self.coverage.fault(Fault::SignalRepeated);
            let later = self.prng.between(MILLI, 30 * SECOND);
            self.queue.plan(later, Event::Signal { to, from, bytes: bytes.clone() });
        }
        if self.happens(self.rates.signal_delayed) {
            self.coverage.fault(Fault::SignalDelayed);
            delay += self.prng.below(8 * SECOND);
        }
        self.queue.plan(delay, Event::Signal { to, from, bytes });
    }

    pub(super) fn signal_arrives(&mut self, to: Point, from: Point, bytes: &[u8]) {
        if !self.gets_in(to) || !self.bus.passes_signals(self.queue.now()) {
            return;
        }
        // Engine NATS copies a signal to every subscription, so that both processes of an access point hear it.
        for process in self.running(to) {
            let input = Input::Signal { sender: directory::access_point(from), bytes: bytes.to_vec() };
            self.give(process, Work::Input(input));
        }
    }

    /// The enemy's turn.
    pub(super) fn inject(&mut self) {
        if !self.is_troubled() {
            return;
        }
        match self.prng.below(10) {
            0..3 => self.fork(),
            3 => self.make_up_promise(),
            _ => {}
        }
        let keys: Vec<_> = (0..self.points.len()).map(|point| self.programme.signing_key(point, 0)).collect();
        if let Some((fault, made)) = self.enemy.make(&keys) {
            self.coverage.fault(fault);
            let Captured { kind, sender, recipient, bytes } = made;
            self.say(format_args!("enemy puts {fault:?} under ap-{sender} {kind:?} to {recipient:?}"));
            match (kind, recipient) {
                (Some(kind), recipient) => {
                    self.bus.publish(self.queue.now(), kind, sender, recipient, bytes);
                }
                (None, Some(to)) => self.queue.plan(MILLI, Event::Signal { to, from: sender, bytes }),
                (None, None) => {}
            }
        }
        let pause = self.prng.between(1, 2 * self.rates.inject_pause) * MILLI;
        self.queue.plan(pause, Event::Inject);
    }
}
