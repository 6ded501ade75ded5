//! `nhipcau sandbox`: four access points with a broker on one machine, for trying things out, demonstrations and tests.
//!
//! Everything is as in production — mutual TLS, permissions at the broker, a directory signed by two of three, a
//! process and a store for each access point — except that one person holds all the keys. Made once, kept over
//! restarts.
//!
//! ```text
//! HOME/endpoints.json                 what is where: see `endpoints`; written last, so that it says the world is whole
//! HOME/{moha,moh,vwu,hanoi}/          homes of access points: nhipcau.toml store/ keys/ kek/ directory/ tls/ log
//! HOME/nats/                          the broker: server.conf bus.conf users.conf operator.nk tls/ store/ log
//! HOME/systems/PARTY-SYSTEM/          a calling system: cert.pem key.pem ca.pem profile.toml
//! HOME/programme/                     the programme office: source/ signers/ root.toml releases/
//! HOME/pki/                           the two authorities: bus.{pem,key} systems.{pem,key}
//! ```
//!
//! From Rust: [`World::open`] makes or opens it, then [`World::start_broker`], [`World::start_access_point`] or
//! [`World::start`] for all; what they give ends when told to and is killed when dropped. From a shell or another
//! program: `nhipcau sandbox --home DIR --create-only`, then `endpoints.json`.

mod broker;
mod child;
mod endpoints;
mod error;
mod guest;
mod health;
mod homes;
mod page;
mod pki;
mod plan;
mod programme;
#[cfg(test)]
mod tests;
pub(crate) mod tied;
mod world;

use std::path::PathBuf;

use nhipcau_runtime::{clock::Clock, shutdown};

pub(crate) use self::{
    guest::Guest,
    plan::MEMBERS,
    programme::{Amendment, source_files},
    world::{Everything, World},
};
use self::{page::Page, world::Found};
use crate::{
    exit::{Code, Failure, OrExit as _},
    story, terminal,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the sandbox is, or is to be made: target/sandbox, or target/story for a story, which is played in a new
    /// one.
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Makes the sandbox if it is not there, and starts nothing.
    #[arg(long, conflicts_with = "story")]
    create_only: bool,
    #[command(flatten)]
    story: story::Args,
}

/// Makes the sandbox if it is not there and runs it until told to stop.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let place = |otherwise| args.home.clone().unwrap_or_else(|| PathBuf::from(otherwise));
    if let Some(story) = args.story.story() {
        return story::run(story, place("target/story"), args.story).await;
    }
    let stop = shutdown::on_first_signal().or_exit(Code::Failed)?;
    let home = place("target/sandbox");
    let opened = tokio::task::spawn_blocking(move || World::open(&home, Clock::system().now()));
    let (world, found) = opened.await.or_exit(Code::Failed)??;
    if found == Found::Made {
        terminal::progress(format_args!("made a sandbox at {}", world.home().display()));
    }
    if args.create_only {
        return Ok(());
    }
    terminal::progress("starting a broker and four access points …");
    let started = tokio::select! {
        started = world.start() => Some(started?),
        () = stop.cancelled() => None,
    };
    let Some(mut everything) = started else { return Ok(()) };
    terminal::line(Page(&world))?;
    let ended = tokio::select! {
        error = everything.ended() => Err(error.into()),
        () = stop.cancelled() => Ok(()),
    };
    terminal::progress("ending …");
    everything.stop().await.or_exit(Code::Failed)?;
    ended
}
