//! Where the connection to the broker stands, for the tasks of the transport and for whoever watches it.

use std::{collections::BTreeSet, fmt};

use tokio::sync::watch;

use super::Queue;

/// The oldest server that is talked to: older ones have published faults.
pub const MINIMUM_SERVER: Version = Version { major: 2, minor: 14, patch: 3, released: true };

/// A version of nats-server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
    // Last, so that a pre-release sorts before its release.
    released: bool,
}

impl Version {
    /// Reads `2.15.1` or `2.15.1-RC.1`, or nothing when it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (numbers, released) = match text.split_once('-') {
            Some((numbers, _)) => (numbers, false),
            None => (text, true),
        };
        let mut numbers = numbers.split('.').map(|number| number.parse().ok());
        let (major, minor, patch) = (numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(Self { major, minor, patch, released })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.released { "" } else { "-pre" };
        write!(f, "{}.{}.{}{mark}", self.major, self.minor, self.patch)
    }
}

/// Where the transport stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No connection; it is being tried for as long as it takes.
    Disconnected,
    /// Connected, and no own consumer is known to be missing.
    Connected {
        /// Version of the server.
        server: Version,
    },
    /// Connected, but the broker lacks an own stream or consumer, for instance because it lost its disk. The
    /// operator provisions again; until then it is asked for every second.
    StreamsMissing {
        /// Version of the server.
        server: Version,
    },
    /// Connected to a server older than [`MINIMUM_SERVER`], or of an unreadable version. Nothing is exchanged.
    Unsupported {
        /// Version of the server, if it could be read.
        server: Option<Version>,
    },
}

#[derive(Debug, Default)]
struct Facts {
    /// Counts connections, so that whoever waits on one notices that it is another.
    generation: u64,
    connected: bool,
    server: Option<Version>,
    missing: BTreeSet<Queue>,
}

impl Facts {
    fn state(&self) -> State {
        match (self.connected, self.server) {
            (false, _) => State::Disconnected,
            (true, Some(server)) if server >= MINIMUM_SERVER => {
                if self.missing.is_empty() {
                    State::Connected { server }
                } else {
                    State::StreamsMissing { server }
                }
            }
            (true, server) => State::Unsupported { server },
        }
    }

    fn is_usable(&self) -> bool {
        matches!(self.state(), State::Connected { .. } | State::StreamsMissing { .. })
    }
}

/// Where the tasks write what they know, and read what they need.
#[derive(Debug)]
pub(super) struct Board {
    facts: watch::Sender<Facts>,
    state: watch::Sender<State>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self { facts: watch::Sender::default(), state: watch::Sender::new(State::Disconnected) }
    }

    pub(super) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(super) fn connected(&self, server: Option<Version>) {
        self.change(|facts| {
            facts.generation += 1;
            facts.connected = true;
            facts.server = server;
            facts.missing.clear();
        });
    }

    pub(super) fn disconnected(&self) {
        self.change(|facts| facts.connected = false);
    }

    pub(super) fn missing(&self, queue: Queue, is_missing: bool) {
        let known = self.facts.borrow().missing.contains(&queue);
        if known != is_missing {
            self.change(|facts| {
                if is_missing {
                    facts.missing.insert(queue);
                } else {
                    facts.missing.remove(&queue);
                }
            });
        }
    }

    /// Whether something can be sent now.
    pub(super) fn is_usable(&self) -> bool {
        self.facts.borrow().is_usable()
    }

    /// Waits for a connection that can be used and says which it is.
    pub(super) async fn usable(&self) -> u64 {
        let mut facts = self.facts.subscribe();
        let found = facts.wait_for(Facts::is_usable).await.ok().map(|facts| facts.generation);
        match found {
            Some(generation) => generation,
            // The sender is this board.
            None => std::future::pending().await,
        }
    }

    /// Waits until that connection is no longer the one in use.
    pub(super) async fn ended(&self, generation: u64) {
        let ended = |facts: &Facts| facts.generation != generation || !facts.is_usable();
        drop(self.facts.subscribe().wait_for(ended).await);
    }

    fn change(&self, change: impl FnOnce(&mut Facts)) {
        // The state is written under the lock of the facts, so that an older one never follows a newer one.
        self.facts.send_modify(|facts| {
            change(facts);
            let new = facts.state();
            self.state.send_if_modified(|state| std::mem::replace(state, new) != new);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn versions_are_ordered_as_they_were_released() {
        let ascending = ["2.9.10", "2.14.2", "2.14.3-RC.1", "2.14.3", "2.15.0-dev", "2.15.1", "3.0.0"];
        assert!(ascending.map(version).is_sorted());
        assert!(version("2.14.3") >= MINIMUM_SERVER && version("2.14.3-RC.1") < MINIMUM_SERVER);
    }

    #[test]
    fn other_texts_are_no_versions() {
        for text in ["", "2.14", "2.14.3.1", "2.x.3", "latest"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_old_or_nameless_server_is_not_used() {
        let board = Board::new();
        for old in [None, Some(version("2.14.2"))] {
            board.connected(old);
            assert_eq!(*board.watch().borrow(), State::Unsupported { server: old });
            assert!(!board.is_usable());
        }
    }

    #[test]
    fn a_missing_queue_shows_until_it_is_found_or_the_connection_is_another() {
        let board = Board::new();
        let server = version("2.15.1");
        board.connected(Some(server));
        board.missing(Queue::Bulk, true);
        assert_eq!(*board.watch().borrow(), State::StreamsMissing { server });
        assert!(board.is_usable());
        board.missing(Queue::Bulk, false);
        assert_eq!(*board.watch().borrow(), State::Connected { server });
        board.missing(Queue::Bulk, true);
        board.connected(Some(server));
        assert_eq!(*board.watch().borrow(), State::Connected { server });
        board.disconnected();
        assert_eq!(*board.watch().borrow(), State::Disconnected);
    }
}
