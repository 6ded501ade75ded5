//! The transport: carries the engine's outputs to the broker and the broker's deliveries to the engine.
//!
//! Promises that memory is bounded, that every publish is answered exactly once (by the broker, or `Unknown` when it
//! does not), and that it goes on by itself whenever the broker comes back, with or without its disk. Whatever it
//! sheds is counted. Makes no stream and no consumer.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, Event, ServerError};
use nhipcau_domain::id::AccessPointId;
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{interval, timeout},
};

use super::{
    Connection, Counters, Error, Queue, Renewal, State, Subject, Version,
    acknowledgement::{ACKNOWLEDGEMENT, Unacknowledged},
    login::Secret,
    publish::{self, InFlight},
    pull, signal,
    state::Board,
};
use crate::engine::{Input, Output};

/// Inputs that wait for the engine. Few: the broker keeps the rest.
const INPUTS: usize = 32;

/// Outputs that wait for the connection.
const OUTPUTS: usize = 1024;

/// How long one message may wait for the socket.
const SEND_WITHIN: Duration = Duration::from_secs(2);

/// How often deadlines are looked at.
const HOUSEKEEPING: Duration = Duration::from_millis(500);

/// What the tasks of a transport share.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) me: AccessPointId,
    pub(super) client: Client,
    pub(super) board: Arc<Board>,
    pub(super) counters: Arc<Counters>,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) unacknowledged: Unacknowledged,
    pub(super) in_flight: InFlight,
}

impl Line {
    /// Gives a message to the client; false when it has no room for too long.
    pub(super) async fn send(&self, subject: String, reply: Option<String>, bytes: Vec<u8>) -> bool {
        let sent = async {
            match reply {
                Some(reply) => self.client.publish_with_reply(subject, reply, bytes.into()).await,
                None => self.client.publish(subject, bytes.into()).await,
            }
        };
        matches!(timeout(SEND_WITHIN, sent).await, Ok(Ok(())))
    }

    /// Acknowledges a delivery.
    pub(super) async fn acknowledge(&self, reply: async_nats::Subject) {
        let sent = self.client.publish(reply, ACKNOWLEDGEMENT.into());
        match timeout(SEND_WITHIN, sent).await {
            Ok(Ok(())) => self.counters.acknowledged(),
            _ => self.counters.shed(),
        }
    }

    async fn carry_out(&self, output: Output) {
        match output {
            Output::Publish { kind, recipient, bytes, token } => {
                let subject = Subject::kept(kind, &recipient, &self.me);
                let Some(subject) = subject.filter(|_| self.board.is_usable()) else {
                    self.counters.shed();
                    publish::give_up(self, vec![token]).await;
                    return;
                };
                let reply = self.in_flight.note(token, bytes.len()).await;
                if !self.send(subject.to_string(), Some(reply.clone()), bytes).await {
                    publish::give_up(self, self.in_flight.take(&reply).into_iter().collect()).await;
                }
            }
            Output::Signal { recipient, bytes } => {
                let subject = Subject::Signal { recipient, sender: self.me.clone() };
                if !(self.board.is_usable() && self.send(subject.to_string(), None, bytes).await) {
                    self.counters.shed();
                }
            }
            Output::Acknowledge { token } => {
                if let Some(reply) = self.unacknowledged.take(token) {
                    self.acknowledge(reply).await;
                }
            }
            // Not for the broker; an outlet does not take them.
            Output::Alarm(_) => {}
        }
    }
}

/// Where the engine's outputs go. Never waits.
#[derive(Debug, Clone)]
pub struct Outlet {
    outputs: mpsc::Sender<Output>,
    counters: Arc<Counters>,
}

impl Outlet {
    /// Takes an output to be carried out, or gives it back: alarms, which are for a person, and whatever there is no
    /// room for. A publish given back was not sent.
    pub fn offer(&self, output: Output) -> Option<Output> {
        if matches!(output, Output::Alarm(_)) {
            return Some(output);
        }
        let refused = self.outputs.try_send(output).err()?;
        self.counters.shed();
        Some(refused.into_inner())
    }
}

/// The connection of one access point to the broker.
#[derive(Debug)]
pub struct Transport {
    line: Arc<Line>,
    renewal: Renewal,
    outlet: Outlet,
    stop: watch::Sender<bool>,
    pulls: JoinSet<()>,
    others: JoinSet<()>,
    outputs: JoinHandle<()>,
}

