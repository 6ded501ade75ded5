//! The callers: what they ask for, and that they ask again until they are answered.

use nhipcau_messaging::{engine::Input, message::Lane};

use super::{Event, World};
use crate::{
    Point,
    adapter::{Reply, Work},
    payload::{Body, Verb},
    plan::Plan,
    queue::{MILLI, Micros, SECOND},
};

/// A caller's request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) plan: Plan,
    /// Whether the caller has an answer.
    pub(super) is_answered: bool,
    /// Uses an earlier request's id for other content, and must be told so.
    pub(super) is_reuse: bool,
}

impl World {
    /// A caller thinks of something to ask.
    pub(super) fn call(&mut self) {
        if !self.is_troubled() {
            return;
        }
        let number = self.requests.len() as u64 + 1;
        match self.prng.below(100) {
            0..3 => self.revoke(),
            3..5 => self.erase(),
            5..9 => self.ask_once_more(),
            9..12 => self.reuse(number),
            12 if self.prng.chance(500) => self.attach_again(number),
            _ => {
                let plan = self.any_plan(number);
                if plan.body.verb == Verb::Attach && plan.body.case != 0 && self.prng.chance(700) {
                    let delay = self.prng.between(4, 40) * MILLI;
                    self.queue.plan(delay, Event::Erase(plan.body.case));
                }
                self.request(number, plan, 0);
            }
        }
        let pause = self.prng.between(1, 2 * self.rates.call_pause) * MILLI;
        self.queue.plan(pause, Event::Call);
    }

    pub(super) fn request(&mut self, number: u64, plan: Plan, delay: Micros) {
        self.requests.insert(number, Request { plan, is_answered: false, is_reuse: false });
        self.queue.plan(delay, Event::Ask(number));
    }

    fn any_plan(&mut self, number: u64) -> Plan {
        let from = self.prng.index(self.points.len());
        let verb = match self.prng.below(100) {
            0..2 => Verb::Attach,
            2..7 => Verb::Place,
            7..40 => Verb::Note,
            40..48 => Verb::Invalid,
            48..56 => Verb::WrongState,
            56..70 => Verb::Ask,
            70..90 => Verb::Preview,
            _ => Verb::Publish,
        };
        let filler = match self.prng.below(10) {
            0..6 => self.prng.below(200),
            6..9 => self.prng.below(2_000),
            _ => self.prng.below(20_000),
        };
        let filler = u32::try_from(filler).expect("small");
        let nonce = self.prng.draw() >> 1;
        let cause = Plan::request(number);
        if verb == Verb::Publish {
            let body = Body { verb, case: 0, nonce, filler };
            let night = self.prng.chance(300) && self.points[from].release > 0;
            let minor = u32::from(self.prng.chance(100));
            return Plan { from, to: None, lane: Lane::Bulk, body, night, minor, cause };
        }
        // Few cases, so that many messages share one; the owner and the other side are fixed by the case.
        let case = u32::try_from(self.prng.below(40)).expect("small");
        // What takes a place has to come after what asks for it: both are of one case and lane.
        let case = if verb == Verb::Place { case.max(1) } else { case };
        let (from, to) = if case == 0 { (from, self.prng.index(self.points.len())) } else { self.pair(case) };
        let lane = if verb != Verb::Place && self.prng.chance(120) { Lane::Bulk } else { Lane::Messages };
        let night = self.prng.chance(80) && self.points[from].release > 0;
        let minor = u32::from(self.prng.chance(60));
        let body = Body { verb, case, nonce, filler };
        Plan { from, to: Some(to), lane, body, night, minor, cause }
    }

    /// What a message has named is named by another one of the case.
    fn attach_again(&mut self, number: u64) {
        if let Some(plan) = self.last_attached().cloned() {
            self.request(number, Plan { cause: Plan::request(number), ..plan }, 0);
        }
    }

    fn last_attached(&self) -> Option<&Plan> {
        let attached = self.requests.values().rev().filter(|request| !request.is_reuse);
        attached.map(|request| &request.plan).find(|plan| plan.body.verb == Verb::Attach)
    }

    /// Who owns a case and with whom; rarely with itself.
    fn pair(&self, case: u32) -> (Point, Point) {
        let (case, count) = (case as usize, self.points.len());
        (case % count, if case.is_multiple_of(13) { case % count } else { (case % count + 1 + case / count) % count })
    }

