//! A place for tonight: a ward asks two intake desks whether a mother with two children can be taken in, without a
//! name or a case. Whoever is on duty there is told that something waits. One desk says no, one holds until a time.
//! The referral that follows goes to three units for the first need, and for a second one elsewhere; each ends in
//! its own way, and one need is opened again. Every person in it is invented.

use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::{placement::v1 as placement, referral::v1 as pb};
use placement::PlacementState as Enquiry;

use super::{
    acts::{Names, act, expect, stands, unit},
    notices::{on_duty, told},
    office::Office,
    play::Play,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    exit::{Code, Failure},
    placement::{Deed, ask, get, list, make},
    referral::{self, Given, PURPOSE, Transition, example},
    sandbox::World,
};

/// References of the people who act, as their own organisations know them.
const WARD: &str = "can-bo-phuong";
const INTAKE: &str = "can-bo-tiep-nhan";
const SECOND: &str = "can-bo-tiep-nhan-2";
const HOTLINE: &str = "can-bo-111";
const LINE: &str = "can-bo-1900969680";

/// For how long the desk holds.
const HOLD: SignedDuration = SignedDuration::from_hours(2);
/// How often a person whose view was out of date looks again.
const LOOKS: usize = 5;
/// More enquiries than any story makes.
const MOST: usize = 100;

/// The units that are addressed for the first need, the desk that holds first.
const ADDRESSED: [(&str, &str); 3] = [("vwu", "desk"), ("vwu", "desk-2"), ("vwu", "1900969680")];

/// The steps.
pub(super) const STEPS: [&str; 16] = [
    "ask",
    "wake",
    "refuse",
    "hold",
    "hear",
    "refer",
    "confirm",
    "reject",
    "accept",
    "serve",
    "second-need",
    "try",
    "not-reached",
    "reopen",
    "take-up",
    "end",
];

/// Says who is on duty at the desk that holds and at the ward, before anything runs.
pub(super) fn prepare(world: &World) -> Result<(), Failure> {
    on_duty(world, ("vwu", "desk"), &[INTAKE])?;
    on_duty(world, ("hanoi", "00004"), &[WARD])
}

