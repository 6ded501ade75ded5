//! What a reconciliation says of a channel, held against the history: these differences and no others, these counts,
//! and each message under its own flow.

use std::collections::{BTreeMap, BTreeSet};

use nhipcau_domain::flow::Flow;
use nhipcau_messaging::{
    message::MessageId,
    reconcile::{DifferenceKind, Reconciled},
};

use super::Checker;
use crate::{
    Point,
    history::{Channel, Disk, Places},
    payload::flow,
};

/// The contract under which skips are counted.
const SKIP: &str = "nhipcau.envelope.v1";

/// A channel as the history has it, at both ends.
#[derive(Debug)]
pub struct Ends<'e> {
    /// The channel.
    pub channel: Channel,
    /// Its recipient.
    pub recipient: Point,
    /// What its sender has signed.
    pub sent: Places,
    /// What its recipient has taken.
    pub taken: Places,
    /// Of which stretches the sender holds a receipt.
    pub receipted: Vec<(u64, u64)>,
    /// The sender's disk.
    pub sender_disk: &'e Disk,
    /// The recipient's disk.
    pub recipient_disk: &'e Disk,
}

/// What differs, by position.
pub type Differences = BTreeSet<(u64, DifferenceKind)>;

/// How a reconciliation and the history contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreconciled {
    /// Other counts.
    #[error("{said:?} positions are said to be sent and held, and {known:?} are")]
    Counts {
        /// Sent and held, as it says.
        said: (u64, u64),
        /// As the history says.
        known: (u64, u64),
    },
    /// Other differences.
    #[error("{said:?} are said to differ, and {known:?} do")]
    Differences {
        /// As it says.
        said: Differences,
        /// As the history says.
        known: Differences,
    },
    /// A message is counted or named under another flow than its own.
    #[error("{said:?} is counted or named where the history has {known:?}")]
    Flow {
        /// The flow, with what is said of it.
        said: (Flow, u64),
        /// Most or fewest that there may be.
        known: u64,
    },
    /// The sides differ though every message has come to its end.
    #[error("{known:?} differ though everything is drained")]
    Unexplained {
        /// What differs.
        known: Differences,
    },
    /// A message stands in a channel that is not its own, or in none although it had its effect.
    #[error("{id} does not stand where it belongs")]
    Misplaced {
        /// The message.
        id: MessageId,
    },
    /// Other messages were given up.
    #[error("{said} messages are said to be skipped, and {known} are")]
    Skipped {
        /// As it says.
        said: u64,
        /// As the history says.
        known: u64,
    },
}

impl Ends<'_> {
    /// What differs between the two ends.
    #[must_use]
    pub fn differences(&self) -> Differences {
        let is_receipted = |sequence: u64| self.receipted.iter().any(|(from, to)| (*from..=*to).contains(&sequence));
        let sequences: BTreeSet<u64> = self.sent.keys().chain(self.taken.keys()).copied().collect();
        let kind = |sequence: &u64| match (self.sent.get(sequence), self.taken.get(sequence)) {
            (Some(_), None) => Some(DifferenceKind::Missing),
            (None, Some(_)) => Some(DifferenceKind::UnknownToSender),
            (sent, taken) if sent != taken => Some(DifferenceKind::Digest),
            _ => (!is_receipted(*sequence)).then_some(DifferenceKind::Unreceipted),
        };
        sequences.into_iter().filter_map(|sequence| Some((sequence, kind(&sequence)?))).collect()
    }
}

