//! The baseline of messages: plain JetStream on a server of its own under the shipped settings (`sync_interval:
//! always`, TLS), one message each, a window of 256 publishes, a consumer that acknowledges each and waits until the
//! server has noted it. No permissions, no signatures, no second store.

use std::{sync::Arc, time::Instant};

use anyhow::{Context as _, Result};
use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, pull},
    stream::{Config, RetentionPolicy, StorageType},
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use nhipcau_tests::nats::{self, MOHA};
use tokio::sync::Semaphore;

use crate::report::Rate;

/// Publishes that wait for their acknowledgement at a time.
const WINDOW: usize = 256;
/// Acknowledgements of the consumer that wait at a time.
const ACKNOWLEDGING: usize = 256;

const STREAM: &str = "RAW";
const SUBJECT: &str = "raw";

/// How many messages of a size go through a second, from the first publish until the last acknowledgement of the
/// consumer is noted.
pub(crate) async fn run(messages: usize, bytes: usize) -> Result<Rate> {
    let config = nats::Config::shipped()?;
    config.users(&format!("users: [ {{ nkey: {} }} ]\n", MOHA.public()))?;
    let server = config.start().await?;
    let publisher = jetstream::new(server.connect(MOHA, |_| {}).await?);
    let consumer = jetstream::new(server.connect(MOHA, |_| {}).await?);
    let stream = publisher
        .create_stream(Config {
            name: STREAM.to_owned(),
            subjects: vec![SUBJECT.to_owned()],
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::File,
            ..Config::default()
        })
        .await?;
    let durable = pull::Config {
        durable_name: Some("raw".to_owned()),
        ack_policy: AckPolicy::Explicit,
        max_ack_pending: 4096,
        ..pull::Config::default()
    };
    stream.create_consumer(durable).await?;

    let begun = Instant::now();
    let publishing = tokio::spawn(publish(publisher, messages, bytes));
    acknowledge(consumer, messages).await?;
    publishing.await.context("the publisher panicked")??;
    Ok(Rate { count: messages as u64, elapsed: begun.elapsed() })
}

async fn publish(context: jetstream::Context, messages: usize, bytes: usize) -> Result<()> {
    let window = Arc::new(Semaphore::new(WINDOW));
    let payload = vec![0x5a; bytes];
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..messages {
        let place = Arc::clone(&window).acquire_owned().await?;
        let acknowledged = context.publish(SUBJECT, payload.clone().into()).await?;
        waiting.spawn(async move {
            let acknowledged = acknowledged.await;
            drop(place);
            acknowledged.map(drop)
        });
        while let Some(done) = waiting.try_join_next() {
            done??;
        }
    }
    while let Some(done) = waiting.join_next().await {
        done??;
    }
    Ok(())
}

async fn acknowledge(context: jetstream::Context, messages: usize) -> Result<()> {
    let consumer = context.get_stream(STREAM).await?.get_consumer::<pull::Config>("raw").await;
    let consumer = consumer.map_err(anyhow::Error::from_boxed)?;
    let arriving = consumer.stream().max_messages_per_batch(ACKNOWLEDGING * 2).messages().await?;
    let one = |message: Result<jetstream::Message, _>| async move {
        let message = message.map_err(anyhow::Error::new)?;
        message.double_ack().await.map_err(|error| anyhow::anyhow!("an acknowledgement failed: {error}"))
    };
    arriving.map(one).buffer_unordered(ACKNOWLEDGING).take(messages).try_collect::<Vec<()>>().await?;
    Ok(())
}
