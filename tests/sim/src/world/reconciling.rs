//! At the end every pair of access points compares what it holds, and one compares with an older copy of the other's
//! store, to which nothing has come back. Each answer is held against the history.

use std::mem;

use jiff::Timestamp;
use nhipcau_domain::{directory::Release, flow::Wanted};
use nhipcau_messaging::{
    message::Lane,
    reconcile::{Difference, Query, Reconciled},
    store::{self, Store},
};

use super::{Failure, World};
use crate::{
    Point,
    checker::{Checker, Ends, Unreconciled},
    directory::{RELEASES, access_point},
    history::Places,
    payload::{Verb, flow},
    reconciling::{Side, compare, receipted, signed, taken},
};

/// Everything, with each difference.
const EVERYTHING: Query = Query { lane: None, start: None, end: None, flows: None, limit: usize::MAX };

/// What answers are held against.
struct Judge<'w> {
    checker: &'w Checker,
    release: &'w Release,
    now: Timestamp,
}

impl World {
    /// Every pair compares its channels, as one of the two asks. Says what still differs, in words: nobody waits for a
    /// broadcast and its receipts, of which the next status tells, nor for what was refused and lost by its recipient.
    pub(super) fn reconcile(&mut self) -> Result<Option<String>, Failure> {
        let count = self.points.len();
        let pairs: Vec<(Point, Point)> = (0..count).flat_map(|one| (0..one).map(move |other| (one, other))).collect();
        let closely = self.prng.index(pairs.len());
        for (number, (one, other)) in pairs.into_iter().enumerate() {
            let (asking, asked) = if self.prng.chance(500) { (one, other) } else { (other, one) };
            if let Some(differs) = self.compare_pair(asking, asked, number == closely)? {
                return Ok(Some(differs));
            }
        }
        self.compare_with_copy().map(|()| None)
    }

    /// Two that run compare. Looked at closely, the other one asks too, and one of them about one flow.
    fn compare_pair(&mut self, asking: Point, asked: Point, closely: bool) -> Result<Option<String>, Failure> {
        let case = u32::try_from(self.prng.below(40)).expect("small");
        let keys = [asking, asked].map(|point| self.programme.signing_key(point, self.points[point].signing));
        let judge = Judge { checker: &self.checker, release: self.programme.release(RELEASES - 1), now: self.start };
        let mut processes = self.processes.values_mut().filter(|it| it.point == asking || it.point == asked);
        let (Some(one), Some(other)) = (processes.next(), processes.next()) else {
            return Err("an access point does not run any more".to_owned());
        };
        let (one, other) = if one.point == asking { (one, other) } else { (other, one) };
        let [key, other_key] = keys;
        let mut asking = Side { point: one.point, store: one.node.store(), disk: &one.disk, key };
        let mut asked = Side { point: other.point, store: other.node.store(), disk: &other.disk, key: other_key };
        let results = judge.compare(&mut asking, &mut asked, true)?;
        if closely {
            judge.ask_back(&mut asking, &mut asked, &results)?;
            judge.ask_for_flow(&mut asking, &mut asked, (&results, case))?;
        }
        let differs = results.iter().find(|result| result.difference_count > 0);
        Ok(differs.map(|result| format!("ap-{} and ap-{} differ: {result:?}", asking.point, asked.point)))
    }

    /// An older copy of a store answers: what has come since is missing there, and nothing else.
    fn compare_with_copy(&mut self) -> Result<(), Failure> {
        let asked = self.prng.index(self.points.len());
        let asking = (asked + 1 + self.prng.index(self.points.len() - 1)) % self.points.len();
        let Some(mut image) = self.points[asked].copies.pop_back() else { return Ok(()) };
        let keys = [asking, asked].map(|point| self.programme.signing_key(point, self.points[point].signing));
        let judge = Judge { checker: &self.checker, release: self.programme.release(RELEASES - 1), now: self.start };
        let mut store = Store::from_image(&mem::take(&mut image.bytes)).map_err(|error| error.to_string())?;
        let one = self.processes.values_mut().find(|process| process.point == asking).expect("it runs");
        let [key, other_key] = keys;
        let mut asking = Side { point: asking, store: one.node.store(), disk: &one.disk, key };
        let mut asked = Side { point: asked, store: &mut store, disk: &image.disk, key: other_key };
        let results = judge.compare(&mut asking, &mut asked, false)?;
        let differ = results.iter().filter(|result| result.difference_count > 0).count();
        self.coverage.add("difference_found", differ as u64);
        Ok(())
    }
}

