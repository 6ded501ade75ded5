//! Succession: a centre ends while it acts for a child and for a woman, and its duties are split between two parties.
//! One release of the directory names who took over from which unit; the branches go there with both logs while the
//! centre's access point still runs, and the successors bring them to their ends. The centre, and every person in it,
//! is invented.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::reason;
use nhipcau_proto::referral::v1 as pb;

use super::{
    acts::{Names, act, expect, found, origin_view, reads, stands, submit, unit},
    home,
    office::Office,
    play::Play,
    proof::{BROKEN, branch, read},
    wait::{PATIENCE, Seen, until},
};
use crate::{
    evidence,
    exit::{Code, Failure},
    referral::{Given, Transition, example, get, make},
    sandbox::{Amendment, Guest, World},
};

/// The centre that ends. The access point of another party serves it.
const CENTRE: Guest = Guest { party: "centre", system: "desk", host: "moha" };

/// References of the people who act, as their own organisations know them.
const HOTLINE: &str = "can-bo-111";
const WARD: &str = "can-bo-phuong";
const WORKER: &str = "nhan-vien-trung-tam";
const CITY: &str = "can-bo-so-y-te";
const INTAKE: &str = "can-bo-tiep-nhan";

/// After so long the centre's end has come by every clock that a story is played with.
const LATER: SignedDuration = SignedDuration::from_mins(90);

/// The steps.
pub(super) const STEPS: [&str; 12] = [
    "transfer",
    "acknowledge",
    "refer",
    "accept",
    "dissolve",
    "hand-over",
    "refuse",
    "read",
    "serve",
    "prove",
    "complete",
    "close",
];

/// Lets the centre join, before anything runs.
pub(super) fn prepare(world: &World) -> Result<(), Failure> {
    CENTRE.join(world)?;
    let hosted = format!("parties = [\"{}\"]", CENTRE.host);
    let both = format!("parties = [\"{}\", \"{}\"]", CENTRE.host, CENTRE.party);
    let release = world.amend(&[
        Amendment { file: "access-points.toml", before: &hosted, after: &both },
        Amendment { file: "parties.toml", before: "", after: &party(None) },
        Amendment { file: "units.toml", before: "", after: &units(None) },
        Amendment { file: "agreements.toml", before: "", after: &agreements() },
    ])?;
    for name in world.endpoints().access_points.keys() {
        world.install(&release, name)?;
    }
    Ok(())
}

