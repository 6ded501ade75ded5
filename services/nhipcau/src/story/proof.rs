//! Proof: nobody at a ward answers, and a person at the health department comes an hour after the twelve hours of the
//! law. Two years later an inspector has a file of each side, the fingerprint of the directory and nothing else, and
//! sees who answered for the child when and which limit was broken. Every person in it is invented.

use std::path::Path;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::referral::Side;
use nhipcau_proto::referral::v1 as pb;
use nhipcau_referrals::evidence::{Account, BranchAccount, verify};

use super::{
    acts::{Names, act, expect, origin_view, stands, submit, turned_to, unit},
    home,
    play::Play,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    evidence,
    exit::{Code, Failure, OrExit as _},
    referral::{Transition, example},
    sandbox::World,
    settings,
};

/// References of the people who act, as their own organisations know them.
const HOTLINE: &str = "can-bo-111";
const CITY: &str = "can-bo-so-y-te";

/// The twelve hours and one more.
const LATE: SignedDuration = SignedDuration::from_hours(13);
/// When the inspector comes.
const YEARS: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// The steps.
pub(super) const STEPS: [&str; 8] = ["submit", "arrive", "above", "acknowledge", "start", "prove", "alter", "compare"];

/// Plays it.
pub(super) async fn play(play: &Play<'_>, world: &World) -> Result<pb::Referral, Failure> {
    let ([_, moh, _, hanoi], teller) = (play.offices(), play.teller());
    let request = example(pb::ReferralKind::Transfer, unit("moh", "111"), unit("hanoi", "00004"), play.now(moh));
    let ward = play.step("submit", async || submit(play, moh, HOTLINE, request.clone()).await).await?;
    play.step("arrive", async || stands(moh, &ward, pb::BranchState::Received).await).await?;
    let city = play
        .step("above", async || {
            play.later(LATE)?;
            turned_to(moh, &ward, unit("hanoi", "health")).await
        })
        .await?;
    stands(moh, &city, pb::BranchState::Received).await?;
    play.step("acknowledge", async || {
        act(play, hanoi, &city, CITY, Transition::Acknowledge).await?;
        stands(hanoi, &city, pb::BranchState::Assigned).await
    })
    .await?;
    play.step("start", async || {
        act(play, hanoi, &city, CITY, Transition::Start).await?;
        stands(moh, &city, pb::BranchState::InService).await
    })
    .await?;
    teller.say(
        "Không ai ở phường trả lời; Sở Y tế tiếp nhận sau 13 giờ, quá thời hạn 12 giờ của Nghị định 56/2017/NĐ-CP.",
        "Nobody at the ward answers; the Health Department takes the child over after 13 hours, past the 12 of the \
         decree.",
    )?;
    let files = play
        .step("prove", async || {
            let mut files = Vec::new();
            for office in [moh, hanoi] {
                let home = home::of(world, office.name)?;
                let made = until(office.name, "evidence in which nothing is on its way", PATIENCE, async || {
                    let case = ward.referral.parse().map_err(|text: &str| Failure::because(Code::Failed, text))?;
                    let (_, file) = evidence::make(case, &home, play.now(office)).await?;
                    let account = read(&file, &home, play.now(office))?;
                    let found = names(branch(&account, &city)?);
                    Ok(if found == BROKEN { Seen::There(file) } else { Seen::Instead(found.join(", ")) })
                });
                files.push((home.clone(), made.await?));
            }
            Ok(files)
        })
        .await?;
    play.step("alter", async || {
        let inspected = play.now(moh) + YEARS;
        for (home, file) in &files {
            let account = read(file, home, inspected)?;
            let told = branch(&account, &city)?;
            let answered: Vec<_> = told.tenures.iter().map(|tenure| (tenure.what.side, tenure.told)).collect();
            expect(answered == [(Side::Origin, false), (Side::Recipient, false)], "who answered to be proven")?;
            expect(told.findings.iter().all(|found| !found.told), "what was broken to be proven")?;
            let mut altered = file.clone();
            altered.iter_mut().skip(file.len() / 2).take(1).for_each(|byte| *byte ^= 1);
            expect(read(&altered, home, inspected).is_err(), "a file to be refused of which a bit was altered")?;
        }
        Ok(())
    })
    .await?;
    teller.say(
        "Hai năm sau, thanh tra chỉ có tệp của mỗi bên: ai chịu trách nhiệm lúc nào, thời hạn nào bị vượt; sửa một bit là \
         lộ.",
        "Two years later an inspector has a file of each side and nothing else: who answered when, which limit was \
         broken; one altered bit is found.",
    )?;
    play.step("compare", async || {
        until(moh.name, "agreement with hanoi", PATIENCE, async || {
            let differences = moh.differences_with(hanoi).await?;
            Ok(if differences == 0 { Seen::There(()) } else { Seen::Instead(format!("{differences} of them")) })
        })
        .await
    })
    .await?;
    origin_view(moh, &ward).await
}

/// What is to be found: the limit passed, and with it no person in time.
pub(super) const BROKEN: [&str; 2] = ["LIMIT_BROKEN", "NO_PERSON"];

/// What a file says, to whoever has the fingerprint of the directory.
pub(super) fn read(file: &[u8], home: &Path, now: Timestamp) -> Result<Account, Failure> {
    let fingerprint = settings::home(home)?.directory.fingerprint;
    verify(file, &fingerprint, now).context("the evidence").or_exit(Code::Differs)
}

pub(super) fn branch<'a>(account: &'a Account, case: &Names) -> Result<&'a BranchAccount, Failure> {
    let is_meant = |told: &&BranchAccount| case.branch.ends_with(&told.branch.ids().branch.to_string());
    let missing = || Failure::because(Code::Differs, "the story expected the branch to be in the evidence");
    account.branches.iter().find(is_meant).ok_or_else(missing)
}

/// What was found in a branch, each once.
fn names(told: &BranchAccount) -> Vec<&'static str> {
    let mut names: Vec<_> = told.findings.iter().map(|found| found.what.name()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
