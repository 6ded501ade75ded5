//! Somebody at the broker who may do everything there: hears what is sent, says it again, in another order and under
//! anybody's name, and takes away what was stored. It cannot open, forge or sign anything.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use async_nats::{
    Client, ConnectOptions,
    jetstream::{self, stream::State},
};
use futures_util::StreamExt as _;
use nhipcau_sim::prng::Prng;
use nhipcau_tests::world::World;
use tokio::time::{Instant, timeout_at};

/// Most messages that are remembered.
const REMEMBERED: usize = 2000;

/// The line of the login in nats-server's configuration, which has no permissions and so every one.
const LOGIN: &str = "users: [\n  { user: \"insider\", password: \"insider\" }\n";

/// Lets the insider in; before the broker starts.
pub(crate) fn let_in(world: &World) -> Result<()> {
    let path = world.path("nats/users.conf");
    let text = fs::read_to_string(&path)?;
    ensure!(text.contains("users: [\n"), "users.conf has another form");
    Ok(fs::write(path, text.replacen("users: [\n", LOGIN, 1))?)
}

/// What was said under a subject.
pub(crate) type Heard = Vec<(String, Vec<u8>)>;

/// The insider, connected.
pub(crate) struct Insider(Client);

impl Insider {
    /// Connects.
    pub(crate) async fn connect(world: &World) -> Result<Self> {
        let tls = world.path("nats/tls");
        let options = ConnectOptions::with_user_and_password("insider".to_owned(), "insider".to_owned())
            .add_root_certificates(tls.join("ca.pem"))
            .add_client_certificate(tls.join("operator.pem"), tls.join("operator.key"))
            .require_tls(true);
        Ok(Self(options.connect(world.broker_address()?).await?))
    }

    /// Listens to everything that is stored for somebody, for so long.
    pub(crate) async fn listen(&self, until: Instant) -> Result<Heard> {
        let mut all = self.0.subscribe("nc.v1.*.*.*").await?;
        self.0.flush().await?;
        let mut heard = Heard::new();
        while let Ok(Some(message)) = timeout_at(until, all.next()).await {
            // Signals are never stored, and stale ones are another fault.
            if !message.subject.starts_with("nc.v1.s.") && heard.len() < REMEMBERED {
                heard.push((message.subject.to_string(), message.payload.to_vec()));
            }
        }
        Ok(heard)
    }

    /// Says something under any subject, without asking whether it was stored.
    pub(crate) async fn say(&self, subject: &str, bytes: Vec<u8>) -> Result<()> {
        Ok(self.0.publish(subject.to_owned(), bytes.into()).await?)
    }

    /// Waits until the broker has heard what was said.
    pub(crate) async fn flush(&self) -> Result<()> {
        Ok(self.0.flush().await?)
    }

    /// Takes away all that waits for an access point, acknowledged to its senders or not.
    pub(crate) async fn purge(&self, name: &str) -> Result<()> {
        let stream = jetstream::new(self.0.clone()).get_stream(format!("NC_{}", name.to_uppercase())).await?;
        let purged = stream.purge().await?;
        ensure!(purged.success, "the stream was not purged");
        Ok(())
    }

    /// How many messages under a subject wait in a stream.
    pub(crate) async fn waiting(&self, stream: &str, subject: &str) -> Result<u64> {
        let context = jetstream::new(self.0.clone());
        let stream = context.get_stream(stream).await.context("the stream")?;
        let mut subjects = stream.info_with_subjects(subject).await?;
        let mut waiting = 0;
        while let Some(of_one) = subjects.next().await {
            waiting += of_one?.1 as u64;
        }
        Ok(waiting)
    }

    /// How much a stream holds.
    pub(crate) async fn state(&self, stream: &str) -> Result<State> {
        let context = jetstream::new(self.0.clone());
        let mut stream = context.get_stream(stream).await.context("the stream")?;
        Ok(stream.info().await?.state.clone())
    }
}

/// Puts things in a random order.
pub(crate) fn shuffle<T>(things: &mut [T], rng: &mut Prng) {
    for at in (1..things.len()).rev() {
        things.swap(at, rng.index(at + 1));
    }
}
