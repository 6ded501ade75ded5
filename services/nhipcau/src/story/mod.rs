//! Stories: what the coordination programme does with a case, played over the sandbox step by step, as people at their
//! own systems would do it.
//!
//! A story is a row of named steps. One process can be killed in the middle of any of them; callers ask again under the
//! same request ids, and the story ends the same. Areas, units, agreements, calendars and clocks can be brought along.
//! The demonstration plays the same stories.

mod acts;
mod alarm;
mod areas;
mod contact;
pub(crate) mod home;
mod notices;
pub(crate) mod office;
mod placement;
mod play;
mod proof;
pub(crate) mod referral;
mod review;
mod silence;
mod source;
mod strike;
mod succession;
pub(crate) mod tell;
#[cfg(test)]
mod tests;
pub(crate) mod timeline;
pub(crate) mod transfer;
pub(crate) mod wait;
mod warm_handover;
mod withdrawal;
mod woken;

use std::{fmt, path::PathBuf, time::Instant};

use clap::ValueEnum;
use jiff::Timestamp;
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::shutdown;
use serde::Serialize;

pub(crate) use self::play::Play;
use self::{
    office::Office,
    source::Clocks,
    strike::{Strike, When},
    tell::Teller,
};
use crate::{
    exit::{Code, Failure, OrExit as _},
    sandbox::World,
    terminal,
};

/// The stories that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Story {
    /// Switchboard 111 hands a case over to a ward.
    Transfer,
    /// A ward refers a case to an intake desk, which learns who the child is only after it has accepted.
    Referral,
    /// A ward stays silent, and the switchboard's access point turns to the level above by itself.
    Silence,
    /// Whoever is on duty at a ward is told, one after the other, and the ladder stands behind them.
    Woken,
    /// Somebody calls switchboard 111 at night, and the call becomes a case of whoever serves at that hour.
    Contact,
    /// A mother takes her consent back, and each recipient answers for every part that it had.
    Withdrawal,
    /// A caller names wards of old; where one was split a person says which part is meant.
    Areas,
    /// A ward comes too late, and years later a file of each side says who answered for the child and what was broken.
    Proof,
    /// While somebody waits, switchboard 111 hands a contact to the Women's Union's line, and takes it back.
    WarmHandover,
    /// A ward asks two intake desks whether a mother can come tonight; one holds, and the referral has two needs.
    Placement,
    /// Somebody presses an alarm key, a ward takes the case, and a person ends what was pressed by mistake.
    Alarm,
    /// A ward takes a case by telephone, confirms it, acts, and reviews it until it may be closed.
    Review,
    /// A centre ends while it acts, and its branches go to the two parties that took its duties over.
    Succession,
}

impl Story {
    /// Its steps, in order.
    const fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Transfer => &transfer::STEPS,
            Self::Referral => &referral::STEPS,
            Self::Silence => &silence::STEPS,
            Self::Woken => &woken::STEPS,
            Self::Contact => &contact::STEPS,
            Self::Withdrawal => &withdrawal::STEPS,
            Self::Areas => &areas::STEPS,
            Self::Proof => &proof::STEPS,
            Self::WarmHandover => &warm_handover::STEPS,
            Self::Placement => &placement::STEPS,
            Self::Alarm => &alarm::STEPS,
            Self::Review => &review::STEPS,
            Self::Succession => &succession::STEPS,
        }
    }

    /// What has to be there before anything runs.
    fn prepare(self, world: &World) -> Result<(), Failure> {
        match self {
            Self::Woken => woken::prepare(world),
            Self::Succession => succession::prepare(world),
            Self::Placement => placement::prepare(world),
            _ => Ok(()),
        }
    }

    /// Plays it, and reads every referral that was opened meanwhile, by whomever, and how hand-overs and placement
    /// enquiries ended.
    async fn play(self, play: &Play<'_>, world: &World) -> Result<(Vec<pb::Referral>, Vec<String>), Failure> {
        match self {
            Self::Transfer => transfer::play(play).await.map(drop)?,
            Self::Referral => referral::play(play, None).await.map(drop)?,
            Self::Silence => silence::play(play).await.map(drop)?,
            Self::Woken => woken::play(play, world).await.map(drop)?,
            Self::Contact => contact::play(play).await.map(drop)?,
            Self::Withdrawal => withdrawal::play(play).await.map(drop)?,
            Self::Areas => areas::play(play).await.map(drop)?,
            Self::Proof => proof::play(play, world).await.map(drop)?,
            Self::WarmHandover => warm_handover::play(play).await?,
            Self::Placement => Box::pin(placement::play(play, world)).await?,
            Self::Alarm => alarm::play(play).await.map(drop)?,
            Self::Review => review::play(play).await.map(drop)?,
            Self::Succession => Box::pin(succession::play(play, world)).await.map(drop)?,
        }
        let ends = [warm_handover::ends(play).await?, placement::ends(play).await?].concat();
        Ok((acts::opened(play).await?, ends))
    }
}

