//! What breaks in several steps: losses at both ends of a channel, in the order and at the moments that recovery finds
//! hardest, and that chance hardly ever meets. Each is a scheme of ordinary faults: stores put back, processes killed,
//! packets lost, kept and handed out late, bodies damaged on disk, cases revoked. In a third of the runs the nemesis
//! rests, so that schemes come to their end; in the others everything else goes on breaking meanwhile.

mod steps;

use std::rc::Rc;

use nhipcau_messaging::{engine::Kind, message::Lane};

use super::{Event, World, parts::Image};
use crate::{
    Point,
    adapter::Work,
    bus::Delivery,
    coverage::Fault,
    payload::{Body, Verb},
    plan::Plan,
    queue::{MILLI, Micros, SECOND},
};

/// The schemes, each as often as it stands here.
const SCHEMES: [(Fault, u64); 7] = [
    (Fault::FirstOfCaseLost, 6),
    (Fault::WithdrawalLost, 7),
    (Fault::OldHistoryTaken, 6),
    (Fault::GivenUpComesLate, 8),
    (Fault::HistoryLostAtBoth, 15),
    (Fault::ReceiptOvertaken, 15),
    (Fault::BodyUnreadable, 8),
];

/// How often a step that waits for something looks whether it is there, and how often at most.
const LOOK_EVERY: Micros = 200 * MILLI;
const LOOKS: u32 = 25;

/// The case of a scheme's first message. Callers use lower ones.
const CASES: u32 = 1_000;

/// Something that breaks in steps, between the two ends of a channel.
pub(super) struct Scheme {
    fault: Fault,
    from: Point,
    to: Point,
    step: u32,
    /// How often this step has looked for what it waits for.
    looks: u32,
    /// Whether it is the one of those begun at once that puts their common store back, and goes on to the next.
    leads: bool,
    /// The stores as they were when it began.
    before: Vec<(Point, Image)>,
    /// The recipient's store as it was when receipts of it were lost.
    later: Option<Image>,
    /// Cases of what was submitted.
    cases: Vec<u32>,
    /// Messages on the channel are lost.
    loses_messages: bool,
    /// What comes back is lost.
    loses_answers: bool,
    /// Its receipts are lost.
    loses_receipts: bool,
    /// What went over the channel since it began.
    seen: Vec<Delivery>,
}

/// What comes after a step.
enum Next {
    /// The next step, after a time.
    After(Micros),
    /// The same step again: what it waits for is not there yet.
    Look,
    /// Nothing: the scheme is over.
    End,
}

impl World {
    /// Begins the schemes of a run.
    pub(super) fn plan_schemes(&mut self) {
        if self.prng.chance(100) {
            return;
        }
        let delay = self.prng.between(4, 8) * SECOND;
        self.queue.plan(delay, Event::Scheme(0));
        for (from, to) in self.pairs_whose_answers_end() {
            let scheme = self.begin(Fault::AnswersForbidden, from, to);
            self.queue.plan(2 * SECOND, Event::Scheme(scheme));
        }
    }

    /// A scheme goes on; number 0 begins another.
    pub(super) fn go_on(&mut self, number: u64) {
        if !self.is_troubled() {
            self.schemes.clear();
            return;
        }
        let number = if number == 0 { self.next_scheme() } else { Some(number) };
        let Some((number, mut scheme)) = number.and_then(|n| self.schemes.remove_entry(&n)) else {
            let pause = self.prng.between(100, 600) * MILLI;
            self.queue.plan(pause, Event::Scheme(0));
            return;
        };
        let delay = match self.take_step(&mut scheme) {
            Next::After(delay) => {
                (scheme.step, scheme.looks) = (scheme.step + 1, 0);
                delay
            }
            Next::Look => {
                scheme.looks += 1;
                LOOK_EVERY
            }
            Next::End => {
                if scheme.fault != Fault::AnswersForbidden && scheme.leads {
                    let pause = self.prng.between(200, 1_500) * MILLI;
                    self.queue.plan(pause, Event::Scheme(0));
                }
                return;
            }
        };
        self.schemes.insert(number, scheme);
        self.queue.plan(delay, Event::Scheme(number));
    }

