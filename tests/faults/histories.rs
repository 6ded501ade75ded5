//! The histories of real stores, brought before the judge of the simulation: what each access point accepted to send,
//! what took effect at each, and what each learned of its own.
//!
//! The simulation's checker hears of every commit as it happens; here it hears at once what a store says it did, in
//! the store's own order. So it finds what is lost, invented, at the wrong place, out of order, or receipted without an
//! effect; it cannot find what was wrong for a moment and is right again. What took effect twice, and a log that was
//! written in another order than its side's, it finds in the tables of the services.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Result;
use nhipcau_messaging::message::{Lane, MessageId, Outcome};
use nhipcau_sim::{
    Point,
    checker::{Checker, Standing, Violation, Witness},
    history::{Disk, Effect, Fact, Message},
    payload::Verb,
};
use nhipcau_tests::world::World;

use crate::stores::{Held, Taken};

/// What is known of a trial's messages, over all looks.
#[derive(Default)]
pub(crate) struct Histories {
    known: Vec<Message>,
    cases: BTreeMap<Vec<u8>, u32>,
    undone: BTreeSet<Point>,
}

/// What the judge may ask.
struct Stores<'s> {
    standing: &'s BTreeMap<(Point, MessageId), Standing>,
    effects: &'s BTreeSet<(Point, Point, MessageId)>,
}

impl Witness for Stores<'_> {
    /// Whoever takes part here has agreed; that what is not agreed has no effect is for other tests.
    fn is_allowed(&self, _: Point, _: Point) -> bool {
        true
    }

    fn is_given_up(&self, message: &Message) -> bool {
        self.standing.get(&(message.sender, message.id)) == Some(&Standing::GivenUp)
    }

    fn has_effect(&self, recipient: Point, sender: Point, id: MessageId) -> bool {
        self.effects.contains(&(recipient, sender, id))
    }
}

impl Histories {
    /// The store of an access point was put back or lived twice: the order of what it sends proves nothing any more.
    pub(crate) fn undone(&mut self, point: Point) {
        self.undone.insert(point);
    }

    /// Reads every store and says which promises do not hold as the stores stand.
    pub(crate) async fn judge(&mut self, world: &World, members: &[&str]) -> Result<Vec<Violation>> {
        self.judge_below(&world.path(""), members).await
    }

    /// The same of stores below a home.
    pub(crate) async fn judge_below(&mut self, home: &Path, members: &[&str]) -> Result<Vec<Violation>> {
        let mut held = Vec::new();
        for name in members {
            held.push(Held::read(home, name).await?);
        }
        Ok(self.judge_all(members, &held))
    }

    /// A message in words: from whom to whom, in which lane.
    pub(crate) fn words(&self, violation: &Violation, members: &[&str]) -> String {
        let text = violation.to_string();
        let named = self.known.iter().find(|message| text.contains(&message.id.to_string()));
        let Some(message) = named else { return text };
        let recipient = message.recipient.map_or("all", |point| members[point]);
        format!("{text} ({} to {recipient}, {:?})", members[message.sender], message.lane)
    }

    /// How much has taken effect at each of these of what they sent each other.
    pub(crate) async fn effects(&self, world: &World, members: &[&str]) -> Result<Vec<usize>> {
        let mut counts = Vec::new();
        for name in members {
            let held = Held::read(&world.path(""), name).await?;
            let of_others = |taken: &&Taken| taken.sender != *name && members.contains(&taken.sender.as_str());
            counts.push(held.taken.iter().filter(|taken| taken.effective).filter(of_others).count());
        }
        Ok(counts)
    }

