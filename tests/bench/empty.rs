//! The baseline of calls: a call that does nothing, through the same door with the same certificates.

use std::{sync::Arc, time::Instant};

use anyhow::Result;
use nhipcau_tests::world::World;
use tokio::sync::Mutex;
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::report::{Latency, Rate};

/// Calls of so many callers, each on a connection of its own, one after the other.
pub(crate) async fn run(world: &World, callers: usize, calls: usize) -> Result<(Rate, Latency)> {
    let times = Arc::new(Mutex::new(Vec::with_capacity(calls)));
    let channels = (0..callers).map(|_| world.channel("moh")).collect::<Result<Vec<_>>>()?;
    for channel in &channels {
        health(channel.clone()).await?;
    }
    let begun = Instant::now();
    let each = channels.into_iter().map(|channel| {
        let times = Arc::clone(&times);
        tokio::spawn(async move {
            let mut own = Vec::with_capacity(calls / callers);
            for _ in 0..calls / callers {
                let begun = Instant::now();
                health(channel.clone()).await?;
                own.push(begun.elapsed());
            }
            times.lock().await.extend(own);
            anyhow::Ok(())
        })
    });
    for caller in each.collect::<Vec<_>>() {
        caller.await??;
    }
    let elapsed = begun.elapsed();
    let times = times.lock().await.clone();
    Ok((Rate { count: times.len() as u64, elapsed }, Latency::new(times)))
}

async fn health(channel: Channel) -> Result<()> {
    HealthClient::new(channel).check(HealthCheckRequest { service: String::new() }).await?;
    Ok(())
}
