//! What breaks in several steps: losses at both ends of a channel, in the order and at the moments that recovery finds
//! hardest, and that chance hardly ever meets. Each is a scheme of ordinary faults: stores put back, processes killed,
//! packets lost, kept and handed out late, bodies damaged on disk, cases revoked. Everything else goes on breaking
//! meanwhile.

use std::rc::Rc;

use nhipcau_messaging::{engine::Kind, message::Lane};
use nhipcau_proto::envelope::v1 as pb;
use prost::Message as _;

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
const SCHEMES: [Fault; 16] = [
    Fault::FirstOfCaseLost,
    Fault::FirstOfCaseLost,
    Fault::WithdrawalLost,
    Fault::WithdrawalLost,
    Fault::OldHistoryTaken,
    Fault::OldHistoryTaken,
    Fault::GivenUpComesLate,
    Fault::GivenUpComesLate,
    Fault::HistoryLostAtBoth,
    Fault::HistoryLostAtBoth,
    Fault::HistoryLostAtBoth,
    Fault::HistoryLostAtBoth,
    Fault::ReceiptOvertaken,
    Fault::ReceiptOvertaken,
    Fault::BodyUnreadable,
    Fault::BodyUnreadable,
];

/// How long the packets of an access point that has nothing to say to a peer stay away: longer than a start waits for
/// it.
const SILENCE: Micros = 13 * SECOND;

/// The case of a scheme's first message. Callers use lower ones.
const CASES: u32 = 1_000;