impl Transport {
    /// Starts to connect and returns at once; the inputs go to the engine, in order. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Error`] when the login cannot be read or an address is none. That the broker cannot be reached is a
    /// [`State`], not an error.
    pub async fn start(me: AccessPointId, connection: &Connection) -> Result<(Self, mpsc::Receiver<Input>), Error> {
        let counters = Arc::new(Counters::default());
        let board = Arc::new(Board::new());
        let links = watch::Sender::new((0, false));
        let heard = links.subscribe();
        let secret = Secret::read(connection.credential.file()).await?;
        let client = {
            let counters = Arc::clone(&counters);
            connection.keep(&secret, move |event| hear(&event, &counters, &links)).await?
        };
        let renewal = Renewal { connection: connection.clone(), secret, client: client.clone() };
        let (inputs, received) = mpsc::channel(INPUTS);
        let in_flight = InFlight::new(client.new_inbox());
        let line = Arc::new(Line {
            me,
            client,
            board,
            counters: Arc::clone(&counters),
            inputs,
            unacknowledged: Unacknowledged::default(),
            in_flight,
        });
        let (outputs, queued) = mpsc::channel(OUTPUTS);
        let (stop, stopped) = watch::channel(false);
        let mut pulls = JoinSet::new();
        for queue in Queue::ALL {
            pulls.spawn(pull::run(Arc::clone(&line), queue));
        }
        pulls.spawn(signal::run(Arc::clone(&line)));
        let mut others = JoinSet::new();
        others.spawn(publish::run(Arc::clone(&line)));
        others.spawn(follow(Arc::clone(&line), heard));
        others.spawn(keep_house(Arc::clone(&line)));
        let carrier = tokio::spawn(carry(Arc::clone(&line), queued, stopped));
        let outlet = Outlet { outputs, counters };
        Ok((Self { line, renewal, outlet, stop, pulls, others, outputs: carrier }, received))
    }

    /// Where outputs go.
    #[must_use]
    pub fn outlet(&self) -> Outlet {
        self.outlet.clone()
    }

    /// Where the transport stands, and every change of it.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.line.board.watch()
    }

    /// Renews the login.
    #[must_use]
    pub fn renewal(&self) -> Renewal {
        self.renewal.clone()
    }

    /// What it counts.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.line.counters)
    }

    /// Stops taking deliveries and signals in. What was pulled and not handed on, the broker delivers again.
    pub async fn quiesce(&mut self) {
        self.pulls.shutdown().await;
    }

    /// Ends: stops taking in, carries out what was offered, waits for the broker's answers, and closes the connection,
    /// all within the time given.
    pub async fn shutdown(mut self, within: Duration) {
        self.quiesce().await;
        self.stop.send_replace(true);
        let outputs = &mut self.outputs;
        let Line { client, in_flight, .. } = &*self.line;
        let ended = timeout(within, async {
            let carried = outputs.await;
            // A flush ends at the socket: closed while it has something to read, it takes what the broker has not read.
            in_flight.settled().await;
            (carried.is_ok(), client.flush().await.is_ok(), client.drain().await.is_ok())
        });
        if !matches!(ended.await, Ok((true, true, true))) {
            tracing::info!("The connection to the broker was closed before everything was sent.");
        }
        self.outputs.abort();
        self.others.shutdown().await;
    }
}

/// Takes note of what the client says. Runs inside the client and must not wait.
fn hear(event: &Event, counters: &Counters, links: &watch::Sender<(u64, bool)>) {
    match event {
        Event::Connected => links.send_modify(|(connections, up)| {
            *connections += 1;
            *up = true;
        }),
        Event::Disconnected | Event::Closed => links.send_modify(|(_, up)| *up = false),
        Event::SlowConsumer(_) => counters.slow(),
        Event::ServerError(ServerError::Other(text)) if is_denial(text) => {
            counters.denied();
            tracing::warn!(error = text, "The broker denied a request; its permissions may be out of date.");
        }
        Event::ServerError(error) => tracing::warn!(%error, "The broker reported an error."),
        Event::ClientError(error) => tracing::debug!(%error, "The connection to the broker failed."),
        Event::LameDuckMode | Event::Draining => {}
    }
}

fn is_denial(text: &str) -> bool {
    text.to_ascii_lowercase().starts_with("permissions violation")
}

/// Keeps the board in step with the connection.
async fn follow(line: Arc<Line>, mut links: watch::Receiver<(u64, bool)>) {
    while links.changed().await.is_ok() {
        let (connection, is_up) = *links.borrow_and_update();
        // What was published on an earlier connection is answered no more.
        line.board.disconnected();
        publish::give_up(&line, line.in_flight.abandon()).await;
        if is_up {
            // The client knows the version of the new server only once its handler has had a turn.
            let turn = tokio::select! {
                turn = line.client.flush() => turn.is_ok(),
                _ = links.changed() => {
                    links.mark_changed();
                    false
                }
            };
            if turn && *links.borrow() == (connection, true) {
                let server = line.client.try_server_info().and_then(|info| Version::parse(&info.version));
                line.counters.connected();
                line.board.connected(server);
            }
        }
        tracing::debug!(state = ?*line.board.watch().borrow(), "The connection to the broker changed.");
    }
}

async fn keep_house(line: Arc<Line>) {
    let mut ticks = interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        for _ in 0..line.unacknowledged.lapse() {
            line.counters.lapsed();
        }
        publish::give_up(&line, line.in_flight.overdue()).await;
    }
}

/// Carries outputs out until told to stop, and then those that wait.
async fn carry(line: Arc<Line>, mut outputs: mpsc::Receiver<Output>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            output = outputs.recv() => match output {
                Some(output) => line.carry_out(output).await,
                None => return,
            },
            () = async { drop(stop.wait_for(|stopped| *stopped).await) } => break,
        }
    }
    while let Ok(output) = outputs.try_recv() {
        line.carry_out(output).await;
    }
}