/// Plays it.
pub(super) async fn play(play: &Play<'_>, world: &World) -> Result<Vec<pb::Referral>, Failure> {
    let ([_, moh, vwu, hanoi], teller) = (play.offices(), play.teller());
    let centre = &Office::of(CENTRE.host, CENTRE.profile(world))?;
    let request =
        example(pb::ReferralKind::Transfer, unit("moh", "111"), unit(CENTRE.party, "children"), play.now(moh));
    let child = &play.step("transfer", async || submit(play, moh, HOTLINE, request.clone()).await).await?;
    play.step("acknowledge", async || {
        act(play, centre, child, WORKER, Transition::Acknowledge).await?;
        let branch = stands(moh, child, pb::BranchState::Assigned).await?;
        expect(branch.responsible_side() == pb::Side::Recipient, "the centre to answer for the child")?;
        stands(centre, child, pb::BranchState::Assigned).await
    })
    .await?;
    let request =
        example(pb::ReferralKind::Referral, unit("hanoi", "00004"), unit(CENTRE.party, "women"), play.now(hanoi));
    let woman = &play.step("refer", async || submit(play, hanoi, WARD, request.clone()).await).await?;
    play.step("accept", async || {
        act(play, centre, woman, WORKER, Transition::Accept).await?;
        stands(hanoi, woman, pb::BranchState::Assigned).await?;
        stands(centre, woman, pb::BranchState::Assigned).await
    })
    .await?;
    teller.say(
        "Một trung tâm đang chịu trách nhiệm về một trẻ do Tổng đài 111 chuyển và giúp một phụ nữ do phường chuyển gửi.",
        "A centre answers for a child that 111 handed over, and helps a woman whom a ward referred.",
    )?;
    let cases = [(child, moh, hanoi, unit("hanoi", "health"), CITY), (woman, hanoi, vwu, unit("vwu", "desk"), INTAKE)];
    let before = [found(moh, child).await?.time_limits, found(hanoi, woman).await?.time_limits];
    let release = dissolve(world)?;
    play.step("dissolve", async || {
        play.later(LATER)?;
        world.install(&release, CENTRE.host)?;
        play.reload(CENTRE.host).await
    })
    .await?;
    teller.say(
        "Trung tâm giải thể: một bản danh mục có chữ ký giao việc trẻ em cho Sở Y tế, việc phụ nữ cho Hội Phụ nữ; chỉ \
         cần cài ở một nơi.",
        "The centre is dissolved: one signed release gives its duties for children to the Health Department and those \
         for women to the Women's Union; it is installed at one place.",
    )?;
    play.step("hand-over", async || {
        for ((case, origin, successor, heir, _), limits) in cases.iter().zip(&before) {
            for office in [origin, successor] {
                let branch = held_by(office, case, heir).await?;
                expect(branch.state() == pb::BranchState::Assigned, "the branch to stand as it stood")?;
                expect(branch.time_limits == *limits, "the limits to run on from where they began")?;
            }
            handed_over(centre, case).await?;
        }
        Ok(())
    })
    .await?;
    teller.say(
        "Hai vụ việc sang nơi kế nhiệm với đủ nhật ký hai bên và thời hạn đang chạy, khi máy của trung tâm vẫn hoạt động.",
        "Both cases go to the successors with both logs and the limits that run, while the centre's machine still works.",
    )?;
    play.step("refuse", async || {
        for (case, ..) in &cases {
            refused(centre, case, play).await?;
        }
        Ok(())
    })
    .await?;
    play.step("read", async || {
        for (case, _, successor, _, person) in &cases {
            reads(successor, case, person, true).await?;
        }
        Ok(())
    })
    .await?;
    let does = async |step, transition: Transition, state| {
        play.step(step, async || {
            for (case, origin, successor, _, person) in &cases {
                act(play, successor, case, person, transition.clone()).await?;
                stands(origin, case, state).await?;
            }
            Ok(())
        })
        .await
    };
    does("serve", Transition::Start, pb::BranchState::InService).await?;
    play.step("prove", async || {
        for (case, _, successor, ..) in &cases {
            proven(play, world, successor, case).await?;
        }
        Ok(())
    })
    .await?;
    teller.say(
        "Tệp chứng cứ của mỗi nơi kế nhiệm chứng minh cả phần của trung tâm.",
        "The evidence of each successor proves the centre's part too.",
    )?;
    does("complete", Transition::Complete(pb::Outcome::Resolved), pb::BranchState::Completed).await?;
    play.step("close", async || {
        for ((case, origin, successor, ..), person) in cases.iter().zip([HOTLINE, WARD]) {
            act(play, origin, case, person, Transition::Close).await?;
            stands(successor, case, pb::BranchState::Closed).await?;
        }
        Ok(())
    })
    .await?;
    teller.say(
        "Trung tâm không làm và không xem được nữa; hai nơi kế nhiệm đọc, làm tiếp và kết thúc.",
        "The centre can neither act nor read any more; the successors read, go on, and bring both to their ends.",
    )?;
    Ok(vec![origin_view(moh, child).await?, origin_view(hanoi, woman).await?])
}

/// Draws up the release under which the centre is over from now on.
fn dissolve(world: &World) -> Result<PathBuf, Failure> {
    let end = Timestamp::from_second(Timestamp::now().as_second()).ok();
    Ok(world.amend(&[
        Amendment { file: "parties.toml", before: &party(None), after: &party(end) },
        Amendment { file: "units.toml", before: &units(None), after: &units(end) },
    ])?)
}

/// Waits until a desk sees a branch with its successor.
async fn held_by(office: &Office, case: &Names, heir: &pb::UnitRef) -> Result<pb::Branch, Failure> {
    let what = format!("the branch to be held by {}/{}", heir.party, heir.unit);
    until(office.name, &what, PATIENCE, async || {
        let branch = found(office, case).await?;
        let holder = branch.recipient.clone().unwrap_or_default();
        Ok(if holder == *heir {
            Seen::There(branch)
        } else {
            Seen::Instead(format!("{}/{}", holder.party, holder.unit))
        })
    })
    .await
}

