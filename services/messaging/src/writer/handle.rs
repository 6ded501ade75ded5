//! The way to the writer thread: bounded doors, one for calls, which are turned away when it is full, and one for
//! inputs, which wait, so that the broker keeps what there is no room for.

use std::sync::{Arc, mpsc::SyncSender};

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::Submitter;
use crate::{
    engine::Input,
    store::{self, Tx},
};

/// Calls that may wait.
pub(super) const CALLS: usize = 1024;

/// Inputs that may wait.
const INPUTS: usize = 128;

/// Tells a caller, after the commit.
pub(super) type Reply = Box<dyn FnOnce() + Send>;

/// A call: runs in a savepoint of its own. An error is the store's and ends the thread; nothing is returned when
/// nobody waits for an answer any more.
pub(super) type Call =
    Box<dyn FnOnce(&mut Tx<'_>, &mut Submitter<'_>, Timestamp) -> Result<Option<Reply>, store::Error> + Send>;

/// What waits for the thread, with its place in the queue, which is free again once the item is taken.
pub(super) enum Item {
    Input(Input, OwnedSemaphorePermit),
    Call(Call, OwnedSemaphorePermit),
    Stop,
}

/// The bounds of the queue, shared with the thread so that it can close them.
#[derive(Debug, Clone)]
pub(super) struct Doors {
    calls: Arc<Semaphore>,
    inputs: Arc<Semaphore>,
    open: watch::Receiver<()>,
}

/// Closes the doors when the thread ends, however it ends.
pub(super) struct Guard {
    calls: Arc<Semaphore>,
    inputs: Arc<Semaphore>,
    _open: watch::Sender<()>,
}

impl Doors {
    /// One place more than both doors let in, for the word to stop.
    pub(super) const CAPACITY: usize = CALLS + INPUTS + 1;

    pub(super) fn open() -> (Self, Guard) {
        let (calls, inputs) = (Arc::new(Semaphore::new(CALLS)), Arc::new(Semaphore::new(INPUTS)));
        let (sender, open) = watch::channel(());
        let guard = Guard { calls: Arc::clone(&calls), inputs: Arc::clone(&inputs), _open: sender };
        (Self { calls, inputs, open }, guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.calls.close();
        self.inputs.close();
    }
}

/// The writer thread has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the writer has stopped")]
pub struct Stopped;

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The work failed and was undone.
    #[error(transparent)]
    Work(E),
    /// The queue is full; nothing was done. Worth repeating after a pause.
    #[error("too many calls are waiting")]
    Busy,
    /// The writer ended first. Whether the work was done is unknown; repeating it with the same request id is safe.
    #[error("the writer has stopped")]
    Stopped,
}

impl<E> From<Stopped> for CallError<E> {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Work undone in its savepoint, kept apart from a savepoint that itself failed.
enum Undone<E> {
    Work(E),
    Store(store::Error),
}

impl<E> From<store::Error> for Undone<E> {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

/// Sends work to the writer thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    queue: SyncSender<Item>,
    doors: Doors,
}

impl Handle {
    pub(super) fn new(queue: SyncSender<Item>, doors: Doors) -> Self {
        Self { queue, doors }
    }

    /// Runs work in a savepoint of the next transaction and answers once that is on disk. Work of a caller who has
    /// gone is not begun. The work must not wait for anything.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>, &mut Submitter<'_>, Timestamp) -> Result<T, E> + Send + 'static,
    ) -> Result<T, CallError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let place = Arc::clone(&self.doors.calls).try_acquire_owned().map_err(|error| match error {
            tokio::sync::TryAcquireError::NoPermits => CallError::Busy,
            tokio::sync::TryAcquireError::Closed => CallError::Stopped,
        })?;
        let (answer, answered) = oneshot::channel();
        let call: Call = Box::new(move |tx, submitter, now| {
            if answer.is_closed() {
                return Ok(None);
            }
            let result = match tx.savepoint(|tx| work(tx, submitter, now).map_err(Undone::Work)) {
                Ok(done) => Ok(done),
                Err(Undone::Work(error)) => Err(error),
                Err(Undone::Store(error)) => return Err(error),
            };
            // Fails only when the caller has gone meanwhile.
            Ok(Some(Box::new(move || drop(answer.send(result)))))
        });
        self.send(Item::Call(call, place))?;
        match answered.await {
            Ok(result) => result.map_err(CallError::Work),
            Err(_) => Err(CallError::Stopped),
        }
    }

    /// Gives the engine an input, waiting for room.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn input(&self, input: Input) -> Result<(), Stopped> {
        let place = Arc::clone(&self.doors.inputs).acquire_owned().await.map_err(|_| Stopped)?;
        self.send(Item::Input(input, place))
    }

    /// Waits until the thread has ended.
    pub async fn stopped(&self) {
        let mut open = self.doors.open.clone();
        while open.changed().await.is_ok() {}
    }

    fn send(&self, item: Item) -> Result<(), Stopped> {
        // Never full: whoever comes here has a place.
        self.queue.try_send(item).map_err(|_| Stopped)
    }
}
