//! An access point that has just started and hears what arrives: a store in memory and the unchanged engine, with the
//! service of the simulation behind it.

use jiff::{SignedDuration, Timestamp};
use nhipcau_messaging::engine::{Input, Kind, Output};
use nhipcau_sim::{
    adapter::{Commit, Node, Start, Work},
    directory::access_point,
    history::Fact,
    prng::Prng,
};

use crate::programme::{ME, PEER, now, programme};

/// Most bytes that one thing that arrived may set off, besides what is as large as itself.
const SET_OFF: usize = 64 * 1024;

/// The process that reads.
pub(crate) struct Listener {
    node: Node,
    time: Timestamp,
    token: u64,
    /// The last status that it sent its peer, if it did.
    pub(crate) said: Option<Vec<u8>>,
}

impl Listener {
    /// Starts, and waits until it takes what arrives although nobody has spoken.
    pub(crate) fn start() -> Self {
        let keys = programme().key_ring(ME, 0);
        let start = Start {
            point: ME,
            points: 2,
            number: 1,
            keys,
            release: programme().release(0).clone(),
            minor: 1,
            entropy: Prng::new(1),
        };
        let node = Node::start(now(), None, start).expect("a new process starts");
        let mut listener = Self { node, time: now(), token: 0, said: None };
        listener.group(Vec::new(), 0);
        listener.time += SignedDuration::from_secs(11);
        listener.group(vec![Work::Input(Input::Tick)], 0);
        listener
    }

    /// Hands over what the broker delivers on a subject of the peer. Gives the effects that it had.
    pub(crate) fn deliver(&mut self, kind: Kind, bytes: &[u8]) -> usize {
        self.token += 1;
        let input = Input::Delivery { kind, sender: access_point(PEER), bytes: bytes.to_vec(), token: self.token };
        let commit = self.group(vec![Work::Input(input)], bytes.len());
        commit.facts.iter().filter(|fact| matches!(fact, Fact::Effect(_))).count()
    }

    /// Hands over a signal on the peer's subject.
    pub(crate) fn signal(&mut self, bytes: &[u8]) {
        let input = Input::Signal { sender: access_point(PEER), bytes: bytes.to_vec() };
        self.group(vec![Work::Input(input)], bytes.len());
    }

    /// Lets time go by, so that what was put off is done.
    pub(crate) fn wait(&mut self) {
        for seconds in [1, 60, 3_600] {
            self.time += SignedDuration::from_secs(seconds);
            self.group(vec![Work::Input(Input::Tick)], 0);
        }
    }

    /// The store as a disk would hold it.
    pub(crate) fn image(&mut self) -> Vec<u8> {
        self.node.image()
    }

    fn group(&mut self, work: Vec<Work>, given: usize) -> Commit {
        let commit = self.node.group(self.time, work, false).expect("nothing that arrives ends the process");
        let mut bytes = 0;
        for output in &commit.outputs {
            bytes += match output {
                Output::Publish { bytes, .. } => bytes.len(),
                Output::Signal { recipient, bytes } => {
                    if *recipient == access_point(PEER) {
                        self.said = Some(bytes.clone());
                    }
                    bytes.len()
                }
                Output::Acknowledge { .. } | Output::Alarm(_) => 0,
            };
        }
        let bound = SET_OFF + 4 * given;
        assert!(
            bytes <= bound && commit.outputs.len() <= 64,
            "{given} bytes set off {bytes} in {}",
            commit.outputs.len()
        );
        commit
    }
}