/// Waits until what is left at the centre is a record.
async fn handed_over(centre: &Office, case: &Names) -> Result<(), Failure> {
    until(centre.name, "the branch to be a record", PATIENCE, async || {
        let is_record = found(centre, case).await?.conditions.contains(&pb::BranchCondition::HandedOver.into());
        Ok(if is_record { Seen::There(()) } else { Seen::Instead("a branch".to_owned()) })
    })
    .await
}

/// Nobody at the centre acts or reads any more.
async fn refused(centre: &Office, case: &Names, play: &Play<'_>) -> Result<(), Failure> {
    let given = Given {
        name: case.branch.clone(),
        etag: found(centre, case).await?.etag,
        person: WORKER.to_owned(),
        request_id: play.request_id(&case.branch),
        validate_only: false,
    };
    match make(Transition::Start, given, &centre.connection).await {
        Err(refused) if refused.reason() == reason::BRANCH_MOVED => {}
        Err(refused) => return Err(refused.into()),
        Ok(_) => return Err(Failure::because(Code::Differs, "the story expected the centre to be refused")),
    }
    let content = match get(&case.referral, Some(WORKER), &centre.connection).await {
        Ok(referral) => referral.content,
        Err(_) => None,
    };
    expect(content.is_none(), "the centre to read nothing any more")
}

/// The successor's file proves the whole branch. Limits may be passed: the clocks of a story can be hours apart.
async fn proven(play: &Play<'_>, world: &World, successor: &Office, case: &Names) -> Result<(), Failure> {
    let home = home::of(world, successor.name)?;
    until(successor.name, "evidence in which nothing is on its way", PATIENCE, async || {
        let named = case.referral.parse().map_err(|text: &str| Failure::because(Code::Failed, text))?;
        let (_, file) = evidence::make(named, &home, play.now(successor)).await?;
        let account = read(&file, &home, play.now(successor))?;
        let told = branch(&account, case)?;
        let found = told.findings.iter().map(|found| found.what.name());
        let found: Vec<_> = found.filter(|name| !BROKEN.contains(name)).collect();
        Ok(if found.is_empty() { Seen::There(()) } else { Seen::Instead(found.join(", ")) })
    })
    .await
}

/// The centre as a party, until it ends.
fn party(end: Option<Timestamp>) -> String {
    let over = end.map_or_else(String::new, |end| format!("expire_time = {end}\nsuccessors = [\"hanoi\", \"vwu\"]\n"));
    format!(
        "\n[[party]]\nparty = \"{centre}\"\nnames = {{ vi = \"Trung tâm Công tác xã hội (ví dụ)\", en = \"Social-work \
         centre (an example)\" }}\nstart_time = 2025-03-01T00:00:00+07:00\n{over}hostings = [{{ access_point = \
         \"{host}\", contracts = [\"nhipcau.referral.v1\"] }}]\n",
        centre = CENTRE.party,
        host = CENTRE.host,
    )
}

/// Its units, until each has a successor of its own.
fn units(end: Option<Timestamp>) -> String {
    let units = [
        ("children", "Phòng Trẻ em (ví dụ)", "Children's section (an example)", "child-protection", "hanoi/health"),
        ("women", "Phòng Phụ nữ (ví dụ)", "Women's section (an example)", "counselling", "vwu/desk"),
    ];
    let units = units.map(|(unit, vi, en, service, heir)| {
        let over = end.map_or_else(String::new, |end| format!("expire_time = {end}\nsuccessors = [\"{heir}\"]\n"));
        format!(
            "\n[[unit]]\nparty = \"{}\"\nunit = \"{unit}\"\nnames = {{ vi = \"{vi}\", en = \"{en}\" }}\n\
             start_time = 2025-03-01T00:00:00+07:00\n{over}services = [\"{service}\"]\n\
             hours = [{{ start = \"00:00\", end = \"24:00\" }}]\n",
            CENTRE.party,
        )
    });
    units.concat()
}

/// Whom it works with, in both directions.
fn agreements() -> String {
    let directions = ["moh", "hanoi", "vwu"].map(|other| {
        [(CENTRE.party, other), (other, CENTRE.party)].map(|(sender, recipient)| {
            format!(
                "\n[[agreement]]\nsender_party = \"{sender}\"\ncontract = \"nhipcau.referral.v1\"\n\
                 recipient_party = \"{recipient}\"\npurpose = \"protection\"\n\
                 start_time = 2025-07-01T00:00:00+07:00\n",
            )
        })
    });
    directions.concat().concat()
}