    fn judge_all(&mut self, members: &[&str], held: &[Held]) -> Vec<Violation> {
        let point = |name: &str| members.iter().position(|member| *member == name);
        let known: BTreeSet<MessageId> = self.known.iter().map(|message| message.id).collect();
        let mut standing = BTreeMap::new();
        for (sender, held) in held.iter().enumerate() {
            for sent in &held.sent {
                standing.insert((sender, sent.id), sent.standing);
                // What is for somebody who does not take part is nobody's to judge.
                let broadcast = sent.recipient == "all";
                if known.contains(&sent.id) || !broadcast && point(&sent.recipient).is_none() {
                    continue;
                }
                let next = u32::try_from(self.cases.len() + 1).expect("few cases");
                let case = if sent.case.is_empty() { 0 } else { *self.cases.entry(sent.case.clone()).or_insert(next) };
                self.known.push(Message {
                    id: sent.id,
                    sender,
                    recipient: point(&sent.recipient),
                    lane: Lane::from_number(sent.lane).expect("a lane"),
                    verb: Verb::Note,
                    case,
                    nonce: 0,
                    digest: short(&sent.digest),
                });
            }
        }
        let ours: BTreeSet<MessageId> = self.known.iter().map(|message| message.id).collect();
        let mut checker = Checker::default();
        checker.ledger.undone.clone_from(&self.undone);
        let blurred = self.known.iter().filter(|message| self.undone.contains(&message.sender));
        checker.ledger.blurred = blurred.map(|message| message.id).collect();
        let mut disks: Vec<Disk> = (0..members.len()).map(|point| Disk { point, ..Disk::default() }).collect();
        disks.iter_mut().for_each(|disk| checker.begin_line(disk));
        let shown: Vec<BTreeSet<MessageId>> = held.iter().map(Held::ids_shown).collect();
        // What a publisher that was put back publishes again is another message, of which nothing new comes.
        let is_shown = |recipient: Point, sender: Point, taken: &Taken| {
            !taken.is_to_be_shown || self.undone.contains(&sender) || shown[recipient].contains(&taken.id)
        };
        let effects = held.iter().enumerate().flat_map(|(recipient, held)| {
            let effective = held.taken.iter().filter(|taken| taken.effective);
            effective.filter_map(move |taken| Some((recipient, point(&taken.sender)?, taken)))
        });
        let effects = effects.filter(|(recipient, sender, taken)| is_shown(*recipient, *sender, taken));
        let effects = effects.map(|(recipient, sender, taken)| (recipient, sender, taken.id)).collect();
        let witness = Stores { standing: &standing, effects: &effects };
        let mut found: Vec<Violation> = held.iter().enumerate().flat_map(|(at, held)| of_services(at, held)).collect();
        let mut hear = |checker: &mut Checker, disk: &mut Disk, fact: Fact| {
            found.extend(checker.judge_all(disk, &[fact], &witness).err());
        };
        for message in &self.known {
            hear(&mut checker, &mut disks[message.sender], Fact::Sent(*message));
        }
        for (recipient, held) in held.iter().enumerate() {
            for taken in &held.taken {
                let Some(sender) = point(&taken.sender) else { continue };
                let is_effect = taken.effective && is_shown(recipient, sender, taken);
                hear(&mut checker, &mut disks[recipient], fact(sender, taken, is_effect));
            }
        }
        for (sender, held) in held.iter().enumerate() {
            for sent in held.sent.iter().filter(|sent| ours.contains(&sent.id)) {
                let outcome = match sent.standing {
                    Standing::Received => Outcome::Received,
                    Standing::Refused => Outcome::Refused(sent.reason),
                    _ => continue,
                };
                hear(&mut checker, &mut disks[sender], Fact::Concluded { id: sent.id, outcome });
            }
        }
        let of = |message: &Message| standing.get(&(message.sender, message.id)).copied().unwrap_or(Standing::Unknown);
        let disks: Vec<&Disk> = disks.iter().collect();
        // Nothing here gives a reason to refuse or to give up.
        found.extend(checker.conclude_all(&disks, &of, &|_, _| false, &|_| false, &|_| false));
        found
    }
}

/// What the tables of the services at one access point show by themselves: a message twice, one that was never taken,
/// and a log in another order than its side wrote it, or with a place left out.
fn of_services(point: Point, held: &Held) -> Vec<Violation> {
    let taken: BTreeSet<MessageId> = held.taken.iter().filter(|taken| taken.effective).map(|taken| taken.id).collect();
    let (mut seen, mut heads, mut found) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
    for shown in &held.shown {
        let id = shown.id;
        if !seen.insert(id) {
            found.push(Violation::Doubled { point, id });
        }
        if !taken.contains(&id) {
            found.push(Violation::Invented { point, id });
        }
        let Some(log) = &shown.log else { continue };
        let head = heads.insert(log, shown.ordinal).unwrap_or(0);
        if shown.ordinal != head + 1 {
            found.push(Violation::OutOfOrder { point, id, sequence: shown.ordinal, head });
        }
    }
    found
}

fn fact(sender: Point, taken: &Taken, is_effect: bool) -> Fact {
    if is_effect {
        let digest = short(&taken.digest);
        return Fact::Effect(Effect {
            id: taken.id,
            sender,
            broadcast: taken.broadcast,
            digest,
            sequence: taken.sequence,
        });
    }
    Fact::Position { sender, id: taken.id, refused: taken.refused.then_some(taken.outcome) }
}

fn short(digest: &[u8; 32]) -> u64 {
    let (first, _) = digest.split_at(8);
    u64::from_be_bytes(first.try_into().expect("eight bytes"))
}