/// Something that breaks in steps, between the two ends of a channel.
pub(super) struct Scheme {
    fault: Fault,
    from: Point,
    to: Point,
    step: u32,
    /// Whether it is the one of those begun at once that puts their common store back, and goes on to the next.
    leads: bool,
    /// The stores as they were when it began.
    before: Vec<(Point, Image)>,
    /// The start of the recipient whose first receipt is the later one.
    series: u64,
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

impl World {
    /// Begins the schemes of a run.
    pub(super) fn plan_schemes(&mut self) {
        if self.prng.chance(100) {
            return;
        }
        let delay = self.prng.between(4, 8) * SECOND;
        self.queue.plan(delay, Event::Scheme(0));
        if let Some((from, to)) = self.pair_whose_answers_end() {
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
        let next = self.take_step(&mut scheme);
        scheme.step += 1;
        match next {
            Some(delay) => {
                self.schemes.insert(number, scheme);
                self.queue.plan(delay, Event::Scheme(number));
            }
            None if scheme.fault == Fault::AnswersForbidden || !scheme.leads => {}
            None => {
                let pause = self.prng.between(200, 1_500) * MILLI;
                self.queue.plan(pause, Event::Scheme(0));
            }
        }
    }

    /// Begins a scheme on some channels of one access point that are at rest, and gives the number of the first, which
    /// leads.
    fn next_scheme(&mut self) -> Option<u64> {
        let fault = SCHEMES[self.prng.index(SCHEMES.len())];
        let count = self.points.len();
        // Where many may lose history, losses mostly meet on one pair.
        let one = if self.many_losses && self.prng.chance(700) { self.prng.index(2) } else { self.prng.index(count) };
        let loser = if self.many_losses { one } else { *self.loser.get_or_insert(one) };
        if fault == Fault::HistoryLostAtBoth && !self.many_losses {
            return None;
        }
        let is_sender = matches!(fault, Fault::FirstOfCaseLost | Fault::WithdrawalLost | Fault::ReceiptOvertaken);
        let turn = self.prng.index(count);
        let others = (0..count).map(|n| (n + turn) % count).filter(|other| *other != loser);
        let channels = others.map(|other| if is_sender { (loser, other) } else { (other, loser) });
        let at_rest: Vec<_> = channels.filter(|(from, to)| self.is_at_rest(*from, *to)).take(3).collect();
        let begun: Vec<u64> = at_rest.into_iter().map(|(from, to)| self.begin(fault, from, to)).collect();
        let (leader, others) = begun.split_first()?;
        for other in others {
            self.schemes.get_mut(other).expect("it has begun").leads = false;
            self.queue.plan(0, Event::Scheme(*other));
        }
        Some(*leader)
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
            leads: true,
            before: Vec::new(),
            series: 0,
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

    /// Takes a scheme's next step; gives the time until the one after it.
    fn take_step(&mut self, s: &mut Scheme) -> Option<Micros> {
        if s.step == 0 && s.fault != Fault::AnswersForbidden {
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

    /// The first messages of some cases never leave, the second ones do, and their sender forgets both.
    fn lose_first_of_case(&mut self, s: &mut Scheme) -> Option<Micros> {
        match s.step {
            0 => {
                s.loses_messages = true;
                (0..4).for_each(|_| self.submit(s, Verb::Note, Lane::Messages, 0));
                Some(300 * MILLI)
            }
            1 => {
                s.loses_messages = false;
                for case in s.cases.clone() {
                    self.submit_in(s, Verb::Note, Lane::Messages, case, 0);
                }
                Some(500 * MILLI)
            }
            _ => {
                self.put_common_back(s, s.from);
                None
            }
        }
    }

    /// Messages are withdrawn after they were signed, and their sender forgets both.
    fn lose_withdrawal(&mut self, s: &mut Scheme) -> Option<Micros> {
        match s.step {
            0 => {
                s.loses_messages = true;
                Lane::ALL.into_iter().for_each(|lane| {
                    self.submit(s, Verb::Note, lane, 0);
                    self.submit(s, Verb::Note, lane, 0);
                });
                Some(300 * MILLI)
            }
            1 => {
                s.loses_messages = false;
                s.cases.clone().into_iter().for_each(|case| self.revoke_case(s.from, case));
                Some(2 * SECOND)
            }
            _ => {
                self.put_common_back(s, s.from);
                None
            }
        }
    }

    /// A recipient that has forgotten gets from the broker what its sender had given up, before a word of its sender.
    fn have_old_history_taken(&mut self, s: &mut Scheme) -> Option<Micros> {
        match s.step {
            0 => {
                s.loses_messages = true;
                Lane::ALL.into_iter().for_each(|lane| {
                    self.submit(s, Verb::Note, lane, 0);
                    self.submit(s, Verb::Note, lane, 0);
                });
                Some(300 * MILLI)
            }
            1 => {
                s.loses_messages = false;
                s.cases.clone().into_iter().for_each(|case| self.revoke_case(s.from, case));
                Some(1_500 * MILLI)
            }
            2 => {
                Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, 0));
                Some(500 * MILLI)
            }
            3 => {
                self.put_common_back(s, s.to);
                self.points[s.from].out_blocked = self.queue.now() + SILENCE;
                Some(400 * MILLI)
            }
            // Until it waits no longer for its sender.
            4..14 => {
                self.bring_again(s, |delivery| matches!(delivery.kind, Kind::Lane(_)));
                Some(1_200 * MILLI)
            }
            _ => None,
        }
    }

    /// A recipient that has forgotten hears what it once stated, and then gets from the broker what was given up.
    fn bring_given_up_late(&mut self, s: &mut Scheme) -> Option<Micros> {
        match s.step {
            0 => {
                s.loses_messages = true;
                Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, 0));
                Some(300 * MILLI)
            }
            1 => {
                s.loses_messages = false;
                s.cases.clone().into_iter().for_each(|case| self.revoke_case(s.from, case));
                Some(2_500 * MILLI)
            }
            2 => {
                self.start_again(s.from);
                Some(2 * SECOND)
            }
            3 => {
                s.loses_messages = true;
                self.put_common_back(s, s.to);
                Some(300 * MILLI)
            }
            4..24 => {
                self.bring_again(s, |delivery| matches!(delivery.kind, Kind::Lane(_)));
                Some(150 * MILLI)
            }
            _ => None,
        }
    }