    /// A caller asks; it asks again until it is answered.
    pub(super) fn ask(&mut self, number: u64) {
        let Some(request) = self.requests.get(&number).filter(|request| !request.is_answered) else { return };
        let plan = request.plan.clone();
        let running = self.running(plan.from);
        if let Some(process) = self.prng.pick(&running).copied() {
            self.give(process, Work::Submit(number, plan));
        }
        let patience = self.prng.between(SECOND, 5 * SECOND);
        self.queue.plan(patience, Event::Ask(number));
    }

    pub(super) fn reply(&mut self, number: u64, reply: Reply) {
        let Some(request) = self.requests.get_mut(&number) else { return };
        request.is_answered = true;
        let (verb, from, is_reuse) = (request.plan.body.verb, request.plan.from, request.is_reuse);
        let reuse = if is_reuse { ", an id used before" } else { "" };
        self.say(format_args!("ap-{from} answers request {number} ({verb:?}{reuse}): {reply:?}"));
        self.coverage.add(if reply == Reply::Reused { "reuse_refused" } else { "answered" }, 1);
    }

    /// An answered caller asks the same once more.
    fn ask_once_more(&mut self) {
        let number = self.prng.below(self.requests.len() as u64 + 1);
        if let Some(request) = self.requests.get_mut(&number).filter(|request| !request.is_reuse) {
            request.is_answered = false;
            self.queue.plan(0, Event::Ask(number));
        }
    }

    /// An id that is known to stand for something is used for something else.
    fn reuse(&mut self, number: u64) {
        let earlier = self.prng.below(number);
        let Some(request) = self.requests.get(&earlier).filter(|request| !request.is_reuse) else { return };
        let mut plan = request.plan.clone();
        let id = plan.message(&self.programme.id_key(plan.from)).id;
        let [process] = self.running(plan.from)[..] else { return };
        if self.processes[&process].disk.sent.contains(&id) {
            plan.body.nonce ^= 1 << 40;
            self.requests.insert(number, Request { plan: plan.clone(), is_answered: true, is_reuse: true });
            self.give(process, Work::Submit(number, plan));
        }
    }

    /// After a store was put back, some callers learn of the window and ask again for what fell into it.
    pub(super) fn ask_again(&mut self, point: Point) {
        let answered = self.requests.iter().filter(|(_, r)| r.plan.from == point && r.is_answered && !r.is_reuse);
        let numbers: Vec<u64> = answered.map(|(number, _)| *number).collect();
        for number in numbers {
            if self.prng.chance(400) {
                self.requests.get_mut(&number).expect("it is there").is_answered = false;
                let delay = self.prng.below(10 * SECOND);
                self.queue.plan(delay, Event::Ask(number));
            }
        }
    }

    fn revoke(&mut self) {
        let case = u32::try_from(self.prng.between(1, 39)).expect("small");
        let owner = self.pair(case).0;
        for process in self.running(owner) {
            self.say(format_args!("ap-{owner} revokes case {case}"));
            self.revoked.insert(case);
            self.give(process, Work::Revoke(case));
        }
    }

    fn erase(&mut self) {
        let case = u32::try_from(self.prng.between(1, 39)).expect("small");
        self.erase_case(case);
    }

    /// A case is erased at one of its sides.
    pub(super) fn erase_case(&mut self, case: u32) {
        let pair = self.pair(case);
        let point = if self.prng.chance(500) { pair.0 } else { pair.1 };
        for process in self.running(point) {
            self.say(format_args!("ap-{point} erases case {case}"));
            if self.erased.insert(case) {
                self.coverage.add("blob_cut_off", self.checker.on_the_way(case));
            }
            self.give(process, Work::Erase(case));
        }
    }

    /// A release reaches an access point, and its processes.
    pub(super) fn release_arrives(&mut self, point: Point, release: usize) {
        let ap = &mut self.points[point];
        if ap.release < release {
            ap.release = release;
            self.say(format_args!("ap-{point} gets release {}", release + 1));
            let release = self.programme.release(release).clone();
            for process in self.running(point) {
                self.give(process, Work::Input(Input::Release(release.clone())));
            }
        }
    }
}
