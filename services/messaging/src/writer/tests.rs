//! The writer thread over a stand-in for the engine that writes what it is given into the store's `meta` table.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, mpsc},
    task::{Context, Waker},
};

use tokio::task::JoinSet;

use super::*;
use crate::store::{self, Location, Readers, Value};

/// What the stand-in was asked, and what it does.
#[derive(Debug, Default)]
struct Script {
    tokens: Vec<u64>,
    ticks: usize,
    flushes: usize,
    outputs: Vec<Output>,
}

#[derive(Clone, Default)]
struct Stub(Arc<Mutex<Script>>);

impl Machine for Stub {
    fn submit(&mut self, _: Timestamp, _: Draft, _: &mut Tx<'_>) -> Result<MessageId, SubmitError> {
        Ok(MessageId([0; 16]))
    }

    fn uid(&self, _: &str, _: &[u8]) -> Uuid {
        Uuid::nil()
    }

    fn rest(&mut self, _: &Row<'_>, body: &[u8], _: &mut Tx<'_>) -> Result<Vec<u8>, RestError> {
        Ok(body.to_vec())
    }

    fn wake(&mut self, _: &Row<'_>, body: &[u8], _: &mut Tx<'_>) -> Result<Option<Vec<u8>>, RestError> {
        Ok(Some(body.to_vec()))
    }

    fn blob(
        &mut self,
        _: &AccessPointId,
        _: Option<&Correlation>,
        _: BlobRef,
        _: &mut Tx<'_>,
    ) -> Result<Blob, RestError> {
        Ok(Blob::Awaited { arrived: 0 })
    }

    fn recheck(&mut self, _: &Correlation, _: &mut Tx<'_>) -> Result<(), engine::Error> {
        Ok(())
    }

    fn erase(&mut self, _: &Correlation, _: &mut Tx<'_>) -> Result<(), engine::Error> {
        Ok(())
    }

    fn admit(&self) -> Result<(), SubmitError> {
        Ok(())
    }

    fn channels(&self) -> Vec<ChannelState> {
        Vec::new()
    }

    fn step(&mut self, _: Timestamp, input: Input, _: &mut Tx<'_>) -> Result<(), engine::Error> {
        let mut script = self.0.lock().unwrap();
        match input {
            Input::Tick => script.ticks += 1,
            Input::Published { token: 666, .. } => return Err(engine::Error::Superseded),
            Input::Published { token, .. } => script.tokens.push(token),
            _ => {}
        }
        Ok(())
    }

    fn flush(&mut self, _: Timestamp, _: &mut Tx<'_>) -> Result<Vec<Output>, engine::Error> {
        let mut script = self.0.lock().unwrap();
        script.flushes += 1;
        Ok(mem::take(&mut script.outputs))
    }
}

fn published(token: u64) -> Input {
    Input::Published { token, result: PublishResult::Stored }
}

fn insert(tx: &mut Tx<'_>, name: &str) -> Result<(), store::Error> {
    tx.execute("INSERT INTO meta (name, value) VALUES ($1, $2)", &[name.into(), Value::Blob(b"")]).map(drop)
}

fn names(tx: &mut Tx<'_>) -> Result<Vec<String>, store::Error> {
    tx.query("SELECT name FROM meta ORDER BY name", &[], |row| row.text(0))
}

fn seams(outlet: impl FnMut(Output) -> Option<Output> + Send + 'static) -> Seams {
    Seams { clock: Box::new(|| Timestamp::UNIX_EPOCH), outlet: Box::new(outlet), alarm: Box::new(|_| ()) }
}

fn writer(stub: &Stub) -> Writer {
    Writer::drive(Store::scratch().unwrap(), stub.clone(), seams(|_| None)).unwrap()
}

fn is_pending(future: Pin<&mut impl Future>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

/// Holds the thread inside a call until the sender is dropped.
async fn hold(handle: &Handle) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let handle = handle.clone();
    tokio::spawn(async move {
        let waits = move |_: &mut Tx<'_>, _: &mut Submitter<'_>, _| {
            entered.send(()).unwrap();
            held.recv().unwrap_err();
            Ok::<_, store::Error>(())
        };
        drop(handle.call(waits).await);
    });
    inside.await.unwrap();
    release
}

#[tokio::test]
async fn an_answered_call_is_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::scratch(dir.path()).unwrap();
    let writer = Writer::drive(Store::open(&location).unwrap(), Stub::default(), seams(|_| None)).unwrap();
    writer.handle().call(|tx, _, _| insert(tx, "kept")).await.unwrap();
    let readers = Readers::open(&location, 1).unwrap();
    assert_eq!(readers.read(names).await.unwrap(), ["kept"]);
    writer.stop().unwrap();
}

#[tokio::test]
async fn a_call_that_fails_is_undone_alone() {
    let writer = writer(&Stub::default());
    let handle = writer.handle();
    let release = hold(&handle).await;
    let good = tokio::spawn({
        let handle = handle.clone();
        async move { handle.call(|tx, _, _| insert(tx, "good")).await }
    });
    let bad = tokio::spawn({
        let handle = handle.clone();
        async move {
            let work = |tx: &mut Tx<'_>, _: &mut Submitter<'_>, _| {
                insert(tx, "bad")?;
                Err::<(), _>(store::Error::Corrupt("on purpose"))
            };
            handle.call(work).await
        }
    });
    drop(release);
    good.await.unwrap().unwrap();
    assert!(matches!(bad.await.unwrap(), Err(CallError::Work(store::Error::Corrupt(_)))));
    assert_eq!(handle.call(|tx, _, _| names(tx)).await.unwrap(), ["good"]);
}