    /// Begins a scheme on some channels of one access point that are at rest, and gives the number of the first, which
    /// leads.
    fn next_scheme(&mut self) -> Option<u64> {
        let fault = self.any_scheme();
        let count = self.points.len();
        // Where many may lose history, losses mostly meet on one pair.
        let one = if self.many_losses && self.prng.chance(700) { self.prng.index(2) } else { self.prng.index(count) };
        let loser = if self.many_losses { one } else { *self.loser.get_or_insert(one) };
        if fault == Fault::HistoryLostAtBoth && !self.many_losses {
            return None;
        }
        let is_sender = matches!(fault, Fault::FirstOfCaseLost | Fault::WithdrawalLost);
        let turn = self.prng.index(count);
        let others = (0..count).map(|n| (n + turn) % count).filter(|other| *other != loser);
        let channels = others.map(|other| if is_sender { (loser, other) } else { (other, loser) });
        let at_rest: Vec<_> = channels.filter(|(from, to)| self.is_at_rest(*from, *to)).collect();
        let begun: Vec<u64> = at_rest.into_iter().map(|(from, to)| self.begin(fault, from, to)).collect();
        let (leader, others) = begun.split_first()?;
        for other in others {
            self.schemes.get_mut(other).expect("it has begun").leads = false;
            self.queue.plan(0, Event::Scheme(*other));
        }
        Some(*leader)
    }

    fn any_scheme(&mut self) -> Fault {
        let mut turn = self.prng.below(SCHEMES.iter().map(|(_, times)| times).sum());
        for (fault, times) in SCHEMES {
            match turn.checked_sub(times) {
                Some(rest) => turn = rest,
                None => return fault,
            }
        }
        Fault::BodyUnreadable
    }

    /// Whether one may always send to the other, each runs once, and nothing waits between them.
    fn is_at_rest(&mut self, from: Point, to: Point) -> bool {
        let ([from_process], [_]) = (&self.running(from)[..], &self.running(to)[..]) else { return false };
        let node = &mut self.processes.get_mut(from_process).expect("it runs").node;
        self.programme.always_agreed(from, to) && !node.waits_for(to)
    }

    fn begin(&mut self, fault: Fault, from: Point, to: Point) -> u64 {
        self.begun_schemes += 1;
        let scheme = Scheme {
            fault,
            from,
            to,
            step: 0,
            looks: 0,
            leads: true,
            before: Vec::new(),
            later: None,
            cases: Vec::new(),
            loses_messages: false,
            loses_answers: false,
            loses_receipts: false,
            seen: Vec::new(),
        };
        self.schemes.insert(self.begun_schemes, scheme);
        self.begun_schemes
    }

    /// A bundle is about to go out: the schemes see it. Says whether it is lost.
    pub(super) fn intercept(&mut self, sender: Point, recipient: Option<Point>, kind: Kind, bytes: &Rc<[u8]>) -> bool {
        let mut is_lost = false;
        for scheme in self.schemes.values_mut() {
            let lost = match kind {
                Kind::Lane(_) if (sender, recipient) == (scheme.from, Some(scheme.to)) => scheme.loses_messages,
                Kind::Lane(_) if (sender, recipient) == (scheme.to, Some(scheme.from)) => {
                    is_lost |= scheme.loses_answers;
                    continue;
                }
                Kind::Receipts if (sender, recipient) == (scheme.to, Some(scheme.from)) => scheme.loses_receipts,
                _ => continue,
            };
            scheme.seen.push(Delivery { token: u64::MAX, kind, sender, bytes: bytes.clone() });
            is_lost |= lost;
        }
        is_lost
    }