impl Judge<'_> {
    /// Compares every channel and holds the answers against the history.
    fn compare<'s>(
        &self,
        asking: &mut Side<'s>,
        asked: &mut Side<'s>,
        is_drained: bool,
    ) -> Result<Vec<Reconciled>, Failure> {
        let results = compare(asking, asked, &EVERYTHING, (self.release, self.now))?;
        for result in &results {
            let (sender, recipient) =
                if result.is_sent { (&mut *asking, &mut *asked) } else { (&mut *asked, &mut *asking) };
            let name = format!("ap-{} to ap-{} {}", sender.point, recipient.point, channel(result));
            let ends = self.ends(sender, recipient, result).map_err(|error| error.to_string())?;
            let judged = self.checker.reconciled(&ends, result, is_drained);
            match judged {
                // What was refused once and lost by its recipient goes there again, and nobody waits for it: the pair
                // is looked at again, and must not differ in the end.
                Ok(()) | Err(Unreconciled::Unexplained { .. }) => {}
                Err(why) => return Err(format!("ap-{} reconciles {name}: {why}", asking.point)),
            }
        }
        Ok(results)
    }

    fn ends<'s>(
        &self,
        sender: &mut Side<'s>,
        recipient: &mut Side<'s>,
        result: &Reconciled,
    ) -> Result<Ends<'s>, store::Error> {
        let (lane, channel) = (result.lane, (sender.point, result.lane, result.broadcast));
        let to = (!result.broadcast).then_some(recipient.point);
        // What a publisher that was put back has left is taken out of its subscribers' history without a new position.
        let is_rewound = result.broadcast && self.checker.ledger.undone.contains(&sender.point);
        let taken: Places = match recipient.disk.places.get(&channel) {
            Some(places) if !is_rewound => places.clone(),
            None if !is_rewound => Places::new(),
            _ => taken(recipient.store, sender.point, to, lane)?,
        };
        Ok(Ends {
            channel,
            recipient: recipient.point,
            sent: signed(sender.store, to, lane)?,
            taken,
            receipted: receipted(sender.store, recipient.point, to, lane)?,
            sender_disk: sender.disk,
            recipient_disk: recipient.disk,
        })
    }

    /// The other side is told the same.
    fn ask_back<'s>(&self, asking: &mut Side<'s>, asked: &mut Side<'s>, results: &[Reconciled]) -> Result<(), Failure> {
        for back in self.compare(asked, asking, true)? {
            let is_it = |it: &&Reconciled| same_channel(it, &back) && it.is_sent != back.is_sent;
            let there = results.iter().find(is_it).ok_or("a channel is compared by one side only")?;
            let counts = |it: &Reconciled| (it.sent, it.held, it.skipped, it.flows.clone(), it.difference_count);
            if counts(there) != counts(&back) {
                return Err(format!(
                    "ap-{} and ap-{} are told otherwise: {there:?} {back:?}",
                    asking.point, asked.point
                ));
            }
        }
        Ok(())
    }

    /// Asked for one contract and kind, a channel gives what it has of that.
    fn ask_for_flow(
        &self,
        asking: &mut Side<'_>,
        asked: &mut Side<'_>,
        (results, case): (&[Reconciled], u32),
    ) -> Result<(), Failure> {
        let (flow, [one, other]) = (flow(Verb::Note, case), [asking.point, asked.point].map(access_point));
        let wanted = Wanted::read(flow.contract(), flow.kind(), (&one, &other), self.release);
        let Ok(Some(wanted)) = wanted else { return Ok(()) };
        let query = Query { flows: Some(wanted.clone()), ..EVERYTHING };
        for answer in compare(asking, asked, &query, (self.release, self.now))? {
            let is_it = |it: &&Reconciled| same_channel(it, &answer) && it.is_sent == answer.is_sent;
            let all = results.iter().find(is_it).ok_or("a channel is compared for one flow only")?;
            let covered = all.flows.iter().filter(|flowed| wanted.covers(&flowed.flow));
            let known = covered.fold((0, 0, 0), |(a, b, c), it| (a + it.sent, b + it.held, c + it.skipped));
            let may_cover = |it: &&Difference| wanted.may_cover(&it.flow);
            let differ: Vec<_> = all.differences.iter().filter(may_cover).collect();
            if (answer.sent, answer.held, answer.skipped) != known || answer.differences.iter().ne(differ) {
                return Err(format!("{flow:?} is counted otherwise alone: {all:?} {answer:?}"));
            }
        }
        Ok(())
    }
}

fn same_channel(one: &Reconciled, other: &Reconciled) -> bool {
    (one.lane, one.broadcast) == (other.lane, other.broadcast)
}

fn channel(result: &Reconciled) -> &'static str {
    match (result.broadcast, result.lane) {
        (true, _) => "broadcast",
        (false, Lane::Messages) => "messages",
        (false, Lane::Bulk) => "bulk",
    }
}
