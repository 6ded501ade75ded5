//! What breaks by intent: processes, disks, clocks, the broker, the links.

use nhipcau_messaging::engine::Input;

use super::{
    Event, Failure, World,
    parts::{self, Image},
};
use crate::{
    Point,
    adapter::Work,
    coverage::Fault,
    directory::{RELEASES, access_point},
    queue::{MILLI, Micros, SECOND},
};

/// What the nemesis may do, each as often as it stands here.
const BREAKS: [Fault; 34] = [
    Fault::Kill,
    Fault::Kill,
    Fault::Pause,
    Fault::Pause,
    Fault::ClockWrong,
    Fault::ClockWrong,
    Fault::ClockWrong,
    Fault::ClockWrong,
    Fault::StoreRolledBack,
    Fault::StoreRolledBack,
    Fault::StoreRolledBack,
    Fault::PairRolledBack,
    Fault::PairRolledBack,
    Fault::PairRolledBack,
    Fault::PairRolledBack,
    Fault::TwinStarted,
    Fault::TwinStarted,
    Fault::TwinStarted,
    Fault::TwinStarted,
    Fault::TwinStarted,
    Fault::TailLost,
    Fault::TailLost,
    Fault::TailLost,
    Fault::BrokerRolledBack,
    Fault::BrokerRolledBack,
    Fault::BrokerFrozen,
    Fault::BrokerSilent,
    Fault::BrokerWiped,
    Fault::BrokerWiped,
    Fault::PartitionOut,
    Fault::PartitionIn,
    Fault::PartitionBoth,
    Fault::KeyChanged,
    Fault::KeyChanged,
];

impl World {
    /// Something breaks, except in a quarter of the time, which is left in peace.
    pub(super) fn break_something(&mut self) {
        if !self.is_troubled() {
            return;
        }
        self.bus.remember();
        let peace = (self.queue.now() / (5 * SECOND)).is_multiple_of(4);
        if !peace {
            let fault = BREAKS[self.prng.index(BREAKS.len())];
            let point = self.target(fault);
            if self.inflict(fault, point) {
                self.coverage.fault(fault);
                self.say(format_args!("nemesis {fault:?} ap-{point}"));
            }
        }
        let pause = self.prng.between(1, 2 * self.rates.break_pause) * MILLI;
        self.queue.plan(pause, Event::Break);
    }

    /// Whom it hits. Where many may lose history, losses mostly meet on one pair: what each has lost of the other, and
    /// loses again, is what recovery finds hardest.
    fn target(&mut self, fault: Fault) -> Point {
        let is_loss = matches!(fault, Fault::StoreRolledBack | Fault::PairRolledBack | Fault::TwinStarted);
        match (is_loss && self.many_losses && self.prng.chance(800), fault) {
            (true, Fault::PairRolledBack) => 0,
            (true, _) => self.prng.index(2),
            _ => self.prng.index(self.points.len()),
        }
    }

    /// Does it, if it can be done now.
    fn inflict(&mut self, fault: Fault, point: Point) -> bool {
        let until = self.queue.now() + self.a_while();
        match fault {
            Fault::Kill => self.kill(point),
            Fault::Pause => self.pause(point),
            Fault::ClockWrong => {
                self.points[point].skew = parts::any_skew(&mut self.prng);
                true
            }
            Fault::StoreRolledBack => self.roll_store_back(point),
            Fault::PairRolledBack => {
                let other = (point + 1) % self.points.len();
                self.many_losses && self.roll_store_back(point) && self.roll_store_back(other)
            }
            Fault::TwinStarted => self.start_twin(point).is_ok_and(|started| started),
            Fault::TailLost => {
                let queue = (!self.prng.chance(200)).then_some(point);
                let most = self.prng.between(1, 4);
                self.bus.lose_tail(queue, most) > 0
            }
            Fault::BrokerRolledBack => {
                let age = self.prng.index(self.bus.remembered());
                self.bus.roll_back(age);
                true
            }
            Fault::BrokerFrozen => {
                self.bus.freeze(until);
                true
            }
            Fault::BrokerSilent => {
                self.bus.fall_silent(until);
                true
            }
            Fault::BrokerWiped => {
                self.bus.wipe(until);
                true
            }
            Fault::PartitionOut => {
                self.points[point].out_blocked = until;
                true
            }
            Fault::PartitionIn => {
                self.points[point].in_blocked = until;
                true
            }
            Fault::PartitionBoth => {
                (self.points[point].out_blocked, self.points[point].in_blocked) = (until, until);
                true
            }
            Fault::KeyChanged => self.change_key(point),
            _ => false,
        }
    }