    /// Takes a scheme's next step.
    fn take_step(&mut self, s: &mut Scheme) -> Next {
        if s.step == 0 && s.looks == 0 && s.fault != Fault::AnswersForbidden {
            self.coverage.fault(s.fault);
            self.say(format_args!("scheme {:?} from ap-{} to ap-{}", s.fault, s.from, s.to));
            s.before = [s.from, s.to].into_iter().filter_map(|point| Some((point, self.image(point)?))).collect();
        }
        match s.fault {
            Fault::FirstOfCaseLost => self.lose_first_of_case(s),
            Fault::WithdrawalLost => self.lose_withdrawal(s),
            Fault::OldHistoryTaken => self.have_old_history_taken(s),
            Fault::GivenUpComesLate => self.bring_given_up_late(s),
            Fault::HistoryLostAtBoth => self.lose_history_at_both(s),
            Fault::ReceiptOvertaken => self.overtake_receipt(s),
            Fault::BodyUnreadable => self.damage_bodies(s),
            _ => self.forbid_answers(s),
        }
    }

    /// A message in a case of its own.
    fn submit(&mut self, s: &mut Scheme, verb: Verb, lane: Lane, delay: Micros) {
        let case = CASES + u32::try_from(self.requests.len()).expect("few requests");
        s.cases.push(case);
        self.submit_in(s, verb, lane, case, delay);
    }

    fn submit_in(&mut self, s: &Scheme, verb: Verb, lane: Lane, case: u32, delay: Micros) {
        let number = self.requests.len() as u64 + 1;
        let body = Body { verb, case, nonce: self.prng.draw() >> 1, filler: 0 };
        let cause = Plan::request(number);
        let plan = Plan { from: s.from, to: Some(s.to), lane, body, night: false, minor: 0, cause };
        self.request(number, plan, delay);
    }

    fn revoke_case(&mut self, point: Point, case: u32) {
        for process in self.running(point) {
            self.revoked.insert(case);
            self.give(process, Work::Revoke(case));
        }
    }

    /// A store as it is now.
    fn image(&mut self, point: Point) -> Option<Image> {
        let [process] = self.running(point)[..] else { return None };
        let process = self.processes.get_mut(&process)?;
        Some(Image { bytes: process.node.image(), disk: process.disk.clone() })
    }

    /// A store is put back to where it was when the scheme began, and is started soon.
    fn put_back(&mut self, s: &Scheme, point: Point) {
        let image = s.before.iter().find(|(of, _)| *of == point).map(|(_, image)| image.clone());
        self.put_back_to(point, image);
    }

    fn put_back_to(&mut self, point: Point, image: Option<Image>) {
        if let Some(image) = image.filter(|_| self.may_lose(point)) {
            self.replace_store(point, image);
            self.queue.plan(100 * MILLI, Event::Start(point));
        }
    }

    /// The same for the store that several schemes begun at once have in common.
    fn put_common_back(&mut self, s: &Scheme, point: Point) {
        if s.leads {
            self.put_back(s, point);
        }
    }

    /// A process dies and is started soon.
    fn start_again(&mut self, point: Point) {
        for process in self.running(point) {
            self.stop(process, "is killed");
        }
        self.queue.plan(100 * MILLI, Event::Start(point));
    }

    /// Whether messages were signed and handed over on these lanes, or that was waited for long enough.
    fn have_left(s: &Scheme, lanes: &[Lane]) -> bool {
        let left = |lane: &Lane| s.seen.iter().any(|delivery| delivery.kind == Kind::Lane(*lane));
        s.looks >= LOOKS || lanes.iter().all(left)
    }

    /// Whether nothing waits on the channel any more, or that was waited for long enough.
    fn has_settled(&mut self, s: &Scheme) -> bool {
        let [process] = self.running(s.from)[..] else { return s.looks >= LOOKS };
        s.looks >= LOOKS || !self.processes.get_mut(&process).expect("it runs").node.waits_for(s.to)
    }

    /// What went over the channel comes once more.
    fn bring_again(&mut self, s: &Scheme, which: impl Fn(&Delivery) -> bool) {
        for (n, delivery) in s.seen.iter().filter(|delivery| which(delivery)).enumerate() {
            let to = if delivery.sender == s.from { s.to } else { s.from };
            self.queue.plan(n as Micros * MILLI, Event::Deliver(to, delivery.clone()));
        }
    }
}
