//! An access point put together: its lock, store, keys and directory, the writer with its engine, the transport to the
//! broker and the readers.
//!
//! `load → start → quiesce → stop`. Loading says what is wrong before anything runs; services learn the release from
//! it and bring their tables and handlers to the start. Stopping is bounded, finishes what callers were promised, and
//! leaves nothing that the next start, which is a recovery like every start, could not take up.

mod alarm;
mod disk;
mod place;
mod reload;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    fs::File,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

pub use alarm::{Alarms, Raised, reason};
pub(crate) use disk::Disk;
use disk::Room;
use nhipcau_domain::{directory::Release, id::AccessPointId};
use nhipcau_messaging::{
    SystemEntropy,
    engine::{self, Alarm, Input},
    handler::Handler,
    keys::KeyRing,
    nats::{self, State, Transport},
    reconcile::{self, Reconciler},
    store::{self, Location, Readers, Store},
    writer::{self, Handle, Seams, Writer},
};
pub use place::{Place, location};
use prometheus_client::registry::Registry;
pub use reload::Reloader;
use tokio::{
    sync::{mpsc, watch},
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use crate::{
    clock::Clock,
    config::{self, Config},
    directory,
    distribution::{self, Arrival, Courier},
    keys,
    metrics::{self, Broker, Distribution, Free, Reconciliation},
    operations::Door,
    private_file,
    traced::Traced,
};

/// How long the end waits for a broker that cannot be reached.
const WITHOUT_BROKER: Duration = Duration::from_millis(100);

/// Why an access point does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has this store.
    #[error("another process runs on this store")]
    InUse,
    /// The directory of the store cannot be used.
    #[error("the directory of the store cannot be used")]
    Home(#[source] io::Error),
    /// The file with the password for the store cannot be used.
    #[error("the password for the store")]
    Password(#[source] private_file::Error),
    /// The keys cannot be used.
    #[error("the keys cannot be used")]
    Keys(#[from] keys::Error),
    /// The start counter cannot be raised.
    #[error("the start counter cannot be raised")]
    Start(#[from] keys::StartError),
    /// The directory cannot be used.
    #[error("the directory cannot be used")]
    Directory(#[from] directory::Error),
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] store::Error),
    /// The writer does not start.
    #[error("the writer does not start")]
    Writer(#[from] writer::Error),
    /// The writer has ended by itself.
    #[error("the writer has ended")]
    Stopped(#[from] writer::Stopped),
    /// The login at the broker cannot be used.
    #[error("the login at the broker cannot be used")]
    Broker(#[from] nats::Error),
}

/// What a service brings along.
#[derive(Default)]
pub struct Part {
    /// Its tables: idempotent DDL.
    pub tables: Vec<&'static str>,
    /// Its side of messaging, one handler a contract.
    pub handlers: Vec<Box<dyn Handler>>,
}

/// An access point whose files were found good; nothing runs yet.
pub struct Loaded {
    id: AccessPointId,
    config: Config,
    clock: Clock,
    keys: KeyRing,
    start: keys::Start,
    store: Store,
    location: Location,
    releases: watch::Sender<Arc<Release>>,
    lock: Option<File>,
}

impl Loaded {
    /// Takes the place, reads keys and directory, opens the store and raises the start counter.
    ///
    /// # Errors
    /// [`Error`]; nothing has been sent or signed.
    pub fn load(config: &Config, clock: &Clock) -> Result<Self, Error> {
        Self::load_in(Place::take(&config.store)?, config, clock)
    }

    /// The same in a place that was taken.
    ///
    /// # Errors
    /// [`Error`]; nothing has been sent or signed.
    pub fn load_in(place: Place, config: &Config, clock: &Clock) -> Result<Self, Error> {
        let keys = keys::load(&config.keys.directory, &config.keys.kek)?;
        // Before anything is raised or opened, so that a refused first start does not make the second one trust.
        let was_started = keys::was_started(&config.keys.directory);
        let release = directory::load(&config.directory, clock.now(), was_started)?;
        let location = location(&config.store)?;
        let (mut store, lock) = place.open()?;
        // Rises each time the store is opened.
        let opened = store.transaction(|tx| tx.query_one("SELECT value FROM fence", &[], |row| row.number(0)))?;
        let start = keys::next_start(&config.keys.directory, opened.unwrap_or_default())?;
        tracing::info!(access_point = %config.access_point, start = start.number, release = release.version(), "Files were read.");
        Ok(Self {
            id: config.access_point.clone(),
            config: config.clone(),
            clock: clock.clone(),
            keys,
            start,
            store,
            location,
            releases: watch::Sender::new(Arc::new(release)),
            lock,
        })
    }

    /// The release in use, and every later one.
    #[must_use]
    pub fn releases(&self) -> watch::Receiver<Arc<Release>> {
        self.releases.subscribe()
    }

    /// Starts the engine with the parts, and the transport. Does not wait for the broker.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn start(self, parts: Vec<Part>, registry: &mut Registry) -> Result<AccessPoint, Error> {
        let Self { id, config, clock, keys, start, mut store, location, releases, lock } = self;
        let mut handlers: Vec<Box<dyn Handler>> = Vec::new();
        for part in parts {
            part.tables.into_iter().try_for_each(|tables| store.add_tables(tables))?;
            handlers.extend(part.handlers.into_iter().map(|handler| Box::new(Traced(handler)) as Box<dyn Handler>));
        }
        let contracts = handlers.iter().map(|handler| (handler.contract().clone(), handler.minor())).collect();
        let signing = keys::signing(&config.keys.directory)?;
        let (transport, inputs) = Transport::start(id.clone(), &config.broker).await?;
        registry.register_collector(Box::new(Broker(transport.counters())));
        let alarms = Alarms::default();
        let counter = metrics::Alarms::register(registry);
        let outlet = transport.outlet();
        let (courier, arrivals) = Courier::open(distribution::Seams {
            access_point: id.clone(),
            config: config.directory.clone(),
            releases: releases.subscribe(),
            // A signal without room is lost like any other; whoever asks repeats the question.
            outlet: Box::new(move |output| drop(outlet.offer(output))),
            alarm: alarms.seam(clock.clone(), counter.clone()),
            pace: distribution::Pace::default(),
        });
        registry.register_collector(Box::new(Distribution(courier.clone())));
        let (outlet, diverting, now) = (transport.outlet(), courier.clone(), clock.clone());
        let seams = Seams {
            clock: Box::new(move || now.now()),
            outlet: Box::new(move |output| diverting.divert(output).and_then(|output| outlet.offer(output))),
            alarm: alarms.seam(clock.clone(), counter.clone()),
        };
        let release = Arc::clone(&releases.borrow());
        let engine = engine::Config {
            access_point: id.clone(),
            start: start.number,
            is_put_back: start.is_put_back,
            keys,
            release,
            handlers,
            entropy: Box::new(SystemEntropy),
            limits: config.outbox,
        };
        let writer = spawn_blocking(move || Writer::start(store, engine, seams));
        let writer = writer.await.map_err(|_| writer::Error::Panicked)??;
        let connections = config.store.readers;
        let readers = spawn_blocking(move || Readers::open(&location, connections));
        let readers = readers.await.map_err(|_| store::Error::Ended)??;
        let (outlet, now) = (transport.outlet(), clock.clone());
        let reconciler = Reconciler::open(reconcile::Seams {
            access_point: id.clone(),
            signing,
            releases: releases.subscribe(),
            readers: readers.clone(),
            clock: Box::new(move || now.now()),
            outlet: Box::new(move |output| drop(outlet.offer(output))),
        });
        registry.register_collector(Box::new(Reconciliation(reconciler.clone())));
        let (room, seen) = watch::channel(Room::Enough);
        let mut beside = JoinSet::new();
        beside.spawn(pump(inputs, courier, reconciler.clone(), seen, writer.handle()));
        // A server looks after its own disk.
        if config.store.server.is_none() {
            let disk = Disk::below(&config.store.path);
            registry.register_collector(Box::new(Free(disk.clone())));
            beside.spawn(disk.watch(config.store.floor, writer.handle(), room));
        }
        let operations = Door {
            id,
            started: clock.now(),
            contracts,
            clock: clock.clone(),
            broker: transport.state(),
            releases: releases.subscribe(),
            writer: writer.handle(),
            readers: readers.clone(),
            alarms: alarms.clone(),
            reconciler,
        };
        let (keys, config) = (config.keys, config.directory);
        let arrivals = Some(arrivals);
        Ok(AccessPoint {
            writer,
            transport,
            readers,
            releases,
            arrivals,
            alarms,
            operations,
            beside,
            config,
            keys,
            clock,
            counter,
            _lock: lock,
        })
    }
}

/// A running access point.
#[derive(Debug)]
pub struct AccessPoint {
    writer: Writer,
    transport: Transport,
    readers: Readers,
    releases: watch::Sender<Arc<Release>>,
    arrivals: Option<mpsc::Receiver<Arrival>>,
    alarms: Alarms,
    operations: Door,
    /// What runs beside the writer: the pump, and the look at the disk.
    beside: JoinSet<()>,
    config: config::Directory,
    keys: config::Keys,
    clock: Clock,
    counter: metrics::Alarms,
    _lock: Option<File>,
}

impl AccessPoint {
    /// The way to the writer.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.writer.handle()
    }

    /// The way to what is stored.
    #[must_use]
    pub fn readers(&self) -> Readers {
        self.readers.clone()
    }

    /// The release in use, and every later one.
    #[must_use]
    pub fn releases(&self) -> watch::Receiver<Arc<Release>> {
        self.releases.subscribe()
    }

    /// What people must look at.
    #[must_use]
    pub fn alarms(&self) -> Alarms {
        self.alarms.clone()
    }

    /// Tells people what somebody beside the writer has found.
    #[must_use]
    pub fn alarm(&self) -> Box<dyn FnMut(Alarm) + Send> {
        self.alarms.seam(self.clock.clone(), self.counter.clone())
    }

    /// The way to a renewed login at the broker.
    #[must_use]
    pub fn renewal(&self) -> nats::Renewal {
        self.transport.renewal()
    }

    /// The door for those who operate it.
    #[must_use]
    pub fn operations(&self) -> Door {
        self.operations.clone()
    }

    /// Where the connection to the broker stands.
    #[must_use]
    pub fn broker(&self) -> watch::Receiver<State> {
        self.transport.state()
    }

    /// The way to newer releases.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        Reloader {
            config: self.config.clone(),
            keys: self.keys.clone(),
            clock: self.clock.clone(),
            releases: self.releases.clone(),
            handle: self.handle(),
        }
    }

    /// Newer releases that came over the bus, to be looked at, kept and taken into use; the first who asks gets them.
    pub fn arrivals(&mut self) -> Option<mpsc::Receiver<Arrival>> {
        self.arrivals.take()
    }

    /// Waits until the writer has ended by itself: the process must end then.
    pub async fn failed(&self) {
        self.handle().stopped().await;
    }

    /// Takes nothing more from the broker; calls still go on.
    pub async fn quiesce(&mut self) {
        self.transport.quiesce().await;
    }

    /// Finishes what is queued, sends what was signed and ends, all within the time given.
    ///
    /// # Errors
    /// [`writer::Error`] when the writer had ended by itself.
    pub async fn stop(mut self, within: Duration) -> Result<(), writer::Error> {
        let begun = Instant::now();
        self.quiesce().await;
        self.beside.abort_all();
        let writer = self.writer;
        let ended = timeout(within, spawn_blocking(move || writer.stop())).await;
        let left = within.saturating_sub(begun.elapsed());
        let connected = *self.transport.state().borrow() != State::Disconnected;
        self.transport.shutdown(if connected { left } else { left.min(WITHOUT_BROKER) }).await;
        match ended {
            Ok(result) => result.unwrap_or(Err(writer::Error::Panicked)),
            Err(_) => {
                tracing::warn!("The writer did not finish in time; the next start recovers what it left.");
                Ok(())
            }
        }
    }
}

/// Brings what arrives to the engine, in order, except for what the courier and the reconciler deal with.
async fn pump(
    mut inputs: mpsc::Receiver<Input>,
    courier: Courier,
    reconciler: Reconciler,
    room: watch::Receiver<Room>,
    handle: Handle,
) {
    while let Some(input) = inputs.recv().await {
        // What is not taken is not acknowledged, and the broker delivers it again.
        if !room.borrow().lets_in(&input) {
            continue;
        }
        let Some(input) = courier.take(input).and_then(|input| reconciler.take(input)) else { continue };
        if handle.input(input).await.is_err() {
            return;
        }
    }
}
