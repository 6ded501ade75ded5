//! The steps of each scheme. A step that needs what the one before has brought about looks for it, and goes on without
//! it only after a while.

use nhipcau_messaging::{engine::Kind, message::Lane};

use super::{Next, Scheme, World};
use crate::{
    Point,
    payload::Verb,
    queue::{MILLI, Micros, SECOND},
};

/// How long the packets of an access point that has nothing to say to a peer stay away: longer than a start waits for
/// it.
const SILENCE: Micros = 13 * SECOND;

/// Cases of which the first message is lost, on each channel.
const CASES_LOST: usize = 12;

impl World {
    /// The first messages of some cases never leave, the second ones do, and their sender forgets both.
    pub(super) fn lose_first_of_case(&mut self, s: &mut Scheme) -> Next {
        match s.step {
            0 => {
                s.loses_messages = true;
                (0..CASES_LOST).for_each(|_| self.submit(s, Verb::Note, Lane::Messages, 0));
                Next::After(300 * MILLI)
            }
            1 if !Self::have_left(s, &[Lane::Messages]) => Next::Look,
            1 => {
                s.loses_messages = false;
                for case in s.cases.clone() {
                    self.submit_in(s, Verb::Note, Lane::Messages, case, 0);
                }
                if s.leads {
                    self.submit(s, Verb::Attach, Lane::Messages, 0);
                }
                Next::After(500 * MILLI)
            }
            _ => {
                self.put_common_back(s, s.from);
                Next::End
            }
        }
    }

    /// Messages are withdrawn after they were signed, and their sender forgets both.
    pub(super) fn lose_withdrawal(&mut self, s: &mut Scheme) -> Next {
        match s.step {
            0 => {
                s.loses_messages = true;
                Lane::ALL.into_iter().for_each(|lane| {
                    self.submit(s, Verb::Note, lane, 0);
                    self.submit(s, Verb::Note, lane, 0);
                });
                Next::After(300 * MILLI)
            }
            1 if !Self::have_left(s, &Lane::ALL) => Next::Look,
            1 => {
                s.loses_messages = false;
                s.cases.clone().into_iter().for_each(|case| self.revoke_case(s.from, case));
                Next::After(2 * SECOND)
            }
            _ if !self.has_settled(s) => Next::Look,
            _ => {
                self.put_common_back(s, s.from);
                Next::End
            }
        }
    }