impl Checker {
    /// Holds what a reconciliation says of a channel against the history. Where everything is drained, nothing may
    /// differ in a channel between two: each message of it has come to its end, at both ends. What was given up has
    /// without its position.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn reconciled(&self, ends: &Ends<'_>, result: &Reconciled, is_drained: bool) -> Result<(), Unreconciled> {
        let (said, known) = ((result.sent, result.held), (ends.sent.len() as u64, ends.taken.len() as u64));
        if said != known {
            return Err(Unreconciled::Counts { said, known });
        }
        let known = ends.differences();
        let said: Differences = result.differences.iter().map(|it| (it.sequence, it.kind)).collect();
        if said != known || result.difference_count != known.len() as u64 {
            return Err(Unreconciled::Differences { said, known });
        }
        // Nobody waits for a broadcast and its receipts, or for what says that nothing comes at a position.
        let gave_up = |(_, id): &(u64, MessageId)| ends.sender_disk.given_up.contains(id);
        let may_come = |(sequence, kind): &(u64, DifferenceKind)| {
            let is_of_skip = ends.sent.get(sequence).is_some_and(gave_up);
            is_of_skip && matches!(kind, DifferenceKind::Missing | DifferenceKind::Unreceipted)
        };
        if is_drained && !ends.channel.2 && !known.iter().all(may_come) {
            return Err(Unreconciled::Unexplained { known });
        }
        // Where both have another message at a position, the flow is the sender's word.
        let named = result.differences.iter().filter(|it| it.kind != DifferenceKind::Digest && is_of_message(&it.flow));
        for difference in named {
            if self.flow_of(difference.id).as_ref() != Some(&difference.flow) {
                return Err(Unreconciled::Flow { said: (difference.flow.clone(), difference.sequence), known: 0 });
            }
        }
        self.messages_are_theirs(ends, is_drained)?;
        self.flows_are_theirs(ends, result)?;
        let placed: BTreeSet<&MessageId> = ends.sent.values().map(|(_, id)| id).collect();
        let known = placed.into_iter().filter(|id| ends.sender_disk.given_up.contains(id)).count() as u64;
        // What waits to be signed as a skip is not counted yet.
        if result.skipped > known || is_drained && result.skipped < known {
            return Err(Unreconciled::Skipped { said: result.skipped, known });
        }
        Ok(())
    }

    /// Only messages of the channel stand in it, and where everything is drained each of them that had its effect does.
    fn messages_are_theirs(&self, ends: &Ends<'_>, is_drained: bool) -> Result<(), Unreconciled> {
        let (sender, lane, broadcast) = ends.channel;
        let recipient = (!broadcast).then_some(ends.recipient);
        let is_its = |id: &MessageId| {
            let message = self.ledger.messages.get(id);
            message.is_some_and(|it| (it.sender, it.recipient, it.lane) == (sender, recipient, lane))
        };
        let ids = |places: &Places| places.values().map(|(_, id)| *id).collect::<BTreeSet<MessageId>>();
        let (sent, taken) = (ids(&ends.sent), ids(&ends.taken));
        let effects = ends.recipient_disk.effects.keys().filter(|(of, id)| *of == sender && is_its(id));
        let mut effective = effects.map(|(_, id)| id).filter(|_| is_drained);
        let strange = sent.union(&taken).find(|id| !is_its(id));
        // What a publisher that was put back sends again may be on its way to whoever had it before.
        let stands = |id: &MessageId| sent.contains(id) && (broadcast || taken.contains(id));
        match strange.or_else(|| effective.find(|id| !stands(id))) {
            Some(id) => Err(Unreconciled::Misplaced { id: *id }),
            None => Ok(()),
        }
    }

    /// No flow counts more positions than its messages have, and none fewer than have had their effect. What is counted
    /// under none of them is a skip, or could not be opened; without these each flow counts exactly.
    fn flows_are_theirs(&self, ends: &Ends<'_>, result: &Reconciled) -> Result<(), Unreconciled> {
        let (sent, taken) = (self.by_flow(ends.sent.values()), self.by_flow(ends.taken.values()));
        let has_effect = |(_, id): &&(u64, MessageId)| ends.recipient_disk.effects.contains_key(&(ends.channel.0, *id));
        let places: BTreeMap<&MessageId, &(u64, MessageId)> = ends.taken.values().map(|at| (&at.1, at)).collect();
        let effective = self.by_flow(places.into_values().filter(has_effect));
        let of = |counts: &BTreeMap<Flow, u64>, flow: &Flow| counts.get(flow).copied().unwrap_or(0);
        for flowed in result.flows.iter().filter(|flowed| is_of_message(&flowed.flow)) {
            for (said, most) in [(flowed.sent, of(&sent, &flowed.flow)), (flowed.held, of(&taken, &flowed.flow))] {
                if said > most {
                    return Err(Unreconciled::Flow { said: (flowed.flow.clone(), said), known: most });
                }
            }
        }
        for (flow, least) in effective {
            let held = result.flows.iter().find(|flowed| flowed.flow == flow).map_or(0, |flowed| flowed.held);
            if held < least {
                return Err(Unreconciled::Flow { said: (flow, held), known: least });
            }
        }
        let sum = result.flows.iter().fold((0, 0), |(sent, held), it| (sent + it.sent, held + it.held));
        if sum != (result.sent, result.held) {
            return Err(Unreconciled::Counts { said: sum, known: (result.sent, result.held) });
        }
        Ok(())
    }

    fn by_flow<'p>(&self, places: impl Iterator<Item = &'p (u64, MessageId)>) -> BTreeMap<Flow, u64> {
        let mut counts = BTreeMap::new();
        for flow in places.filter_map(|(_, id)| self.flow_of(*id)) {
            *counts.entry(flow).or_default() += 1;
        }
        counts
    }

    fn flow_of(&self, id: MessageId) -> Option<Flow> {
        self.ledger.messages.get(&id).map(|message| flow(message.verb, message.case))
    }
}

