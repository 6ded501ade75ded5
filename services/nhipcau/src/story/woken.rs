//! Woken: at night the people on duty at a ward are told one after the other that something waits. Nobody answers, and
//! when the time of the ladder's first step has come the switchboard's access point turns to the health department of
//! the city, where a person takes the child over; the ward is relieved. Every person in it is invented.

use std::{collections::BTreeSet, fs};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::referral::v1 as pb;

use super::{
    acts::{Names, act, expect, origin_view, stands, submit, unit},
    home::of as home,
    play::Play,
    silence::STEP,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    directory::files,
    duty,
    exit::{Code, Failure, OrExit as _},
    referral::{Transition, example, get},
    sandbox::World,
};

/// References of the people who act, as their own organisations know them.
const HOTLINE: &str = "can-bo-111";
const CITY: &str = "can-bo-so-y-te";
/// On duty at the ward.
const WARD: [&str; 2] = ["can-bo-phuong-1", "can-bo-phuong-2"];
/// Where they are told: a file, as whoever brings it to their telephones would read it.
const NOTICES: &str = "notices.jsonl";
/// Longer than each of them has.
const WAIT: SignedDuration = SignedDuration::from_mins(11);

/// The steps.
pub(super) const STEPS: [&str; 9] =
    ["submit", "arrive", "first", "second", "above", "acknowledge", "relieve", "start", "complete"];

/// Says who is on duty at the ward, before anything runs.
pub(super) fn prepare(world: &World) -> Result<(), Failure> {
    let home = home(world, "hanoi")?;
    let config = home.join("nhipcau.toml");
    let text = fs::read_to_string(&config).with_context(|| config.display().to_string()).or_exit(Code::Failed)?;
    let way = format!("\n[notifiers.desk]\nkind = \"file\"\npath = \"{NOTICES}\"\n");
    files::write(&config, text + &way).or_exit(Code::Failed)?;
    let now = Timestamp::now();
    let hour = |hours: i64| Timestamp::from_second((now.as_second().div_euclid(3_600) + hours) * 3_600);
    let (from, until) = (hour(-2).or_exit(Code::Failed)?, hour(30).or_exit(Code::Failed)?);
    let person = |name| {
        format!("{{ person = \"{name}\", role = \"officer\", channel = \"desk\", address = \"desk of {name}\" }}")
    };
    let people = WARD.map(person).join(", ");
    let written =
        format!("unit = \"hanoi/00004\"\n[[shift]]\nstart_time = {from}\nend_time = {until}\npeople = [{people}]\n");
    duty::take(home, &written, now)
}

/// Plays it.
pub(super) async fn play(play: &Play<'_>, world: &World) -> Result<pb::Referral, Failure> {
    let ([_, moh, _, hanoi], teller) = (play.desks(), play.teller());
    let notices = home(world, "hanoi")?.join(NOTICES);
    let request = example(pb::ReferralKind::Transfer, unit("moh", "111"), unit("hanoi", "00004"), play.now(moh));
    let ward = play.step("submit", async || submit(play, moh, HOTLINE, request.clone()).await).await?;
    play.step("arrive", async || stands(moh, &ward, pb::BranchState::Received).await).await?;
    teller.say(
        "Tổng đài 111 chuyển vụ việc cho phường Ba Đình vào ban đêm; người trực được báo \"có việc cần xem\".",
        "Switchboard 111 hands the case over to Ba Đình Ward at night; whoever is on duty is told that something waits.",
    )?;
    play.step("first", async || told(&notices, &WARD[..1]).await).await?;
    play.step("second", async || {
        play.later(WAIT)?;
        told(&notices, &WARD).await
    })
    .await?;
    let city = play
        .step("above", async || {
            play.later(STEP)?;
            until(moh.name, "the level above to be asked", PATIENCE, async || {
                let branches = get(&ward.referral, None, &moh.connection).await?.branches;
                let above = branches.iter().find(|branch| branch.recipient == Some(unit("hanoi", "health")));
                Ok(above.map_or_else(
                    || Seen::Instead(format!("{} branch", branches.len())),
                    |above| Seen::There(Names { branch: above.name.clone(), ..ward.clone() }),
                ))
            })
            .await
        })
        .await?;
    stands(moh, &city, pb::BranchState::Received).await?;
    stands(moh, &ward, pb::BranchState::Received).await?;
    teller.say(
        "Hai người trực đều không xác nhận; sau hai giờ, hệ thống của Tổng đài tự chuyển lên Sở Y tế Hà Nội.",
        "Neither of the two acknowledges; after two hours the switchboard's access point turns to the Health Department \
         of Hà Nội by itself.",
    )?;
    play.step("acknowledge", async || {
        act(play, hanoi, &city, CITY, Transition::Acknowledge).await?;
        let branch = stands(moh, &city, pb::BranchState::Assigned).await?;
        expect(branch.responsible_side() == pb::Side::Recipient, "the city to answer for the child")
    })
    .await?;
    play.step("relieve", async || stands(hanoi, &ward, pb::BranchState::Relieved).await).await?;
    play.step("start", async || {
        act(play, hanoi, &city, CITY, Transition::Start).await?;
        stands(moh, &city, pb::BranchState::InService).await
    })
    .await?;
    play.step("complete", async || {
        act(play, hanoi, &city, CITY, Transition::Complete(pb::Outcome::OngoingElsewhere)).await?;
        stands(moh, &city, pb::BranchState::Completed).await
    })
    .await?;
    teller.say(
        "Một cán bộ của Sở nhận trách nhiệm và can thiệp trong thời hạn; phường được miễn.",
        "A person at the department takes the child over and acts within the limit; the ward is relieved.",
    )?;
    origin_view(moh, &ward).await
}

/// Waits until these people and nobody else were told, each under one id however often.
async fn told(notices: &std::path::Path, people: &[&str]) -> Result<(), Failure> {
    until("hanoi", "people on duty to be told", PATIENCE, async || {
        let text = fs::read_to_string(notices).unwrap_or_default();
        let read = |line: &str| {
            let notice: serde_json::Value = serde_json::from_str(line).ok()?;
            Some((notice.get("person")?.as_str()?.to_owned(), notice.get("id")?.as_str()?.to_owned()))
        };
        let told: BTreeSet<(String, String)> = text.lines().filter_map(read).collect();
        let names: Vec<&str> = told.iter().map(|(person, _)| person.as_str()).collect();
        Ok(if names == people { Seen::There(()) } else { Seen::Instead(format!("{} told", names.len())) })
    })
    .await
}
