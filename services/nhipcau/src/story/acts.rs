//! What people do in stories: submit, act on a branch, look until it stands as expected, read what was disclosed.

use nhipcau_proto::referral::v1 as pb;

use super::{
    office::Office,
    play::Play,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    exit::{Code, Failure},
    referral::{self, Given, Transition, get, get_by, list},
};

/// How often a person whose view was out of date looks again.
const LOOKS: usize = 5;
/// More referrals than any story opens.
const MOST: usize = 100;

/// A branch of the story by its names.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) referral: String,
    pub(super) branch: String,
}

/// Submits a referral with one recipient.
pub(super) async fn submit(
    play: &Play<'_>,
    origin: &Office,
    person: &str,
    request: pb::SubmitReferralRequest,
) -> Result<Names, Failure> {
    let request_id = play.request_id(origin.name);
    let request = pb::SubmitReferralRequest { request_id, acting_person: person.to_owned(), ..request };
    let referral = referral::submit(&request, &origin.connection).await?.referral.unwrap_or_default();
    asked(&referral)
}

/// The branch of a referral that was opened first for what it asks: whoever is only told has one too.
pub(super) fn asked(referral: &pb::Referral) -> Result<Names, Failure> {
    let branch = referral.branches.iter().find(|branch| branch.kind == referral.kind);
    let branch = branch.ok_or_else(|| Failure::because(Code::Failed, "a referral was opened without a branch"))?;
    Ok(Names { referral: referral.name.clone(), branch: branch.name.clone() })
}

/// Waits until a unit is asked for what the referral asks, by whoever turns to it.
pub(super) async fn turned_to(origin: &Office, case: &Names, to: pb::UnitRef) -> Result<Names, Failure> {
    until(origin.name, "the level above to be asked", PATIENCE, async || {
        let pb::Referral { kind, branches, .. } = get(&case.referral, None, &origin.connection).await?;
        let above = branches.iter().find(|branch| branch.kind == kind && branch.recipient.as_ref() == Some(&to));
        Ok(above.map_or_else(
            || Seen::Instead(format!("{} branch", branches.len())),
            |above| Seen::There(Names { branch: above.name.clone(), ..case.clone() }),
        ))
    })
    .await
}

/// A person acts on a branch as it stands; whose view was out of date looks again.
pub(super) async fn act(
    play: &Play<'_>,
    office: &Office,
    case: &Names,
    person: &str,
    transition: Transition,
) -> Result<(), Failure> {
    for look in 1.. {
        let request_id = play.request_id(&format!("{} {person} {look}", office.name));
        let given = match play.asked(&request_id) {
            Some(given) => given,
            None => {
                let etag = found(office, case).await?.etag;
                let (name, person) = (case.branch.clone(), person.to_owned());
                Given { name, etag, person, request_id, validate_only: false }
            }
        };
        play.ask(&given);
        match referral::make(transition.clone(), given, &office.connection).await {
            Err(refused) if refused.reason() == nhipcau_domain::reason::ETAG_STALE && look < LOOKS => {}
            Err(refused) => return Err(refused.into()),
            Ok(_) => break,
        }
    }
    Ok(())
}

/// Waits until the branch has arrived at a desk.
pub(super) async fn found(office: &Office, case: &Names) -> Result<pb::Branch, Failure> {
    let look = async || {
        let seen = look(office, case).await?;
        Ok(seen.map_or_else(|| Seen::Instead("nothing".to_owned()), Seen::There))
    };
    until(office.name, "the branch to arrive", PATIENCE, look).await
}

/// Waits until a branch stands in a state at a desk.
pub(super) async fn stands(office: &Office, case: &Names, state: pb::BranchState) -> Result<pb::Branch, Failure> {
    let what = format!("the branch to become {}", state.as_str_name());
    let look = async || {
        Ok(match look(office, case).await? {
            Some(branch) if branch.state() == state => Seen::There(branch),
            Some(branch) => Seen::Instead(branch.state().as_str_name().to_owned()),
            None => Seen::Instead("nothing".to_owned()),
        })
    };
    until(office.name, &what, PATIENCE, look).await
}

/// A branch as a desk sees it; none while it has not arrived, which is answered as what one may not see.
async fn look(office: &Office, case: &Names) -> Result<Option<pb::Branch>, Failure> {
    match get(&case.referral, None, &office.connection).await {
        Ok(referral) => Ok(referral.branches.into_iter().find(|branch| branch.name == case.branch)),
        Err(refused) if refused.reason() == nhipcau_domain::reason::ACCESS_DENIED => Ok(None),
        Err(refused) => Err(refused.into()),
    }
}

/// A person reads the content, and sees who the child is exactly when that was disclosed.
pub(super) async fn reads(office: &Office, case: &Names, person: &str, is_disclosed: bool) -> Result<(), Failure> {
    found(office, case).await?;
    let content = get(&case.referral, Some(person), &office.connection).await?.content.unwrap_or_default();
    let sees = (content.identity.is_some(), content.narrative.is_some(), content.reporter.is_some());
    expect(content.preview.is_some(), "the preview to be readable")?;
    expect(sees == (is_disclosed, is_disclosed, false), "identity and narrative to be readable exactly when disclosed")
}

/// A person reads what one branch was given: the coded preview, and never who the child is.
pub(super) async fn reads_preview(office: &Office, case: &Names, person: &str) -> Result<(), Failure> {
    found(office, case).await?;
    let read = get_by(&case.referral, &case.branch, Some(person), &office.connection).await?;
    let content = read.content.unwrap_or_default();
    let is_preview = content.preview.is_some() && content.identity.is_none() && content.narrative.is_none();
    expect(is_preview && content.reporter.is_none(), "nothing but the preview to be readable")
}

/// The referral as its origin shows it at the end.
pub(super) async fn origin_view(origin: &Office, case: &Names) -> Result<pb::Referral, Failure> {
    Ok(get(&case.referral, None, &origin.connection).await?)
}

/// Every referral that anybody opened, as its origin shows it: one that was opened twice is there twice.
pub(super) async fn opened(play: &Play<'_>) -> Result<Vec<pb::Referral>, Failure> {
    let mut opened = Vec::new();
    for office in play.offices() {
        let request = pb::ListReferralsRequest { side: pb::Side::Origin.into(), ..pb::ListReferralsRequest::default() };
        for listed in Box::pin(list(request, MOST, &office.connection)).await? {
            opened.push(get(&listed.name, None, &office.connection).await?);
        }
    }
    Ok(opened)
}

/// Fails unless the story stands as it should.
pub(super) fn expect(fact: bool, what: &str) -> Result<(), Failure> {
    if fact { Ok(()) } else { Err(Failure::because(Code::Differs, format!("the story expected {what}"))) }
}

/// A unit by its names.
pub(super) fn unit(party: &str, unit: &str) -> pb::UnitRef {
    pb::UnitRef { party: party.to_owned(), unit: unit.to_owned() }
}
