//! `nhipcau serve`: an access point as a process.
//!
//! Configuration → everything that can be looked at beforehand → bound addresses → a running access point → one line
//! that says so → an orderly end. Whatever keeps it from starting is reported at once, with what to do.

mod app;
mod broker;
mod clock;
mod counted;
mod duty_page;
mod parts;
mod reload;
mod renewal;
mod rotation;

use std::path::PathBuf;

use nhipcau_runtime::{access_point::Place, clock::Clock, config::Config, shutdown, telemetry};

use self::app::App;
pub(crate) use self::rotation::ending;
use crate::{
    check,
    exit::{Code, Failure, OrExit as _},
    settings, terminal,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "NHIPCAU_CONFIG")]
    config: Option<PathBuf>,
    /// Only looks whether the access point could start, and changes nothing.
    #[arg(long, conflicts_with = "print_config")]
    check_config: bool,
    /// Only prints the effective configuration, without secrets.
    #[arg(long)]
    print_config: bool,
    /// How far the clock is ahead; only in a sandbox.
    #[arg(long, value_name = "FILE", hide = true)]
    clock: Option<PathBuf>,
}

/// Serves until told to stop.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let config = settings::load(args.config.as_deref())?;
    if args.print_config {
        return terminal::raw(config.printed());
    }
    let clock = args.clock.map_or_else(|| Ok(Clock::system()), |file| clock::of_file(file, &config))?;
    startable(&config, &clock)?;
    if args.check_config {
        return terminal::line("the access point can start");
    }
    telemetry::init(&config.telemetry).or_exit(Code::Failed)?;
    let stop = shutdown::on_signal().or_exit(Code::Failed)?;
    let place = Place::awaited(&config.store, &stop).await.map_err(app::failure)?;
    // Told to stop while it stood by.
    let Some(place) = place else { return Ok(()) };
    let app = App::build(place, args.config, &config, &clock).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        access_point = %config.access_point,
        address = %app.address(),
        metrics = app.metrics_address().map(tracing::field::display),
        duty_page = app.duty_page_address().map(tracing::field::display),
        services = app.services().join(","),
        "The access point is ready."
    );
    Box::pin(app.run(stop)).await
}

/// Everything that keeps the access point from starting, all at once.
fn startable(config: &Config, clock: &Clock) -> Result<(), Failure> {
    let mut problems = parts::unknown(&config.services);
    problems.extend(duty_page::unserved(config));
    problems.extend(check::files(config, clock.now()).0.into_iter().filter(check::Finding::is_problem));
    match problems.as_slice() {
        [] => Ok(()),
        problems => Err(Failure::because(Code::Configuration, check::Problems(problems))),
    }
}
