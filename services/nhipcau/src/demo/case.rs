//! The case of the story: handed over by the switchboard to a ward, then referred by the ward to an intake desk, both
//! to their end. Every person in it is invented.

use jiff::Timestamp;
use nhipcau_proto::referral::v1 as pb;

use super::{
    desk::Desk,
    tell::Teller,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    client::request_id,
    exit::{Code, Failure},
    referral::{self, Given, Transition, example, get},
};

/// References of the people who act, as their own organisations know them.
const HOTLINE: &str = "can-bo-111";
const WARD: &str = "can-bo-phuong";
const INTAKE: &str = "can-bo-tiep-nhan";

/// How often a person whose view was out of date looks again.
const LOOKS: usize = 5;

/// A TRANSFER from switchboard 111 to the ward: the ward answers for the child from the acknowledgement on.
pub(super) async fn transfer(moh: &Desk, hanoi: &Desk, teller: &Teller) -> Result<pb::Referral, Failure> {
    let request = example(pb::ReferralKind::Transfer, unit("moh", "111"), unit("hanoi", "00004"), Timestamp::now());
    let case = submit(moh, HOTLINE, request).await?;
    teller.say(
        "Tổng đài 111 chuyển vụ việc cho phường Ba Đình, đủ thông tin, không gồm người báo tin.",
        "Switchboard 111 hands the case over to Ba Đình Ward with everything but the reporter.",
    )?;
    stands(moh, &case, pb::BranchState::Received).await?;
    teller.say(
        "Tổng đài giữ biên nhận có chữ ký của Hà Nội; Tổng đài vẫn chịu trách nhiệm.",
        "The switchboard holds Hà Nội's signed receipt, and still answers for the child.",
    )?;
    act(hanoi, &case, WARD, Transition::Acknowledge).await?;
    let branch = stands(moh, &case, pb::BranchState::Assigned).await?;
    expect(branch.responsible_side() == pb::Side::Recipient, "the ward to answer for the child")?;
    stands(hanoi, &case, pb::BranchState::Assigned).await?;
    reads(hanoi, &case, WARD, true).await?;
    teller.say(
        "Một cán bộ của phường xác nhận; từ lúc này phường chịu trách nhiệm.",
        "A person at the ward acknowledges; from now on the ward answers for the child.",
    )?;
    serve(hanoi, moh, &case, [WARD, HOTLINE], pb::Outcome::OngoingElsewhere).await?;
    teller.say(
        "Phường can thiệp, báo kết quả; Tổng đài kết thúc việc chuyển giao.",
        "The ward acts and reports the outcome; the switchboard closes the transfer.",
    )?;
    origin_view(moh, &case).await
}

/// A REFERRAL of the same case from the ward to the intake desk: codes first, identity only after acceptance.
pub(super) async fn referral(
    hanoi: &Desk,
    vwu: &Desk,
    transfer: &pb::Referral,
    teller: &Teller,
) -> Result<pb::Referral, Failure> {
    let request = example(pb::ReferralKind::Referral, unit("hanoi", "00004"), unit("vwu", "desk"), Timestamp::now());
    let request = pb::SubmitReferralRequest { case_uid: transfer.case_uid.clone(), ..request };
    let case = submit(hanoi, WARD, request).await?;
    stands(hanoi, &case, pb::BranchState::Received).await?;
    reads(vwu, &case, INTAKE, false).await?;
    teller.say(
        "Phường chuyển gửi cháu tới Ngôi nhà Bình yên; trước khi chấp nhận, bên nhận chỉ thấy các mã.",
        "The ward asks the intake desk for help; before it accepts, the desk sees codes and no name.",
    )?;
    act(vwu, &case, INTAKE, Transition::Acknowledge).await?;
    stands(hanoi, &case, pb::BranchState::Acknowledged).await?;
    act(vwu, &case, INTAKE, Transition::Accept).await?;
    let branch = stands(hanoi, &case, pb::BranchState::Assigned).await?;
    expect(branch.responsible_side() == pb::Side::Origin, "the ward to answer for the child still")?;
    stands(vwu, &case, pb::BranchState::Assigned).await?;
    reads(vwu, &case, INTAKE, true).await?;
    teller.say(
        "Bên nhận chấp nhận; chỉ khi đó phần nhân thân và phần trình bày mới được gửi.",
        "The desk accepts; only then identity and narrative are sent.",
    )?;
    serve(vwu, hanoi, &case, [INTAKE, WARD], pb::Outcome::Resolved).await?;
    teller.say(
        "Dịch vụ hoàn thành; phường kết thúc việc chuyển gửi.",
        "The service is completed; the ward closes the referral.",
    )?;
    origin_view(hanoi, &case).await
}