    /// A recipient that has forgotten gets from the broker what its sender had given up, before a word of its sender.
    pub(super) fn have_old_history_taken(&mut self, s: &mut Scheme) -> Next {
        match s.step {
            0 => {
                s.loses_messages = true;
                Lane::ALL.into_iter().for_each(|lane| {
                    self.submit(s, Verb::Note, lane, 0);
                    self.submit(s, Verb::Note, lane, 0);
                });
                Next::After(300 * MILLI)
            }
            1 if !Self::have_left(s, &Lane::ALL) => Next::Look,
            1 => {
                s.loses_messages = false;
                s.cases.clone().into_iter().for_each(|case| self.revoke_case(s.from, case));
                Next::After(1_500 * MILLI)
            }
            2 if !self.has_settled(s) => Next::Look,
            2 => {
                Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, 0));
                Next::After(500 * MILLI)
            }
            3 if !self.has_settled(s) => Next::Look,
            3 => {
                self.put_common_back(s, s.to);
                self.points[s.from].out_blocked = self.queue.now() + SILENCE;
                Next::After(400 * MILLI)
            }
            // Until it waits no longer for its sender.
            4..14 => {
                self.bring_again(s, |delivery| matches!(delivery.kind, Kind::Lane(_)));
                Next::After(1_200 * MILLI)
            }
            _ => Next::End,
        }
    }

    /// A recipient that has forgotten hears what it once stated, and then gets from the broker what was given up.
    pub(super) fn bring_given_up_late(&mut self, s: &mut Scheme) -> Next {
        match s.step {
            0 => {
                s.loses_messages = true;
                Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, 0));
                Next::After(300 * MILLI)
            }
            1 if !Self::have_left(s, &Lane::ALL) => Next::Look,
            1 => {
                s.loses_messages = false;
                s.cases.clone().into_iter().for_each(|case| self.revoke_case(s.from, case));
                Next::After(2_500 * MILLI)
            }
            2 if !self.has_settled(s) => Next::Look,
            2 => {
                self.start_again(s.from);
                Next::After(2 * SECOND)
            }
            3 if !self.has_settled(s) => Next::Look,
            3 => {
                s.loses_messages = true;
                self.put_common_back(s, s.to);
                Next::After(300 * MILLI)
            }
            4..24 => {
                self.bring_again(s, |delivery| matches!(delivery.kind, Kind::Lane(_)));
                Next::After(150 * MILLI)
            }
            _ => Next::End,
        }
    }

    /// The recipient forgets, hears what it had stated, and then the sender forgets what that was about.
    pub(super) fn lose_history_at_both(&mut self, s: &mut Scheme) -> Next {
        match s.step {
            0 => {
                for n in 0..4 {
                    Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, n * 150 * MILLI));
                }
                Next::After(1_500 * MILLI)
            }
            1 if !self.has_settled(s) => Next::Look,
            1 => {
                s.loses_messages = true;
                self.put_common_back(s, s.to);
                Next::After(1_500 * MILLI)
            }
            2 => {
                self.put_back(s, s.from);
                Next::After(600 * MILLI)
            }
            _ => Next::End,
        }
    }

    /// A recipient's receipts are lost, it forgets them and states everything anew; then its first history comes back,
    /// and goes on before a word of its sender.
    pub(super) fn overtake_receipt(&mut self, s: &mut Scheme) -> Next {
        match s.step {
            0 => {
                s.loses_receipts = true;
                Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, 0));
                if s.leads {
                    self.submit(s, Verb::Attach, Lane::Messages, 0);
                }
                Next::After(SECOND)
            }
            1 if !Self::have_left(s, &Lane::ALL) => Next::Look,
            1 => {
                s.later = self.image(s.to);
                s.loses_receipts = false;
                self.put_common_back(s, s.to);
                Next::After(2 * SECOND)
            }
            2 if !self.has_settled(s) => Next::Look,
            2 => {
                s.loses_messages = true;
                s.seen.clear();
                Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, 0));
                Next::After(300 * MILLI)
            }
            3 if !Self::have_left(s, &Lane::ALL) => Next::Look,
            3 => {
                if s.leads {
                    self.put_back_to(s.to, s.later.clone());
                }
                self.points[s.from].out_blocked = self.queue.now() + SILENCE;
                Next::After(400 * MILLI)
            }
            // Until it waits no longer for its sender.
            4..14 => {
                self.bring_again(s, |delivery| matches!(delivery.kind, Kind::Lane(_)));
                Next::After(1_200 * MILLI)
            }
            _ => Next::End,
        }
    }

    /// Bodies can no longer be read, neither of what has not arrived yet nor of what is then asked for again.
    pub(super) fn damage_bodies(&mut self, s: &mut Scheme) -> Next {
        match s.step {
            0 => {
                s.loses_messages = true;
                Lane::ALL.into_iter().for_each(|lane| self.submit(s, Verb::Note, lane, 0));
                Next::After(300 * MILLI)
            }
            1 if !Self::have_left(s, &Lane::ALL) => Next::Look,
            1 => {
                s.loses_messages = false;
                for process in self.running(s.from) {
                    self.processes.get_mut(&process).expect("it runs").node.damage_bodies(s.to);
                }
                Next::After(4 * SECOND)
            }
            _ if !self.has_settled(s) => Next::Look,
            _ => {
                self.put_common_back(s, s.to);
                Next::End
            }
        }
    }

    /// A recipient had answered, its answers never arrived, it forgets them, and may not answer any more.
    pub(super) fn forbid_answers(&mut self, s: &mut Scheme) -> Next {
        let (release, both_run) =
            (self.points[s.to].release, [s.from, s.to].iter().all(|point| self.running(*point).len() == 1));
        let is_allowed = self.programme.agreed(release, s.to, s.from);
        match s.step {
            0 if is_allowed && both_run && self.may_lose(s.to) => {
                s.loses_answers = true;
                s.before.extend(self.image(s.to).map(|image| (s.to, image)));
                (0..8).for_each(|n| self.submit(s, Verb::Ask, Lane::Messages, n * 150 * MILLI));
                Next::After(SECOND)
            }
            0 => Next::End,
            _ if is_allowed => Next::After(500 * MILLI),
            _ => {
                self.coverage.fault(s.fault);
                self.say(format_args!("ap-{} may not answer ap-{} any more", s.to, s.from));
                self.put_back(s, s.to);
                Next::End
            }
        }
    }

    /// The pairs of which one may always send and the other may not answer from some release on.
    pub(super) fn pairs_whose_answers_end(&self) -> Vec<(Point, Point)> {
        let count = self.points.len();
        let pairs = (0..count).flat_map(|from| (0..count).map(move |to| (from, to)));
        let ends = |(from, to): &(Point, Point)| {
            self.programme.always_agreed(*from, *to)
                && self.programme.agreed(0, *to, *from)
                && !self.programme.always_agreed(*to, *from)
        };
        pairs.filter(ends).collect()
    }
}
