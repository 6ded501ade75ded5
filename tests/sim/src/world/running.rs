//! Processes: they start on a store, work in groups that commit or die, and end.

use std::collections::BTreeSet;

use nhipcau_messaging::{
    engine::{Input, Output},
    envelope::{self, Routing},
    message::{MessageId, Outcome, Recipient, RefusalReason},
    pae,
};
use nhipcau_proto::envelope::v1 as pb;
use prost::Message as _;

use super::{
    Event, Failure, World,
    parts::{Image, Process, Publish},
};
use crate::{
    Point,
    adapter::{Commit, Node, Start, Stop, Work},
    bus::Stored,
    checker::Witness,
    coverage::Fault,
    directory::{self, RELEASES},
    history::{Disk, Effect, Fact, Message},
    payload::Verb,
    queue::{MILLI, SECOND},
};

/// Copies of its store that an access point keeps.
const COPIES: usize = 6;

/// The other disks, as the checker may ask of them.
struct Disks<'w> {
    disks: Vec<&'w Disk>,
    /// Cases whose content some party erased: a disk that was put back may not get their messages again.
    erased: BTreeSet<u32>,
    allowed: Vec<bool>,
}

impl Witness for Disks<'_> {
    fn is_allowed(&self, sender: Point, _: Point) -> bool {
        self.allowed[sender]
    }

    fn is_given_up(&self, message: &Message) -> bool {
        self.erased.contains(&message.case)
            || self.disks.iter().filter(|disk| disk.point == message.sender).any(|disk| {
                let outcome = disk.concluded.get(&message.id);
                disk.given_up.contains(&message.id) || matches!(outcome, Some(Outcome::Refused(_)))
            })
    }

    fn has_effect(&self, recipient: Point, sender: Point, id: MessageId) -> bool {
        self.disks.iter().any(|disk| disk.point == recipient && disk.effects.contains_key(&(sender, id)))
    }
}

impl World {
    /// Starts an access point on the store it has, or on an empty one.
    pub(super) fn start_point(&mut self, point: Point) -> Result<(), Failure> {
        if self.running(point).is_empty() {
            let image = self.points[point].halted.take();
            self.start_process(point, image)?;
        }
        Ok(())
    }

    /// Starts a process on a copy of a store.
    pub(super) fn start_process(&mut self, point: Point, image: Option<Image>) -> Result<u64, Failure> {
        let entropy = self.prng.split();
        let points = self.points.len();
        let ap = &mut self.points[point];
        ap.starts += 1;
        let start = Start {
            point,
            points,
            number: ap.starts,
            keys: self.programme.key_ring(point, ap.signing),
            release: self.programme.release(ap.release).clone(),
            minor: ap.minor,
            entropy,
        };
        let number = ap.starts;
        let now = self.clock(point);
        let node = Node::start(now, image.as_ref().map(|image| image.bytes.as_slice()), start);
        let node = node.map_err(|stop| format!("ap-{point} does not start: {stop:?}"))?;
        let disk = match image {
            Some(image) => image.disk,
            None => {
                let mut disk = Disk { point, ..Disk::default() };
                self.checker.begin_line(&mut disk);
                disk
            }
        };
        self.next_process += 1;
        let id = self.next_process;
        self.say(format_args!("start ap-{point} process {id} start {number} line {}", disk.line));
        let process = Process {
            point,
            node,
            disk,
            pending: Vec::new(),
            is_planned: false,
            paused_until: 0,
            told: BTreeSet::new(),
        };
        self.processes.insert(id, process);
        self.queue.plan(0, Event::Tick(id));
        if self.points[point].has_epoch {
            self.tell_epoch(id, point);
        }
        Ok(id)
    }

    /// The processes of an access point.
    pub(super) fn running(&self, point: Point) -> Vec<u64> {
        self.processes.iter().filter(|(_, process)| process.point == point).map(|(id, _)| *id).collect()
    }

    pub(super) fn tick(&mut self, id: u64) {
        let Some(process) = self.processes.get(&id) else { return };
        let (point, paused) = (process.point, process.paused_until);
        let delay = if paused > self.queue.now() {
            paused - self.queue.now()
        } else {
            self.give(id, Work::Input(Input::Tick));
            self.hand_out(point);
            self.prng.between(150 * MILLI, 250 * MILLI)
        };
        self.queue.plan(delay, Event::Tick(id));
    }

    /// Gives a process something to do with its next group.
    pub(super) fn give(&mut self, id: u64, work: Work) {
        let delay = self.prng.between(0, 4 * MILLI);
        if let Some(process) = self.processes.get_mut(&id) {
            process.pending.push(work);
            if !process.is_planned {
                process.is_planned = true;
                self.queue.plan(delay, Event::Group(id));
            }
        }
    }