/// Whether a flow is of messages that services send, and not of skips or of what could not be opened.
fn is_of_message(flow: &Flow) -> bool {
    flow.is_known() && flow.contract() != SKIP
}

#[cfg(test)]
mod tests {
    use nhipcau_messaging::{
        message::Lane,
        reconcile::{Difference, Flowed},
    };

    use super::*;
    use crate::{history::Message, payload::Verb};

    fn id(n: u8) -> MessageId {
        MessageId([n; 16])
    }

    /// Messages 1 to 3 of a case that has a kind.
    fn checker() -> Checker {
        let mut checker = Checker::default();
        for n in 1..=3 {
            let message = Message {
                id: id(n),
                sender: 0,
                recipient: Some(1),
                lane: Lane::Messages,
                verb: Verb::Note,
                case: 1,
                nonce: 0,
                digest: 0,
            };
            checker.ledger.messages.insert(message.id, message);
        }
        checker
    }

    fn places(messages: &[u8]) -> Places {
        (1..).zip(messages.iter().map(|n| (1, id(*n)))).collect()
    }

    /// Message 1 has had its effect, and 3 was given up.
    fn disks() -> [Disk; 2] {
        let mut disks = [Disk::default(), Disk::default()];
        disks[0].given_up.insert(id(3));
        disks[1].effects.insert((0, id(1)), 1);
        disks
    }