#[tokio::test]
async fn what_waits_shares_one_transaction() {
    let stub = Stub::default();
    let writer = writer(&stub);
    let handle = writer.handle();
    let release = hold(&handle).await;
    let before = stub.0.lock().unwrap().flushes;
    for token in 1..=100 {
        handle.input(published(token)).await.unwrap();
    }
    drop(release);
    handle.call(|tx, _, _| names(tx)).await.unwrap();
    let script = stub.0.lock().unwrap();
    assert_eq!(script.tokens, (1..=100).collect::<Vec<_>>());
    // The held call's own group may have taken some; one group each takes the others and the last call.
    assert!(script.flushes - before <= 3, "{} groups", script.flushes - before);
}

#[tokio::test]
async fn a_full_queue_is_said_at_once_and_inputs_wait() {
    let writer = writer(&Stub::default());
    let handle = writer.handle();
    let release = hold(&handle).await;
    let mut calls = JoinSet::new();
    for _ in 0..handle::CALLS + 1 {
        let handle = handle.clone();
        calls.spawn(async move { handle.call(|_, _, _| Ok::<_, store::Error>(())).await });
    }
    let first = calls.join_next().await.unwrap().unwrap();
    assert!(matches!(first, Err(CallError::Busy)));
    let mut waiting = std::pin::pin!(async {
        loop {
            handle.input(published(1)).await.unwrap();
        }
    });
    // Fills the door and is then pending.
    assert!(is_pending(waiting.as_mut()));
    drop(release);
    while let Some(answer) = calls.join_next().await {
        answer.unwrap().unwrap();
    }
}

#[tokio::test]
async fn work_of_a_caller_who_has_gone_is_not_begun() {
    let writer = writer(&Stub::default());
    let handle = writer.handle();
    let release = hold(&handle).await;
    let mut gone = Box::pin(handle.call(|tx, _, _| insert(tx, "gone")));
    assert!(is_pending(gone.as_mut()));
    drop(gone);
    drop(release);
    assert!(handle.call(|tx, _, _| names(tx)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_core_that_stops_ends_the_writer_and_commits_nothing_of_the_group() {
    let stub = Stub::default();
    let writer = writer(&stub);
    let handle = writer.handle();
    let release = hold(&handle).await;
    let caller = tokio::spawn({
        let handle = handle.clone();
        async move { handle.call(|tx, _, _| insert(tx, "lost")).await }
    });
    tokio::task::yield_now().await;
    handle.input(published(666)).await.unwrap();
    drop(release);
    assert!(matches!(caller.await.unwrap(), Err(CallError::Stopped)));
    handle.stopped().await;
    assert!(matches!(handle.call(|tx, _, _| names(tx)).await, Err(CallError::Stopped)));
    assert_eq!(handle.input(published(1)).await, Err(Stopped));
    assert!(matches!(writer.stop(), Err(Error::Engine(engine::Error::Superseded))));
}

#[tokio::test]
async fn a_panic_is_told_to_everybody() {
    let writer = writer(&Stub::default());
    let handle = writer.handle();
    let work = |_: &mut Tx<'_>, _: &mut Submitter<'_>, _| -> Result<(), store::Error> { panic!("on purpose") };
    assert!(matches!(handle.call(work).await, Err(CallError::Stopped)));
    handle.stopped().await;
    assert!(matches!(writer.stop(), Err(Error::Panicked)));
}

#[tokio::test]
async fn a_publish_that_the_outlet_gives_back_is_answered_as_unknown() {
    let stub = Stub::default();
    let writer = Writer::drive(Store::scratch().unwrap(), stub.clone(), seams(Some)).unwrap();
    let publish = |token| Output::Publish {
        kind: engine::Kind::Broadcast,
        recipient: crate::message::Recipient::All,
        bytes: Vec::new(),
        token,
    };
    stub.0.lock().unwrap().outputs = vec![Output::Acknowledge { token: 7 }, publish(8)];
    let handle = writer.handle();
    // The first ends the group that puts the outputs out, the second the group that hears of them.
    handle.call(|tx, _, _| names(tx)).await.unwrap();
    handle.call(|tx, _, _| names(tx)).await.unwrap();
    writer.stop().unwrap();
    assert_eq!(stub.0.lock().unwrap().tokens, [8]);
}

#[tokio::test]
async fn time_passes_without_work() {
    let stub = Stub::default();
    let (ticked, heard) = mpsc::channel();
    let mut ticks = seams(|_| None);
    ticks.clock = Box::new(move || {
        ticked.send(()).ok();
        Timestamp::UNIX_EPOCH
    });
    let writer = Writer::drive(Store::scratch().unwrap(), stub.clone(), ticks).unwrap();
    let waited = TICK * 8;
    heard.recv_timeout(waited).unwrap();
    heard.recv_timeout(waited).unwrap();
    writer.stop().unwrap();
    assert!(stub.0.lock().unwrap().ticks >= 1);
}