    /// The recipient forgets, hears what it had stated, and then the sender forgets what that was about.
    fn lose_history_at_both(&mut self, s: &mut Scheme) -> Option<Micros> {
        match s.step {
            0 => {
                for n in 0..4 {
                    Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, n * 150 * MILLI));
                }
                Some(1_500 * MILLI)
            }
            1 => {
                s.loses_messages = true;
                self.put_common_back(s, s.to);
                Some(1_500 * MILLI)
            }
            2 => {
                self.put_back(s, s.from);
                Some(600 * MILLI)
            }
            _ => None,
        }
    }

    /// A sender forgets and gets its positions back, and of the receipts only a later one comes.
    fn overtake_receipt(&mut self, s: &mut Scheme) -> Option<Micros> {
        match s.step {
            0 => {
                s.loses_receipts = true;
                Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, 0));
                Some(2 * SECOND)
            }
            1 => {
                self.put_common_back(s, s.from);
                self.start_again(s.to);
                Some(3 * SECOND)
            }
            2 => {
                s.series = self.points[s.to].starts;
                Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, 0));
                Some(1_500 * MILLI)
            }
            3 => {
                self.start_again(s.to);
                Some(1_500 * MILLI)
            }
            4 => {
                let series = s.series;
                self.bring_again(s, |delivery| is_first_receipt(delivery, series));
                Some(200 * MILLI)
            }
            _ => None,
        }
    }

    /// Bodies can no longer be read, neither of what has not arrived yet nor of what is then asked for again.
    fn damage_bodies(&mut self, s: &mut Scheme) -> Option<Micros> {
        match s.step {
            0 => {
                s.loses_messages = true;
                Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, 0));
                Some(300 * MILLI)
            }
            1 => {
                s.loses_messages = false;
                for process in self.running(s.from) {
                    self.processes.get_mut(&process).expect("it runs").node.damage_bodies(s.to);
                }
                Some(4 * SECOND)
            }
            _ => {
                self.put_common_back(s, s.to);
                None
            }
        }
    }

    /// A recipient had answered, its answers never arrived, it forgets them, and may not answer any more.
    fn forbid_answers(&mut self, s: &mut Scheme) -> Option<Micros> {
        let (release, both_run) =
            (self.points[s.to].release, [s.from, s.to].iter().all(|point| self.running(*point).len() == 1));
        let is_allowed = self.programme.agreed(release, s.to, s.from);
        match s.step {
            0 if is_allowed && both_run && self.may_lose(s.to) => {
                s.loses_answers = true;
                s.before.extend(self.image(s.to).map(|image| (s.to, image)));
                (0..8).for_each(|n| self.submit(s, Verb::Ask, Lane::Messages, n * 150 * MILLI));
                Some(SECOND)
            }
            0 => None,
            _ if is_allowed => Some(500 * MILLI),
            _ => {
                self.coverage.fault(s.fault);
                self.say(format_args!("ap-{} may not answer ap-{} any more", s.to, s.from));
                self.put_back(s, s.to);
                None
            }
        }
    }

    /// A pair of which one may always send and the other may not answer from some release on.
    fn pair_whose_answers_end(&mut self) -> Option<(Point, Point)> {
        let count = self.points.len();
        let pairs = (0..count).flat_map(|from| (0..count).map(move |to| (from, to)));
        let ends = |(from, to): &(Point, Point)| {
            self.programme.always_agreed(*from, *to)
                && self.programme.agreed(0, *to, *from)
                && !self.programme.always_agreed(*to, *from)
        };
        let pairs: Vec<_> = pairs.filter(ends).collect();
        self.prng.pick(&pairs).copied()
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

    /// What went over the channel comes once more.
    fn bring_again(&mut self, s: &Scheme, which: impl Fn(&Delivery) -> bool) {
        for (n, delivery) in s.seen.iter().filter(|delivery| which(delivery)).enumerate() {
            let to = if delivery.sender == s.from { s.to } else { s.from };
            self.queue.plan(n as Micros * MILLI, Event::Deliver(to, delivery.clone()));
        }
    }
}

/// Whether a bundle is nothing but the first receipt of a series.
fn is_first_receipt(delivery: &Delivery, series: u64) -> bool {
    let bundle = pb::Bundle::decode(&*delivery.bytes).unwrap_or_default();
    let [receipt] = &bundle.receipts[..] else { return false };
    let statement = pb::ReceiptStatement::decode(&*receipt.statement).unwrap_or_default();
    (statement.series, statement.number) == (series, 1)
}