/// How a story is played.
#[derive(Debug, clap::Args)]
#[group(id = "playing")]
pub(crate) struct Args {
    /// Plays a story instead, and ends with it.
    #[arg(long, value_name = "NAME")]
    story: Option<Story>,
    /// Directory with files to use instead of the sandbox's own of the same name, as they lie in its programme/source;
    /// and clocks.toml, in which access points are ahead or behind: `moh = "-90s"`.
    #[arg(long, value_name = "DIR", requires = "story")]
    source: Option<PathBuf>,
    /// Kills one access point during this step of the story, or during one that the seed names.
    #[arg(long, value_name = "STEP|random", requires = "story")]
    kill_at: Option<String>,
    /// Which process is killed and when; and during which step, where that is random.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "story")]
    seed: u64,
    /// Writes how the story went as one JSON document.
    #[arg(long, requires = "story")]
    json: bool,
}

impl Args {
    /// The story that is to be played, if one is.
    pub(crate) const fn story(&self) -> Option<Story> {
        self.story
    }
}

/// How a story went.
#[derive(Debug, Serialize)]
struct Told {
    story: String,
    steps: Vec<&'static str>,
    /// The step during which a process was killed, and which.
    killed: Option<[&'static str; 2]>,
    /// How each branch went and how hand-overs stand, without times and ids: the same whatever was killed.
    end: Vec<String>,
    timeline: Vec<timeline::Entered>,
    /// How hand-overs and enquiries stand, of which the timeline says nothing.
    #[serde(skip)]
    beside: Vec<String>,
    elapsed_seconds: f64,
}

/// Plays a story over a new sandbox at a home.
pub(crate) async fn run(story: Story, home: PathBuf, args: Args) -> Result<(), Failure> {
    let begun = Instant::now();
    let stop = shutdown::on_first_signal().or_exit(Code::Failed)?;
    let when = args.kill_at.as_deref().map(|at| When::read(at, story.steps(), args.seed)).transpose()?;
    let clocks = Clocks::read(args.source.as_deref())?;
    home::clear(&home)?;
    let place = home.clone();
    let source = args.source.clone();
    let opened = tokio::task::spawn_blocking(move || World::open_with(&place, Timestamp::now(), source.as_deref()));
    let (world, _) = opened.await.or_exit(Code::Failed)??;
    home::mark(&home)?;
    clocks.set(&world)?;
    story.prepare(&world)?;
    let teller = Teller::new(args.json);
    let everything = tokio::select! {
        started = world.start() => started?,
        () = stop.cancelled() => return Err(stopped()),
    };
    let strike = Strike::new(&world, everything, when);
    let play = Play::new(Office::all(&world)?, teller, clocks, Some(&strike));
    let played = tokio::select! {
        played = Box::pin(story.play(&play, &world)) => played,
        () = stop.cancelled() => Err(stopped()),
    };
    let steps = play.done();
    drop(play);
    let killed = when.map(|when| when.said());
    let ended = strike.end().await.or_exit(Code::Failed);
    let (referrals, beside) = played?;
    ended?;
    let end = [timeline::ends(&referrals), beside.clone()].concat();
    let timeline = timeline::timeline(&referrals);
    let name = story.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let elapsed_seconds = begun.elapsed().as_secs_f64();
    terminal::result(args.json, &Told { story: name, steps, killed, end, timeline, beside, elapsed_seconds })
}

/// Told to stop in the middle.
pub(crate) fn stopped() -> Failure {
    Failure::because(Code::Failed, "was told to stop before the story was at its end")
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nDòng thời gian · Timeline")?;
        timeline::write(f, &self.timeline)?;
        self.beside.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        if let Some([step, process]) = self.killed {
            writeln!(f, "\nTiến trình `{process}` bị kết thúc giữa bước `{step}` · killed during that step")?;
        }
        write!(f, "\n{}: {} bước · steps, {:.1} s", self.story, self.steps.len(), self.elapsed_seconds)
    }
}