/// Plays it.
pub(super) async fn play(play: &Play<'_>, world: &World) -> Result<(), Failure> {
    let ([_, moh, vwu, hanoi], teller) = (play.offices(), play.teller());
    let [held, refused] = play
        .step("ask", async || {
            let held = ask(&asking(play, "desk"), &hanoi.connection).await?.0.uid;
            Ok([held, ask(&asking(play, "desk-2"), &hanoi.connection).await?.0.uid])
        })
        .await?;
    teller.say(
        "Đêm nay một người mẹ và hai con cần nơi an toàn; phường hỏi hai bộ phận tiếp nhận: số người, nhu cầu, không \
         họ tên, không địa điểm.",
        "Tonight a mother and two children need a place of safety; the ward asks two intake desks: counts and needs, \
         no name, no place.",
    )?;
    play.step("wake", async || told(world, "vwu", &[INTAKE]).await).await?;
    teller.say(
        "Người trực của bộ phận tiếp nhận được báo \"có việc cần xem\", không nói việc gì.",
        "Whoever is on duty at the intake desk is told that something waits, and nothing of what.",
    )?;
    play.step("refuse", async || {
        answer(play, vwu, &refused, SECOND, Deed::No(pb::RejectionCode::NoCapacity, false)).await?;
        is_in(hanoi, &refused, Enquiry::Refused).await.map(drop)
    })
    .await?;
    let until = play.now(vwu) + HOLD;
    play.step("hold", async || {
        answer(play, vwu, &held, INTAKE, Deed::Yes(until, false)).await?;
        let ours = is_in(hanoi, &held, Enquiry::Held).await?;
        let seconds = ours.hold_until_time.map(|time| time.seconds);
        expect(seconds == Some(until.as_second()), "the ward to know until when it is held")
    })
    .await?;
    teller.say(
        "Nơi thứ hai không nhận được; nơi thứ nhất giữ chỗ trong hai giờ, sau đó tự hết hạn.",
        "The second desk says no; the first one holds for two hours, after which it ends by itself.",
    )?;
    play.step("hear", async || told(world, "hanoi", &[WARD, WARD]).await).await?;
    teller.say(
        "Người trực của phường được báo sau mỗi câu trả lời: \"có việc cần xem\", không nói câu trả lời là gì.",
        "Whoever is on duty at the ward is told of each answer that something waits, and not what it says.",
    )?;
    let branches = play.step("refer", async || refer(play, hanoi, play.now(hanoi)).await).await?;
    let [first, second, third] = &branches;
    let uid = first.referral.rsplit('/').next().unwrap_or_default().to_owned();
    play.step("confirm", async || {
        answer(play, hanoi, &held, WARD, Deed::Confirm(uid.clone())).await?;
        let theirs = is_in(vwu, &held, Enquiry::Confirmed).await?;
        expect(theirs.referral_uid == uid && !theirs.late, "the desk to know for whom it holds")
    })
    .await?;
    play.step("reject", async || {
        act(play, vwu, second, SECOND, Transition::Reject(pb::RejectionCode::NoCapacity)).await?;
        stands(hanoi, second, pb::BranchState::Rejected).await
    })
    .await?;
    play.step("accept", async || {
        act(play, vwu, first, INTAKE, Transition::Accept).await?;
        stands(hanoi, first, pb::BranchState::Assigned).await?;
        stands(hanoi, third, pb::BranchState::Relieved).await?;
        stands(vwu, third, pb::BranchState::Relieved).await
    })
    .await?;
    teller.say(
        "Chuyển gửi tới ba nơi cho cùng một nhu cầu: nơi giữ chỗ nhận, một nơi từ chối, nơi thứ ba được giải phóng.",
        "For one need three units were addressed: the desk that holds accepts, one rejects, the third is relieved.",
    )?;
    play.step("serve", async || {
        act(play, vwu, first, INTAKE, Transition::Start).await?;
        stands(hanoi, first, pb::BranchState::InService).await
    })
    .await?;
    let hotline = play
        .step("second-need", async || {
            let opened = open(play, hanoi, first, ("moh", "111"), None).await?;
            stands(hanoi, &opened, pb::BranchState::Received).await?;
            Ok(opened)
        })
        .await?;
    play.step("try", async || {
        act(play, moh, &hotline, HOTLINE, Transition::Accept).await?;
        stands(moh, &hotline, pb::BranchState::Assigned).await
    })
    .await?;
    play.step("not-reached", async || {
        act(play, moh, &hotline, HOTLINE, Transition::Complete(pb::Outcome::NotReached)).await?;
        stands(hanoi, &hotline, pb::BranchState::Completed).await?;
        act(play, hanoi, &hotline, WARD, Transition::Close).await?;
        stands(moh, &hotline, pb::BranchState::Closed).await
    })
    .await?;
    let line = play
        .step("reopen", async || {
            let opened = open(play, hanoi, &hotline, ("vwu", "1900969680"), Some(&hotline.branch)).await?;
            stands(hanoi, &opened, pb::BranchState::Received).await?;
            Ok(opened)
        })
        .await?;
    teller.say(
        "Nhu cầu thứ hai: 111 không liên lạc được với người mẹ; phường mở lại nhu cầu ấy tại đường dây 1900969680.",
        "The second need: 111 does not reach the mother; the ward opens that need again at the line 1900969680.",
    )?;
    play.step("take-up", async || {
        act(play, vwu, &line, LINE, Transition::Accept).await?;
        stands(hanoi, &line, pb::BranchState::Assigned).await?;
        stands(vwu, &line, pb::BranchState::Assigned).await
    })
    .await?;
    play.step("end", async || {
        act(play, vwu, first, INTAKE, Transition::Complete(pb::Outcome::Resolved)).await?;
        stands(hanoi, first, pb::BranchState::Completed).await?;
        act(play, hanoi, first, WARD, Transition::Close).await?;
        stands(vwu, first, pb::BranchState::Closed).await
    })
    .await?;
    teller.say(
        "Nhu cầu thứ nhất kết thúc; nhu cầu thứ hai tiếp tục: mỗi nhánh một kết quả.",
        "The first need is at its end, the second goes on: each branch has its own outcome.",
    )
}

/// How each enquiry stands at each side, without times and ids.
pub(super) async fn ends(play: &Play<'_>) -> Result<Vec<String>, Failure> {
    let mut ends = Vec::new();
    for office in play.offices() {
        for enquiry in list(MOST, &[], &office.connection).await?.placements {
            let unit = enquiry.recipient.clone().unwrap_or_default();
            let (party, state) = (office.name, enquiry.state().as_str_name());
            ends.push(format!("enquiry of {}/{} as {party} sees it: {state}", unit.party, unit.unit));
        }
    }
    ends.sort();
    Ok(ends)
}

/// What a desk is asked.
fn asking(play: &Play<'_>, desk: &str) -> placement::AskPlacementRequest {
    let person = |age: pb::AgeGroup, sex: pb::Sex, count| placement::PersonCount {
        age_group: age.into(),
        sex: sex.into(),
        count,
    };
    let persons = vec![person(pb::AgeGroup::Adult, pb::Sex::Female, 1), person(pb::AgeGroup::Under6, pb::Sex::Male, 2)];
    placement::AskPlacementRequest {
        request_id: play.request_id(desk),
        origin: Some(unit("hanoi", "00004")),
        recipient: Some(unit("vwu", desk)),
        acting_person: WARD.to_owned(),
        purpose: PURPOSE.to_owned(),
        need: Some(placement::PlacementNeed { persons, needs: vec![pb::ServiceType::SafePlace.into()] }),
        from_time: None,
        validate_only: false,
    }
}