    pub(super) fn group(&mut self, id: u64) -> Result<(), Failure> {
        let Some(mut process) = self.processes.remove(&id) else { return Ok(()) };
        if process.paused_until > self.queue.now() {
            self.queue.plan(process.paused_until - self.queue.now(), Event::Group(id));
            self.processes.insert(id, process);
            return Ok(());
        }
        process.is_planned = false;
        let work = std::mem::take(&mut process.pending);
        let is_idle = work.iter().all(|work| matches!(work, Work::Input(Input::Tick)));
        let crash = !is_idle && self.happens(self.rates.crash_before);
        let now = self.clock(process.point);
        match process.node.group(now, work, crash) {
            Ok(commit) => {
                let judged = self.judge(&mut process, &commit);
                self.processes.insert(id, process);
                judged?;
                self.committed(id, commit, is_idle);
                Ok(())
            }
            Err(stop) => {
                let point = process.point;
                self.processes.insert(id, process);
                match stop {
                    Stop::Crashed => {
                        self.coverage.fault(Fault::CrashBeforeCommit);
                        self.stop(id, "dies before the commit");
                    }
                    Stop::Superseded => {
                        self.coverage.add("superseded", 1);
                        self.stop(id, "was superseded");
                    }
                    Stop::Failed(why) => return Err(format!("ap-{point} failed: {why}")),
                }
                Ok(())
            }
        }
    }

    /// Holds what a commit brought against the history.
    fn judge(&mut self, process: &mut Process, commit: &Commit) -> Result<(), Failure> {
        let point = process.point;
        if self.trace.keeps_lines() {
            let taken: Vec<_> = process.node.branches().filter(|taken| !process.told.contains(taken)).collect();
            if !taken.is_empty() {
                self.trace.detail(&format!("ap-{point} has taken {taken:?}"));
                process.told = process.node.branches().collect();
            }
        }
        process.disk.given_up.clone_from(&commit.given_up);
        process.disk.strays.clone_from(&commit.strays);
        commit.placed.iter().for_each(|placed| process.disk.take(placed));
        if commit.facts.is_empty() {
            return Ok(());
        }
        let running = self.processes.values().map(|process| &process.disk);
        let halted = self.points.iter().filter_map(|ap| ap.halted.as_ref().map(|image| &image.disk));
        let release = self.points[point].release;
        let newest = self.points.iter().map(|ap| ap.release).max().unwrap_or(release);
        // A process may have a newer release than its access point's file: peers hand it on.
        let allowed = |sender| (release..=newest).any(|release| self.programme.agreed(release, sender, point));
        let disks = Disks {
            erased: self.erased.clone(),
            disks: running.chain(halted).collect(),
            allowed: (0..self.points.len()).map(allowed).collect(),
        };
        for fact in &commit.facts {
            match fact {
                Fact::Whole { blob, .. } if self.checker.ledger.whole.contains(&(point, *blob)) => {
                    self.coverage.add("blob_whole_again", 1);
                }
                Fact::Whole { .. } => self.coverage.add("blob_whole", 1),
                Fact::RanOut { .. } => self.coverage.add("limit_ran_out", 1),
                Fact::Sent(Message { verb: Verb::Climb, .. }) => self.coverage.add("level_above_asked", 1),
                Fact::Sent(Message { verb: Verb::Enough, .. }) => self.coverage.add("level_excused", 1),
                Fact::Freed { .. } => self.coverage.add("hold_let_go", 1),
                Fact::Effect(Effect { id, .. }) if self.checker.takes(*id) => self.coverage.add("hold_taken", 1),
                Fact::Position { id, refused: Some(RefusalReason::WrongState), .. } if self.checker.takes(*id) => {
                    self.coverage.add("hold_taken_too_late", 1);
                }
                Fact::Restored { id } if self.checker.is_carrier(*id) => self.coverage.add("blob_returned", 1),
                _ => {}
            }
            self.trace.event(self.queue.now(), format_args!("ap-{point} line {}: {fact:?}", process.disk.line));
        }
        let judged = self.checker.judge_all(&mut process.disk, &commit.facts, &disks);
        judged.map_err(|violation| violation.to_string())
    }

    fn committed(&mut self, id: u64, commit: Commit, is_idle: bool) {
        let Some(process) = self.processes.get(&id) else { return };
        let point = process.point;
        let has_news = !commit.facts.is_empty();
        if has_news && self.happens(120) {
            self.copy_store(id);
        }
        if !is_idle && self.happens(self.rates.crash_after) {
            self.coverage.fault(Fault::CrashAfterCommit);
            self.stop(id, "dies after the commit");
            return;
        }
        for (number, reply) in commit.replies {
            self.reply(number, reply);
        }
        // The disk takes its time; nothing goes out before.
        let fsync = self.prng.between(MILLI / 2, 8 * MILLI);
        for output in commit.outputs {
            match output {
                Output::Publish { kind, recipient, bytes, token } => {
                    let recipient = match &recipient {
                        Recipient::One(id) => Some(directory::point(id)),
                        Recipient::All => None,
                    };
                    let publish = Publish { process: id, sender: point, kind, recipient, bytes: bytes.into(), token };
                    self.publish(fsync, publish);
                }
                Output::Signal { recipient, bytes } => {
                    self.signal(point, fsync, directory::point(&recipient), bytes.into());
                }
                Output::Acknowledge { token } => self.send_acknowledgement(point, fsync, token),
                Output::Alarm(alarm) => {
                    *self.alarms.entry(alarm.kind).or_default() += 1;
                    self.say(format_args!("ap-{point} alarm {alarm:?}"));
                }
            }
        }
    }

