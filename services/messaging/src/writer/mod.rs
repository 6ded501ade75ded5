//! The one thread that writes the store: takes what is waiting as one group, runs it in one transaction, commits,
//! and only then answers callers and lets outputs go.
//!
//! Promises: whoever is answered, the effect is on disk; work that fails is undone alone; the queue is bounded and
//! a full one is said at once; after any failure of the store or the engine the thread ends, and everybody waiting is
//! told that the outcome is unknown. Uses no runtime: it is a plain thread over blocking SQLite.

mod handle;
#[cfg(test)]
mod tests;

use std::{
    io, mem,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;
use uuid::Uuid;

pub use handle::{CallError, Handle, Stopped};
use handle::{Doors, Item, Reply};

use crate::{
    blob::Blob,
    engine::{self, Alarm, ChannelState, Engine, Input, Output, PublishResult, RestError, SubmitError},
    message::{BlobRef, Correlation, Draft, MessageId},
    store::{Store, Tx},
};

/// Most items of a group.
const GROUP: usize = 256;

/// How long a group keeps taking more. Sixty-four callers at once fit into it: what a group has in common, pages of
/// indexes, receipts, a bundle and the disk, is then paid once.
const GROUP_TIME: Duration = Duration::from_millis(25);

/// How often the engine is told that time has passed.
const TICK: Duration = Duration::from_millis(250);

/// Where the thread touches the world. None of these may wait.
pub struct Seams {
    /// Business time.
    pub clock: Box<dyn FnMut() -> Timestamp + Send>,
    /// Takes an output for the broker, or gives it back when there is no room.
    pub outlet: Box<dyn FnMut(Output) -> Option<Output> + Send>,
    /// Tells a person.
    pub alarm: Box<dyn FnMut(Alarm) + Send>,
}

/// Why the thread ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine stopped, or its store.
    #[error("the engine stopped")]
    Engine(#[from] engine::Error),
    /// The thread could not be started.
    #[error("the writer thread could not be started")]
    Spawn(#[source] io::Error),
    /// The thread panicked: a fault of this program.
    #[error("the writer thread panicked")]
    Panicked,
}

/// What the thread drives: the engine, or a stand-in in this module's own tests.
trait Machine: Send {
    fn submit(&mut self, now: Timestamp, draft: Draft, tx: &mut Tx<'_>) -> Result<MessageId, SubmitError>;
    fn uid(&self, request_id: &str, cause: &[u8]) -> Uuid;
    fn rest(&mut self, row: &Row<'_>, body: &[u8], tx: &mut Tx<'_>) -> Result<Vec<u8>, RestError>;
    fn wake(&mut self, row: &Row<'_>, body: &[u8], tx: &mut Tx<'_>) -> Result<Option<Vec<u8>>, RestError>;
    fn blob(
        &mut self,
        sender: &AccessPointId,
        case: Option<&Correlation>,
        named: BlobRef,
        tx: &mut Tx<'_>,
    ) -> Result<Blob, RestError>;
    fn recheck(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<(), engine::Error>;
    fn erase(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<(), engine::Error>;
    fn admit(&self) -> Result<(), SubmitError>;
    fn channels(&self) -> Vec<ChannelState>;
    fn step(&mut self, now: Timestamp, input: Input, tx: &mut Tx<'_>) -> Result<(), engine::Error>;
    fn flush(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<Vec<Output>, engine::Error>;
}

impl Machine for Engine {
    fn submit(&mut self, now: Timestamp, draft: Draft, tx: &mut Tx<'_>) -> Result<MessageId, SubmitError> {
        Self::submit(self, now, draft, tx)
    }

    fn uid(&self, request_id: &str, cause: &[u8]) -> Uuid {
        Self::uid(self, request_id, cause)
    }

    fn rest(&mut self, row: &Row<'_>, body: &[u8], tx: &mut Tx<'_>) -> Result<Vec<u8>, RestError> {
        Self::rest(self, Some(row.case), row.table, row.key, body, tx)
    }

    fn wake(&mut self, row: &Row<'_>, body: &[u8], tx: &mut Tx<'_>) -> Result<Option<Vec<u8>>, RestError> {
        Self::wake(self, Some(row.case), row.table, row.key, Some(body), tx)
    }

    fn blob(
        &mut self,
        sender: &AccessPointId,
        case: Option<&Correlation>,
        named: BlobRef,
        tx: &mut Tx<'_>,
    ) -> Result<Blob, RestError> {
        Self::blob(self, sender, case, named, tx)
    }

    fn recheck(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<(), engine::Error> {
        Self::recheck(self, case, tx)
    }

    fn erase(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<(), engine::Error> {
        Self::erase(self, case, tx)
    }

    fn admit(&self) -> Result<(), SubmitError> {
        Self::disk_admits(self)
    }

    fn channels(&self) -> Vec<ChannelState> {
        Self::channels(self)
    }

    fn step(&mut self, now: Timestamp, input: Input, tx: &mut Tx<'_>) -> Result<(), engine::Error> {
        Self::step(self, now, input, tx)
    }

    fn flush(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<Vec<Output>, engine::Error> {
        Self::flush(self, now, tx)
    }
}

/// Where a body lies at rest. A body moved to another row does not open.
#[derive(Debug, Clone, Copy)]
pub struct Row<'r> {
    /// Case under whose key it lies.
    pub case: &'r Correlation,
    /// Table.
    pub table: &'static str,
    /// Key of the row.
    pub key: &'r [u8],
}

/// Sends messages from inside a call.
pub struct Submitter<'m> {
    machine: &'m mut (dyn Machine + 'm),
    now: Timestamp,
}

impl Submitter<'_> {
    /// Sends a message in the transaction of the call.
    ///
    /// # Errors
    /// [`SubmitError`] when the engine does not take it; the call must then fail as a whole.
    pub fn submit(&mut self, draft: Draft, tx: &mut Tx<'_>) -> Result<MessageId, SubmitError> {
        self.machine.submit(self.now, draft, tx)
    }

    /// The uid of something that a request makes: the same for the same cause. Like an id of a message, it begins as
    /// the request id does where that is a UUIDv7.
    #[must_use]
    pub fn uid(&self, request_id: &str, cause: &[u8]) -> Uuid {
        self.machine.uid(request_id, cause)
    }

    /// Encrypts a body for a row of a service's table, under the key of its case.
    ///
    /// # Errors
    /// [`RestError`]; the call must then fail as a whole.
    pub fn rest(&mut self, row: &Row<'_>, body: &[u8], tx: &mut Tx<'_>) -> Result<Vec<u8>, RestError> {
        self.machine.rest(row, body, tx)
    }

    /// Decrypts a body; `None` when its case was erased.
    ///
    /// # Errors
    /// [`RestError`]; the call must then fail as a whole.
    pub fn wake(&mut self, row: &Row<'_>, body: &[u8], tx: &mut Tx<'_>) -> Result<Option<Vec<u8>>, RestError> {
        self.machine.wake(row, body, tx)
    }

    /// What is held of a blob that a sender's message of a case named.
    ///
    /// # Errors
    /// [`RestError`]; the call must then fail as a whole.
    pub fn blob(
        &mut self,
        sender: &AccessPointId,
        case: Option<&Correlation>,
        named: BlobRef,
        tx: &mut Tx<'_>,
    ) -> Result<Blob, RestError> {
        self.machine.blob(sender, case, named, tx)
    }

    /// Looks again whether the unreceipted messages of a case may still go: to be called by what revokes.
    ///
    /// # Errors
    /// [`engine::Error`]; the call must then fail as a whole.
    pub fn recheck(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<(), engine::Error> {
        self.machine.recheck(case, tx)
    }

    /// Erases every stored body of a case for good.
    ///
    /// # Errors
    /// [`engine::Error`]; the call must then fail as a whole.
    pub fn erase(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<(), engine::Error> {
        self.machine.erase(case, tx)
    }

    /// Whether there is room for what callers submit, for work that stores much and sends nothing.
    ///
    /// # Errors
    /// [`SubmitError::DiskLow`]; the call must then fail as a whole.
    pub fn admit(&self) -> Result<(), SubmitError> {
        self.machine.admit()
    }

    /// Where every channel stands.
    #[must_use]
    pub fn channels(&self) -> Vec<ChannelState> {
        self.machine.channels()
    }
}

/// The running thread. Whoever holds it ends it; everybody else has a [`Handle`].
#[derive(Debug)]
pub struct Writer {
    handle: Handle,
    queue: SyncSender<Item>,
    thread: JoinHandle<Result<(), Error>>,
}

impl Writer {
    /// Starts the engine on the store, and the thread that drives it.
    ///
    /// # Errors
    /// [`Error`] when the engine cannot start or the thread cannot.
    pub fn start(mut store: Store, config: engine::Config, mut seams: Seams) -> Result<Self, Error> {
        let now = (seams.clock)();
        let engine = store.transaction(|tx| Engine::start(now, config, tx))?;
        Self::drive(store, engine, seams)
    }

    fn drive(store: Store, machine: impl Machine + 'static, seams: Seams) -> Result<Self, Error> {
        let (doors, guard) = Doors::open();
        let (queue, taken) = sync_channel(Doors::CAPACITY);
        let mut turn = Turn { store, machine, seams, queue: taken, returned: Vec::new(), ticked: Instant::now() };
        let spawned = thread::Builder::new().name("writer".to_owned()).spawn(move || {
            // Whatever ends the thread, a panic included, closes the doors.
            let _guard = guard;
            turn.run()
        });
        let thread = spawned.map_err(Error::Spawn)?;
        Ok(Self { handle: Handle::new(queue.clone(), doors), queue, thread })
    }

    /// A handle to send work by.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Finishes what is queued, ends the thread and says how it ended. Waits; not for an async task.
    ///
    /// # Errors
    /// [`Error`] when the thread had ended by itself before.
    pub fn stop(self) -> Result<(), Error> {
        // Fails only when the thread has ended already, which the join tells better.
        drop(self.queue.send(Item::Stop));
        self.thread.join().unwrap_or(Err(Error::Panicked))
    }
}

struct Turn<M> {
    store: Store,
    machine: M,
    seams: Seams,
    queue: Receiver<Item>,
    /// Answers to publishes that the outlet gave back; told to the engine in the next group.
    returned: Vec<Input>,
    ticked: Instant,
}

impl<M: Machine> Turn<M> {
    fn run(&mut self) -> Result<(), Error> {
        loop {
            let first = match self.queue.recv_timeout(TICK.saturating_sub(self.ticked.elapsed())) {
                Ok(item) => Some(item),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            if self.group(first)? {
                return Ok(());
            }
        }
    }

    /// Runs one group; true when it was the last.
    fn group(&mut self, first: Option<Item>) -> Result<bool, Error> {
        let Self { store, machine, seams, queue, returned, ticked } = self;
        let now = (seams.clock)();
        let begun = Instant::now();
        let mut replies: Vec<Reply> = Vec::new();
        let mut is_last = false;
        let outputs = store.transaction(|tx| {
            for input in mem::take(returned) {
                machine.step(now, input, tx)?;
            }
            if ticked.elapsed() >= TICK {
                *ticked = begun;
                machine.step(now, Input::Tick, tx)?;
            }
            let mut next = first;
            let mut taken = 0;
            while let Some(item) = next {
                match item {
                    Item::Input(input, place) => {
                        drop(place);
                        machine.step(now, input, tx)?;
                    }
                    Item::Call(call, place) => {
                        drop(place);
                        let mut submitter = Submitter { machine: &mut *machine, now };
                        replies.extend(call(tx, &mut submitter, now)?);
                    }
                    Item::Stop => {
                        is_last = true;
                        break;
                    }
                }
                taken += 1;
                let is_full = taken >= GROUP || begun.elapsed() >= GROUP_TIME;
                next = if is_full { None } else { queue.try_recv().ok() };
            }
            machine.flush(now, tx)
        })?;
        for reply in replies {
            reply();
        }
        for output in outputs {
            match output {
                Output::Alarm(alarm) => (seams.alarm)(alarm),
                output => {
                    if let Some(Output::Publish { token, .. }) = (seams.outlet)(output) {
                        returned.push(Input::Published { token, result: PublishResult::Unknown });
                    }
                }
            }
        }
        Ok(is_last)
    }
}
