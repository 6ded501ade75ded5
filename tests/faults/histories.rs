//! The histories of real stores, brought before the judge of the simulation: what each access point accepted to send,
//! what took effect at each, and what each learned of its own.
//!
//! The simulation's checker hears of every commit as it happens; here it hears at once what a store says it did, in
//! the store's own order. So it finds what is lost, doubled, invented, at the wrong place, out of order, or receipted
//! without an effect; it cannot find what was wrong for a moment and is right again.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use nhipcau_messaging::{
    message::{Lane, MessageId, Outcome, RefusalReason},
    store::{Error, Readers, Row, Tx},
};
use nhipcau_sim::{
    Point,
    checker::{Checker, Standing, Violation, Witness},
    history::{Disk, Effect, Fact, Message},
    payload::Verb,
};
use nhipcau_tests::world::World;

/// A message as the store of its sender holds it.
struct Sent {
    id: MessageId,
    recipient: String,
    lane: i64,
    case: Vec<u8>,
    digest: [u8; 32],
    standing: Standing,
    reason: RefusalReason,
}

/// A position as the store of its recipient holds it.
struct Taken {
    sender: String,
    broadcast: bool,
    sequence: u64,
    id: MessageId,
    digest: [u8; 32],
    outcome: RefusalReason,
    refused: bool,
    effective: bool,
}

/// What one store holds.
struct Held {
    sent: Vec<Sent>,
    taken: Vec<Taken>,
}

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
        let mut held = Vec::new();
        for name in members {
            let path = world.path(name).join("store/store.db");
            let store = Readers::open(&path, 1)?;
            held.push(store.read(read).await.with_context(|| format!("the store of {name}"))?);
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
            let store = Readers::open(&world.path(name).join("store/store.db"), 1)?;
            let held = store.read(read).await?;
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
        let effects = held.iter().enumerate().flat_map(|(recipient, held)| {
            let effective = held.taken.iter().filter(|taken| taken.effective);
            effective.filter_map(move |taken| Some((recipient, point(&taken.sender)?, taken.id)))
        });
        let witness = Stores { standing: &standing, effects: &effects.collect() };
        let mut found = Vec::new();
        let mut hear = |checker: &mut Checker, disk: &mut Disk, fact: Fact| {
            found.extend(checker.judge_all(disk, &[fact], &witness).err());
        };
        for message in &self.known {
            hear(&mut checker, &mut disks[message.sender], Fact::Sent(*message));
        }
        for (recipient, held) in held.iter().enumerate() {
            for taken in &held.taken {
                let Some(sender) = point(&taken.sender) else { continue };
                hear(&mut checker, &mut disks[recipient], fact(sender, taken));
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
        found.extend(checker.conclude(&disks, &of, &|_, _| false, &|_| false, &|_| false).err());
        found
    }
}

fn fact(sender: Point, taken: &Taken) -> Fact {
    if taken.effective {
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

fn read(tx: &mut Tx<'_>) -> Result<Held, Error> {
    let sent = "SELECT id, recipient, lane, correlation, draft_digest, state, reason FROM outbox ORDER BY serial";
    let sent = tx.query(sent, &[], |row| {
        Ok(Sent {
            id: MessageId(row.array(0)?),
            recipient: row.text(1)?,
            lane: row.int(2)?,
            case: row.blob(3)?,
            digest: row.array(4)?,
            standing: match row.int(5)? {
                2 => Standing::Received,
                3 => Standing::Refused,
                5 => Standing::GivenUp,
                _ => Standing::Open,
            },
            reason: reason(row, 6)?,
        })
    })?;
    let taken = "SELECT sender, recipient, sequence, id, content_digest, outcome, spent FROM received \
                 WHERE branch = 0 OR spent > 0 ORDER BY rowid";
    let taken = tx.query(taken, &[], |row| {
        let refused = row.int(5)? != 0;
        Ok(Taken {
            sender: row.text(0)?,
            broadcast: row.text(1)? == "all",
            sequence: row.number(2)?,
            id: MessageId(row.array(3)?),
            digest: row.array(4)?,
            outcome: reason(row, 5)?,
            refused,
            effective: !refused && row.int(6)? > 0,
        })
    })?;
    Ok(Held { sent, taken })
}

fn reason(row: &Row<'_>, column: usize) -> Result<RefusalReason, Error> {
    let number = i32::try_from(row.int(column)?).unwrap_or(i32::MAX);
    Ok(RefusalReason::try_from(number).unwrap_or(RefusalReason::Unspecified))
}