    /// Keeps a copy of a store as it is.
    pub(super) fn copy_store(&mut self, id: u64) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        let image = Image { bytes: process.node.image(), disk: process.disk.clone() };
        let copies = &mut self.points[process.point].copies;
        copies.truncate(COPIES - 1);
        copies.push_front(image);
    }

    /// A process is gone. The last of an access point leaves its store behind and is started again; one that ran
    /// beside another takes its store with it.
    pub(super) fn stop(&mut self, id: u64, why: &str) {
        self.count_branches(id);
        let Some(process) = self.processes.remove(&id) else { return };
        let point = process.point;
        self.say(format_args!("ap-{point} process {id} {why}"));
        if self.running(point).is_empty() {
            let Process { mut node, disk, .. } = process;
            self.points[point].halted = Some(Image { bytes: node.image(), disk });
            let delay = if self.is_troubled() { self.prng.between(200 * MILLI, 8 * SECOND) } else { SECOND };
            self.queue.plan(delay, Event::Start(point));
        } else {
            self.checker.ledger.doubled.remove(&point);
            self.recount();
        }
    }

    pub(super) fn count_branches(&mut self, id: u64) {
        if let Some(process) = self.processes.get(&id) {
            process.node.branches().for_each(|(name, count)| self.coverage.add(name, count));
        }
    }

    /// After a loss: which messages somebody still holds.
    pub(super) fn recount(&mut self) {
        let mut held: BTreeSet<MessageId> = BTreeSet::new();
        for process in self.processes.values_mut() {
            held.extend(process.node.outbox().into_iter().map(|(id, _)| id));
            // Of a piece of a blob that was refused nothing is kept.
            held.extend(process.node.refused().into_iter().filter(|id| !self.checker.is_carrier(*id)));
            held.extend(process.disk.effects.keys().map(|(_, id)| *id));
            held.extend(&process.disk.strays);
        }
        for image in self.points.iter().filter_map(|ap| ap.halted.as_ref()) {
            held.extend(image.disk.sent.iter().chain(&image.disk.strays).copied());
            held.extend(image.disk.effects.keys().map(|(_, id)| *id));
            let refused = image.disk.refused.keys().map(|(_, id)| *id);
            held.extend(refused.filter(|id| !self.checker.is_carrier(*id)));
        }
        for (recipient, stored) in self.bus.waiting() {
            held.extend(self.genuine(recipient, stored));
        }
        let before = self.checker.ledger.lost.len();
        self.checker.recount(&held);
        let lost = self.checker.ledger.lost.len() - before;
        if lost > 0 {
            self.say(format_args!("{lost} messages are gone from every disk and the broker"));
        }
    }

    /// The messages in a stored bundle that their recipient can believe: what the enemy put there holds nothing.
    fn genuine(&self, recipient: Option<Point>, stored: &Stored) -> Vec<MessageId> {
        let bundle = pb::Bundle::decode(&*stored.bytes).unwrap_or_default();
        let release = self.programme.release(RELEASES - 1);
        let to = recipient.map_or(Recipient::All, |point| Recipient::One(directory::access_point(point)));
        let verified = bundle.envelopes.into_iter().filter_map(|envelope| {
            envelope::verify(envelope, pae::ENVELOPE, release, self.start, envelope::Trust::default()).ok()
        });
        let mine = verified
            .map(|verified| verified.routing)
            .filter(|routing| routing.sender == directory::access_point(stored.sender) && routing.recipient == to);
        let holds = |routing: &Routing| !recipient.is_some_and(|point| self.has_dropped(point, stored.sender, routing));
        mine.filter(holds).map(|routing| routing.id).collect()
    }

    /// Whether an access point refused the piece of a blob at this position: it does not look at what comes there
    /// again.
    fn has_dropped(&self, point: Point, sender: Point, routing: &Routing) -> bool {
        let halted = self.points[point].halted.iter().map(|image| &image.disk);
        let running = self.processes.values().filter(|process| process.point == point).map(|process| &process.disk);
        let Some(lane) = routing.lane.filter(|_| self.checker.is_carrier(routing.id)) else { return false };
        let place = (routing.incarnation, routing.id);
        let took = |disk: &Disk| {
            let places = disk.places.get(&(sender, lane, false));
            places.and_then(|places| places.get(&routing.sequence)) == Some(&place)
        };
        let mut disks = halted.chain(running).peekable();
        disks.peek().is_some() && disks.all(|disk| took(disk) && !disk.effects.contains_key(&(sender, routing.id)))
    }
}
