//! The programme office of a world: the next release, drawn up, signed by two and installed, by the office's own
//! commands.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    process::{output, program},
    wait,
    world::World,
};

/// Who signs: two of the three that the sandbox has.
const SIGNERS: [&str; 2] = ["signers/moh-1.key", "signers/office-1.key"];

/// Runs `nhipcau directory` where the programme office keeps its files.
///
/// # Errors
/// When it cannot be run.
pub fn directory(world: &World, arguments: &[&str]) -> Result<Output> {
    output(program()?.current_dir(world.path("programme")).arg("directory").args(arguments))
}

/// A file of the source.
#[must_use]
pub fn source(world: &World, file: &str) -> PathBuf {
    world.path("programme/source").join(file)
}

/// Changes a file of the source.
///
/// # Errors
/// When the file does not say what is to be changed.
pub fn change(path: &Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(path)?;
    ensure!(text.contains(from), "{} does not say {from}", path.display());
    Ok(fs::write(path, text.replace(from, to))?)
}

/// Has the releases to come expire at a time, as TOML writes it.
///
/// # Errors
/// When the source has another form.
pub fn expire(world: &World, time: &str) -> Result<()> {
    let path = source(world, "programme.toml");
    let text = fs::read_to_string(&path)?;
    let before = text.lines().find(|line| line.starts_with("expire_time = ")).context("expire_time")?.to_owned();
    change(&path, &before, &format!("expire_time = {time}"))
}

/// Draws up the next release from the source as it is and has two sign it. Gives its number.
///
/// # Errors
/// When a command refuses; the message holds what it said.
pub fn next_release(world: &World) -> Result<u64> {
    let mut last = 1;
    while world.path(file(last + 1)).exists() {
        last += 1;
    }
    let (previous, next) = (format!("releases/{last}.release"), format!("releases/{}.release", last + 1));
    done(world, &["author", "--source", "source", "--previous", &previous, "--out", &next])?;
    for signer in SIGNERS {
        done(world, &["sign", "--key", signer, &next])?;
    }
    Ok(last + 1)
}

/// Installs a release at an access point, which takes it into use when it reloads.
///
/// # Errors
/// When the command cannot be run; what it said is in what is given.
pub fn install(world: &World, release: u64, at: &str) -> Result<Output> {
    directory(world, &["install", &format!("releases/{release}.release"), "--home", &format!("../{at}")])
}

/// Waits until these have a release among their files.
///
/// # Errors
/// When one has not in time.
pub async fn spread(world: &World, release: u64, to: &[&str]) -> Result<()> {
    for at in to {
        let path = world.path(at).join(format!("directory/releases/{release:08}.release"));
        wait::until_answered(&format!("release {release} at {at}"), async || path.exists().then_some(())).await?;
    }
    Ok(())
}

fn file(release: u64) -> String {
    format!("programme/releases/{release}.release")
}

fn done(world: &World, arguments: &[&str]) -> Result<()> {
    let output = directory(world, arguments)?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