    fn a_while(&mut self) -> Micros {
        if self.prng.chance(150) { self.prng.between(8, 25) * SECOND } else { self.prng.between(200, 6_000) * MILLI }
    }

    fn kill(&mut self, point: Point) -> bool {
        let running = self.running(point);
        let Some(process) = self.prng.pick(&running).copied() else { return false };
        self.stop(process, "is killed");
        true
    }

    fn pause(&mut self, point: Point) -> bool {
        let until = self.queue.now() + self.a_while() * 2;
        let running = self.running(point);
        let Some(process) = self.prng.pick(&running).copied() else { return false };
        self.processes.get_mut(&process).expect("it runs").paused_until = until;
        true
    }

    /// The access point's store is replaced by an older copy of it; its processes are gone.
    fn roll_store_back(&mut self, point: Point) -> bool {
        let copies = self.points[point].copies.len();
        if copies == 0 || !self.may_lose(point) {
            return false;
        }
        let image = self.points[point].copies[self.prng.index(copies)].clone();
        self.replace_store(point, image);
        true
    }

    /// The access point's processes are gone, and its store is this one.
    pub(super) fn replace_store(&mut self, point: Point, mut image: Image) {
        for process in self.running(point) {
            self.count_branches(process);
            let process = self.processes.remove(&process).expect("it runs");
            self.checker.blur(&process.disk, &image.disk);
        }
        if let Some(halted) = self.points[point].halted.take() {
            self.checker.blur(&halted.disk, &image.disk);
        } else {
            let delay = self.prng.between(100 * MILLI, 6 * SECOND);
            self.queue.plan(delay, Event::Start(point));
        }
        self.checker.ledger.doubled.remove(&point);
        let copied = image.disk.line;
        self.checker.begin_line(&mut image.disk);
        let (line, sent) = (image.disk.line, image.disk.sent.len());
        self.say(format_args!("ap-{point} is put back: line {line} of line {copied}, {sent} messages sent"));
        self.points[point].halted = Some(image);
        self.recount();
        self.ask_again(point);
    }

    /// Whether this access point may lose history in this run; if so, it is the one.
    pub(super) fn may_lose(&mut self, point: Point) -> bool {
        self.many_losses || *self.loser.get_or_insert(point) == point
    }

    /// A restored copy starts while the access point's process still runs.
    fn start_twin(&mut self, point: Point) -> Result<bool, Failure> {
        let [running] = self.running(point)[..] else { return Ok(false) };
        let copies = self.points[point].copies.len();
        if copies == 0 || !self.may_lose(point) {
            return Ok(false);
        }
        let mut image = self.points[point].copies[self.prng.index(copies)].clone();
        self.checker.blur(&self.processes[&running].disk, &image.disk);
        self.checker.begin_line(&mut image.disk);
        self.checker.ledger.doubled.insert(point);
        self.start_process(point, Some(image))?;
        Ok(true)
    }

    /// The access point is restarted under the signing key that the second release brought.
    fn change_key(&mut self, point: Point) -> bool {
        let ap = &mut self.points[point];
        if ap.release == 0 || ap.signing == 1 {
            return false;
        }
        ap.signing = 1;
        self.kill(point);
        true
    }

    /// When each access point gets each release: most soon, some late.
    pub(super) fn plan_releases(&mut self, trouble: Micros) {
        let mut published = 0;
        for release in 1..RELEASES {
            published += self.prng.between(2 * SECOND, trouble / 3);
            for point in 0..self.points.len() {
                let delay = if self.prng.chance(350) {
                    self.coverage.fault(Fault::ReleaseLate);
                    self.prng.between(10 * SECOND, trouble)
                } else {
                    self.prng.below(2 * SECOND)
                };
                self.queue.plan(published + delay, Event::Release(point, release));
            }
        }
        for point in 0..self.points.len() {
            let delay = self.prng.between(3 * SECOND, trouble);
            self.queue.plan(delay, Event::Epoch(point));
        }
    }

    /// The private half lies beside the keys from the start.
    pub(super) fn begin_epoch(&mut self, point: Point) {
        self.coverage.fault(Fault::EpochBegun);
        self.points[point].has_epoch = true;
        self.say(format_args!("ap-{point} begins an epoch"));
        for process in self.running(point) {
            self.tell_epoch(process, point);
        }
    }

    /// A process reads its own bulletin from its directory.
    pub(super) fn tell_epoch(&mut self, process: u64, point: Point) {
        let ap = &self.points[point];
        let notices = self.programme.notices(point, 1 + ap.signing as u64, ap.signing, self.start);
        let sender = access_point((point + 1) % self.points.len());
        self.give(process, Work::Input(Input::Signal { sender, bytes: notices }));
    }
}