/// A branch of the story by its names.
struct Names {
    referral: String,
    branch: String,
}

async fn submit(origin: &Desk, person: &str, request: pb::SubmitReferralRequest) -> Result<Names, Failure> {
    let request =
        pb::SubmitReferralRequest { request_id: request_id(None), acting_person: person.to_owned(), ..request };
    let referral = referral::submit(&request, &origin.connection).await?.referral.unwrap_or_default();
    let branch = referral.branches.first().map(|branch| branch.name.clone());
    let missing = || Failure::because(Code::Failed, format!("{} opened no branch", origin.name));
    Ok(Names { branch: branch.ok_or_else(missing)?, referral: referral.name })
}

/// Service, outcome, closing.
async fn serve(
    recipient: &Desk,
    origin: &Desk,
    case: &Names,
    [there, here]: [&str; 2],
    outcome: pb::Outcome,
) -> Result<(), Failure> {
    act(recipient, case, there, Transition::Start).await?;
    stands(origin, case, pb::BranchState::InService).await?;
    act(recipient, case, there, Transition::Complete(outcome)).await?;
    stands(origin, case, pb::BranchState::Completed).await?;
    act(origin, case, here, Transition::Close).await?;
    stands(recipient, case, pb::BranchState::Closed).await.map(drop)
}

/// A person acts on a branch as it stands; whose view was out of date looks again.
async fn act(desk: &Desk, case: &Names, person: &str, transition: Transition) -> Result<(), Failure> {
    for look in 1.. {
        let branch = found(desk, case).await?;
        let given = Given {
            name: case.branch.clone(),
            etag: branch.etag,
            person: person.to_owned(),
            request_id: request_id(None),
            validate_only: false,
        };
        match referral::make(transition.clone(), given, &desk.connection).await {
            Err(refused) if refused.reason() == nhipcau_domain::reason::ETAG_STALE && look < LOOKS => {}
            Err(refused) => return Err(refused.into()),
            Ok(_) => break,
        }
    }
    Ok(())
}

/// Waits until the branch has arrived at a desk.
async fn found(desk: &Desk, case: &Names) -> Result<pb::Branch, Failure> {
    let look = async || {
        let seen = look(desk, case).await?;
        Ok(seen.map_or_else(|| Seen::Instead("nothing".to_owned()), Seen::There))
    };
    until(desk.name, "the branch to arrive", PATIENCE, look).await
}

/// Waits until a branch stands in a state at a desk.
async fn stands(desk: &Desk, case: &Names, state: pb::BranchState) -> Result<pb::Branch, Failure> {
    let what = format!("the branch to become {}", state.as_str_name());
    let look = async || {
        Ok(match look(desk, case).await? {
            Some(branch) if branch.state() == state => Seen::There(branch),
            Some(branch) => Seen::Instead(branch.state().as_str_name().to_owned()),
            None => Seen::Instead("nothing".to_owned()),
        })
    };
    until(desk.name, &what, PATIENCE, look).await
}

/// A branch as a desk sees it; none while it has not arrived, which is answered as what one may not see.
async fn look(desk: &Desk, case: &Names) -> Result<Option<pb::Branch>, Failure> {
    match get(&case.referral, None, &desk.connection).await {
        Ok(referral) => Ok(referral.branches.into_iter().find(|branch| branch.name == case.branch)),
        Err(refused) if refused.reason() == nhipcau_domain::reason::ACCESS_DENIED => Ok(None),
        Err(refused) => Err(refused.into()),
    }
}

/// A person reads the content, and sees who the child is exactly when that was disclosed.
async fn reads(desk: &Desk, case: &Names, person: &str, is_disclosed: bool) -> Result<(), Failure> {
    found(desk, case).await?;
    let content = get(&case.referral, Some(person), &desk.connection).await?.content.unwrap_or_default();
    let sees = (content.identity.is_some(), content.narrative.is_some(), content.reporter.is_some());
    expect(content.preview.is_some(), "the preview to be readable")?;
    expect(sees == (is_disclosed, is_disclosed, false), "identity and narrative to be readable exactly when disclosed")
}

/// The referral as its origin shows it at the end.
async fn origin_view(origin: &Desk, case: &Names) -> Result<pb::Referral, Failure> {
    Ok(get(&case.referral, None, &origin.connection).await?)
}

fn expect(fact: bool, what: &str) -> Result<(), Failure> {
    if fact { Ok(()) } else { Err(Failure::because(Code::Differs, format!("the story expected {what}"))) }
}

fn unit(party: &str, unit: &str) -> pb::UnitRef {
    pb::UnitRef { party: party.to_owned(), unit: unit.to_owned() }
}