    fn ends<'d>(sent: &[u8], taken: &[u8], [sender_disk, recipient_disk]: &'d [Disk; 2]) -> Ends<'d> {
        Ends {
            channel: (0, Lane::Messages, false),
            recipient: 1,
            sent: places(sent),
            taken: places(taken),
            receipted: vec![(1, 9)],
            sender_disk,
            recipient_disk,
        }
    }

    /// What is said of so many positions, all of the one flow but a skip where there are three.
    fn said(sent: u64, held: u64, differences: &[(u64, DifferenceKind)]) -> Reconciled {
        let skips = Flow::read(SKIP.to_owned(), String::new()).unwrap();
        let flowed = |flow, sent, held, skipped| Flowed { flow, sent, held, skipped };
        let (sent_skips, held_skips) = (sent.saturating_sub(2), held.saturating_sub(2));
        let differ = |(sequence, kind): &(u64, DifferenceKind)| Difference {
            sequence: *sequence,
            id: id(u8::try_from(*sequence).unwrap()),
            kind: *kind,
            flow: flow(Verb::Note, 1),
        };
        Reconciled {
            lane: Lane::Messages,
            broadcast: false,
            is_sent: true,
            sent,
            held,
            skipped: sent_skips,
            flows: vec![
                flowed(skips, sent_skips, held_skips, 0),
                flowed(flow(Verb::Note, 1), sent - sent_skips, held - held_skips, sent_skips),
            ],
            difference_count: differences.len() as u64,
            differences: differences.iter().map(differ).collect(),
        }
    }

    const LAST_MISSING: [(u64, DifferenceKind); 1] = [(2, DifferenceKind::Missing)];

    #[test]
    fn what_agrees_with_the_history_passes() {
        let (checker, disks) = (checker(), disks());
        checker.reconciled(&ends(&[1, 2, 3], &[1, 2, 3], &disks), &said(3, 3, &[]), true).unwrap();
        checker.reconciled(&ends(&[1, 2], &[1], &disks), &said(2, 1, &LAST_MISSING), false).unwrap();
    }

    #[test]
    fn equal_is_not_said_where_the_history_differs() {
        let (checker, disks) = (checker(), disks());
        let judge =
            |sent: &[u8], taken: &[u8], said: &Reconciled| checker.reconciled(&ends(sent, taken, &disks), said, false);
        assert!(matches!(judge(&[1, 2], &[1], &said(2, 2, &[])), Err(Unreconciled::Counts { .. })));
        assert!(matches!(judge(&[1, 2], &[1], &said(2, 1, &[])), Err(Unreconciled::Differences { .. })));
        assert!(matches!(judge(&[1, 2], &[1, 3], &said(2, 2, &[])), Err(Unreconciled::Differences { .. })));
        assert!(matches!(judge(&[1, 2], &[1, 2], &said(2, 2, &LAST_MISSING)), Err(Unreconciled::Differences { .. })));
        let unreceipted = Ends { receipted: vec![(1, 1)], ..ends(&[1, 2], &[1, 2], &disks) };
        let judged = checker.reconciled(&unreceipted, &said(2, 2, &[]), false);
        assert!(matches!(judged, Err(Unreconciled::Differences { .. })));
    }

    #[test]
    fn a_difference_that_stays_is_seen() {
        let (checker, disks) = (checker(), disks());
        let judged = checker.reconciled(&ends(&[1, 2], &[1], &disks), &said(2, 1, &LAST_MISSING), true);
        assert!(matches!(judged, Err(Unreconciled::Unexplained { .. })));
    }

    #[test]
    fn a_skip_may_still_be_on_its_way_to_who_has_lost_it() {
        let (checker, disks) = (checker(), disks());
        let lacks = said(3, 2, &[(3, DifferenceKind::Missing)]);
        checker.reconciled(&ends(&[1, 2, 3], &[1, 2], &disks), &lacks, true).unwrap();
        let other = said(3, 3, &[(3, DifferenceKind::Digest)]);
        let judged = checker.reconciled(&ends(&[1, 2, 3], &[1, 2, 1], &disks), &other, true);
        assert!(matches!(judged, Err(Unreconciled::Unexplained { .. })));
        let mut not_given_up = disks;
        not_given_up[0].given_up.clear();
        let judged = checker.reconciled(&ends(&[1, 2, 3], &[1, 2], &not_given_up), &lacks, true);
        assert!(matches!(judged, Err(Unreconciled::Unexplained { .. })));
    }

    #[test]
    fn a_message_of_another_channel_and_an_effect_without_a_position_are_seen() {
        let (checker, mut disks) = (checker(), disks());
        let judged = checker.reconciled(&ends(&[1, 9], &[1, 9], &disks), &said(2, 2, &[]), false);
        assert!(matches!(judged, Err(Unreconciled::Misplaced { .. })));
        disks[1].effects.insert((0, id(2)), 2);
        let judged = checker.reconciled(&ends(&[1], &[1], &disks), &said(1, 1, &[]), true);
        assert!(matches!(judged, Err(Unreconciled::Misplaced { .. })));
    }

    #[test]
    fn a_message_under_another_flow_and_a_skip_too_many_are_seen() {
        let (checker, disks) = (checker(), disks());
        let judge = |said: &Reconciled| checker.reconciled(&ends(&[1, 2], &[1, 2], &disks), said, true);
        let mut other = said(2, 2, &[]);
        other.flows[1].flow = flow(Verb::Note, 3);
        assert!(matches!(judge(&other), Err(Unreconciled::Flow { .. })));
        let mut unopened = said(2, 2, &[]);
        unopened.flows[1].held = 0;
        unopened.flows[0].held = 2;
        assert!(matches!(judge(&unopened), Err(Unreconciled::Flow { .. })));
        let skipped = Reconciled { skipped: 1, ..said(2, 2, &[]) };
        assert!(matches!(judge(&skipped), Err(Unreconciled::Skipped { .. })));
    }
}
