//! Sealing epochs of running access points, begun as an operator begins them.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::{
    process::{output, program},
    wait,
    world::World,
};

/// Has an access point begin an epoch, and gives its key. A running one takes it into use when it reloads.
///
/// # Errors
/// When the command refuses; the message holds what it said.
pub fn rotate(world: &World, name: &str) -> Result<String> {
    let rotated = output(program()?.args(["keys", "rotate", "--json", "--config"]).arg(world.config(name)))?;
    ensure!(rotated.status.success(), "not rotated: {}", String::from_utf8_lossy(&rotated.stderr));
    let said: serde_json::Value = serde_json::from_slice(&rotated.stdout)?;
    let key = said.get("key_id").and_then(serde_json::Value::as_str);
    key.map(str::to_owned).context("the command names no key")
}

/// The last bulletin of an access point among the files of another; empty where there is none.
#[must_use]
pub fn bulletin(world: &World, at: &str, of: &str) -> Vec<u8> {
    fs::read(world.path(at).join("directory/bulletins").join(format!("{of}.bulletin"))).unwrap_or_default()
}

/// Waits until these have heard what an access point has announced.
///
/// # Errors
/// When one has not in time.
pub async fn spread(world: &World, of: &str, to: &[&str]) -> Result<()> {
    for at in to {
        wait::until(at, || (bulletin(world, at, of) == bulletin(world, of, of)).then_some(())).await?;
    }
    Ok(())
}
