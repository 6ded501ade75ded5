//! `nhipcau demo`: figures and one case through four parties, each with its own process, store and keys, over a real
//! broker. Shows what each party holds and can prove, and writes it to `HOME/observed.json`.
//!
//! What is written was answered by the doors of the access points, as any calling system would be answered. It is for
//! comparison with what an independent verifier finds in the access points' directories once everything has ended.
//!
//! Everything that is waited for is looked at again and again until a deadline; who waited in vain for what is the
//! error. Whatever happens, every process that was started has ended afterwards.

mod evidence;
mod figures;
mod observed;

use std::{path::PathBuf, time::Instant};

use jiff::Timestamp;
use nhipcau_runtime::shutdown;

use self::observed::Observed;
use crate::{
    exit::{Code, Failure, OrExit as _},
    indicators::Import,
    sandbox::World,
    story::{Play, home, office::Office, referral, stopped, tell::Teller, timeline, transfer},
    terminal,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where it is played. What an earlier run left there is removed; anything else stays and is an error.
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    home: PathBuf,
    /// SDMX-CSV 2.0 file of a registered structure, instead of the figures that the program brings.
    #[arg(long, value_name = "FILE")]
    indicators: Option<PathBuf>,
    /// Writes what was observed as one JSON document.
    #[arg(long)]
    json: bool,
}

/// Plays the story.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let begin = Instant::now();
    let stop = shutdown::on_first_signal().or_exit(Code::Failed)?;
    let input = figures::Input::read(args.indicators.as_deref())?;
    home::clear(&args.home)?;
    let home = args.home.clone();
    let opened = tokio::task::spawn_blocking(move || World::open(&home, Timestamp::now()));
    let (world, _) = opened.await.or_exit(Code::Failed)??;
    home::mark(&args.home)?;
    let offices = Office::all(&world)?;
    let [publisher, ..] = &offices;
    let import = input.check(publisher)?;
    let teller = Teller::new(args.json);
    teller.say(
        "Bốn bên, mỗi bên một tiến trình, một kho dữ liệu và khóa riêng, nối qua một máy chủ NATS.",
        format_args!(
            "Four parties, each with its own process, store and keys, over one NATS server: {}",
            world.home().display()
        ),
    )?;
    let started = tokio::select! {
        started = world.start() => started?,
        () = stop.cancelled() => return Err(stopped()),
    };
    let mut everything = started;
    let play = Play::new(offices, teller, Default::default(), None);
    let observed = tokio::select! {
        observed = Box::pin(story(&play, &import)) => observed,
        error = everything.ended() => Err(error.into()),
        () = stop.cancelled() => Err(stopped()),
    };
    let ended = everything.stop().await.or_exit(Code::Failed);
    let observed = Observed { elapsed_seconds: begin.elapsed().as_secs_f64(), ..observed? };
    ended?;
    observed.write(&args.home.join(observed::FILE))?;
    terminal::result(args.json, &observed)
}

async fn story(play: &Play<'_>, import: &Import) -> Result<Observed, Failure> {
    let ([moha, moh, vwu, hanoi], teller) = (play.offices(), play.teller());
    let observations = figures::publish(moha, &[moh, vwu, hanoi], import, &teller).await?;
    let transfer = transfer::play(play).await?;
    let referral = referral::play(play, Some(&transfer.case_uid)).await?;
    let timeline = timeline::timeline(&[transfer, referral]);
    let evidence = evidence::gather(play.offices(), &teller).await?;
    Ok(Observed {
        nats_version: evidence.nats_version,
        elapsed_seconds: 0.0,
        observations,
        referral: observed::Case { timeline },
        receipts: observed::Receipts { verified: evidence.receipts },
        reconciliation: observed::Reconciliation { differences: evidence.differences },
    })
}

#[cfg(test)]
mod tests;