/// Submits the referral to every unit of the first need, and waits until each holds it.
async fn refer(play: &Play<'_>, hanoi: &Office, now: Timestamp) -> Result<[Names; 3], Failure> {
    let request = example(pb::ReferralKind::Referral, unit("hanoi", "00004"), unit("vwu", "desk"), now);
    let request_id = play.request_id("refer");
    let recipients = ADDRESSED.map(|(party, name)| unit(party, name)).to_vec();
    let request = pb::SubmitReferralRequest { request_id, recipients, acting_person: WARD.to_owned(), ..request };
    let referral = referral::submit(&request, &hanoi.connection).await?.referral.unwrap_or_default();
    let names = |(party, name)| {
        let is_its = |branch: &&pb::Branch| branch.recipient.as_ref() == Some(&unit(party, name));
        let branch = referral.branches.iter().find(is_its).map(|branch| branch.name.clone());
        let missing = || Failure::because(Code::Failed, format!("no branch for {party}/{name}"));
        Ok::<_, Failure>(Names { referral: referral.name.clone(), branch: branch.ok_or_else(missing)? })
    };
    let [first, second, third] = ADDRESSED.map(names);
    let branches = [first?, second?, third?];
    for branch in &branches {
        stands(hanoi, branch, pb::BranchState::Received).await?;
    }
    Ok(branches)
}

/// Opens a branch for a new need, or for one that was over; whose view was out of date looks again.
async fn open(
    play: &Play<'_>,
    hanoi: &Office,
    case: &Names,
    (party, name): (&str, &str),
    again: Option<&str>,
) -> Result<Names, Failure> {
    for look in 1.. {
        let request_id = play.request_id(&format!("open {look}"));
        let etag = match play.asked(&request_id) {
            Some(given) => given.etag,
            None => referral::get(&case.referral, None, &hanoi.connection).await?.etag,
        };
        let (name_of, person) = (case.referral.clone(), WARD.to_owned());
        play.ask(&Given {
            name: name_of.clone(),
            etag: etag.clone(),
            person: person.clone(),
            request_id: request_id.clone(),
            validate_only: false,
        });
        let request = pb::OpenBranchRequest {
            request_id,
            name: name_of,
            etag,
            acting_person: person,
            validate_only: false,
            recipient: Some(unit(party, name)),
            cause_branch: again.unwrap_or_default().to_owned(),
            reopen: again.is_some(),
            force: false,
        };
        match referral::open_branch(&request, &hanoi.connection).await {
            Err(refused) if refused.reason() == nhipcau_domain::reason::ETAG_STALE && look < LOOKS => {}
            Err(refused) => return Err(refused.into()),
            Ok(opened) => {
                let branch = opened.branch.unwrap_or_default().name;
                return Ok(Names { referral: case.referral.clone(), branch });
            }
        }
    }
    Err(Failure::because(Code::Failed, "the branch was changed again and again"))
}

fn name(office: &Office, uid: &str) -> String {
    format!("parties/{}/placements/{uid}", office.name)
}

/// An enquiry as an office sees it; none while it has not arrived, which is answered as what one may not see.
async fn seen(office: &Office, uid: &str) -> Result<Option<placement::Placement>, Failure> {
    match get(&name(office, uid), None, &office.connection).await {
        Ok(enquiry) => Ok(Some(enquiry)),
        Err(refused) if refused.reason() == nhipcau_domain::reason::ACCESS_DENIED => Ok(None),
        Err(refused) => Err(refused.into()),
    }
}

/// Waits until an enquiry stands in a state at an office.
async fn is_in(office: &Office, uid: &str, state: Enquiry) -> Result<placement::Placement, Failure> {
    let what = format!("the enquiry to become {}", state.as_str_name());
    until(office.name, &what, PATIENCE, async || {
        Ok(match seen(office, uid).await? {
            Some(enquiry) if enquiry.state() == state => Seen::There(enquiry),
            Some(enquiry) => Seen::Instead(enquiry.state().as_str_name().to_owned()),
            None => Seen::Instead("nothing".to_owned()),
        })
    })
    .await
}

/// A person acts on an enquiry as it stands, once it is there; whose view was out of date looks again.
async fn answer(play: &Play<'_>, office: &Office, uid: &str, person: &str, deed: Deed) -> Result<(), Failure> {
    until(office.name, "the enquiry to arrive", PATIENCE, async || {
        Ok(seen(office, uid).await?.map_or_else(|| Seen::Instead("nothing".to_owned()), |_| Seen::There(())))
    })
    .await?;
    for look in 1.. {
        let request_id = play.request_id(&format!("{} {person} {look}", office.name));
        let given = match play.asked(&request_id) {
            Some(given) => given,
            None => {
                let etag = get(&name(office, uid), None, &office.connection).await?.etag;
                Given { name: name(office, uid), etag, person: person.to_owned(), request_id, validate_only: false }
            }
        };
        play.ask(&given);
        match make(deed.clone(), given, &office.connection).await {
            Err(refused) if refused.reason() == nhipcau_domain::reason::ETAG_STALE && look < LOOKS => {}
            Err(refused) => return Err(refused.into()),
            Ok(_) => break,
        }
    }
    Ok(())
}
