//! What asks a desk, answers for one, and ends a hold.

use jiff::Timestamp;
use nhipcau_domain::referral::write_time;
use nhipcau_proto::{placement::v1 as pb, referral::v1 as referral};
use serde_json::json;

use super::{read::get, show::Shown};
use crate::{
    client::{Connection, Refused, document},
    exit::Failure,
    referral::{Change, Given, PURPOSE, code, unit},
    terminal,
};

/// Arguments of `ask`.
#[derive(Debug, clap::Args)]
pub(super) struct Ask {
    /// Unit that asks.
    #[arg(long, value_name = "PARTY/UNIT", value_parser = unit)]
    unit: referral::UnitRef,
    /// Intake desk.
    #[arg(long, value_name = "PARTY/UNIT", value_parser = unit)]
    to: referral::UnitRef,
    /// So many persons of an age group and a sex, such as adult:female:1; once for each group.
    #[arg(long, value_name = "AGE:SEX:COUNT", value_parser = persons, required = true)]
    persons: Vec<pb::PersonCount>,
    /// What they need, such as safe-place; once for each.
    #[arg(long, value_parser = code::parse::<referral::ServiceType>, required = true)]
    need: Vec<referral::ServiceType>,
    /// From when on; tonight when left out.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Purpose under which the parties agreed to exchange.
    #[arg(long, default_value = PURPOSE)]
    purpose: String,
    /// Reference of the acting person, never a name.
    #[arg(long, value_name = "REF")]
    person: String,
    #[command(flatten)]
    change: Change,
}

/// The enquiry that is changed, as the caller read it.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// Enquiry, parties/PARTY/placements/UUID.
    name: String,
    /// Etag of the enquiry as it was read; the present one when left out.
    #[arg(long)]
    etag: Option<String>,
    /// Reference of the acting person, never a name.
    #[arg(long, value_name = "REF")]
    person: String,
    #[command(flatten)]
    change: Change,
}

/// Arguments of `answer`.
#[derive(Debug, clap::Args)]
pub(super) struct Answer {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    said: Said,
    /// The person has seen that the asking party asked more often than it may in an hour.
    #[arg(long)]
    despite_limit: bool,
}

/// What the desk says; one of them.
#[derive(Debug, clap::Args)]
#[group(id = "said", required = true, multiple = false)]
struct Said {
    /// Yes, and it is held until this time.
    #[arg(long, value_name = "TIME")]
    yes_until: Option<Timestamp>,
    /// No, and why.
    #[arg(long, value_name = "CODE", value_parser = code::parse::<referral::RejectionCode>)]
    no: Option<referral::RejectionCode>,
    /// The desk wants to be called.
    #[arg(long)]
    call_me: bool,
}

/// Arguments of `confirm`.
#[derive(Debug, clap::Args)]
pub(super) struct Confirm {
    #[command(flatten)]
    target: Target,
    /// UUID of the referral that was submitted to the desk.
    #[arg(long, value_name = "UUID")]
    referral: uuid::Uuid,
}

/// What is done about an enquiry.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    /// Yes, until then.
    Yes(Timestamp, bool),
    /// No.
    No(referral::RejectionCode, bool),
    /// The desk wants to be called.
    CallMe(bool),
    /// The hold is for this referral.
    Confirm(String),
    /// The hold is needed no more.
    Release,
    /// The enquiry is taken back.
    Withdraw,
}

/// Reads `adult:female:1`.
fn persons(text: &str) -> Result<pb::PersonCount, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let [age, sex, count] = parts.as_slice() else { return Err("expected AGE:SEX:COUNT".to_owned()) };
    let age_group = code::parse::<referral::AgeGroup>(age)?.into();
    let sex = code::parse::<referral::Sex>(sex)?.into();
    let count = count.parse().map_err(|_| "expected a number of persons".to_owned())?;
    Ok(pb::PersonCount { age_group, sex, count })
}

pub(super) async fn run_ask(args: Ask) -> Result<(), Failure> {
    let (connection, request_id) = args.change.begin()?;
    let request = pb::AskPlacementRequest {
        request_id,
        origin: Some(args.unit),
        recipient: Some(args.to),
        acting_person: args.person,
        validate_only: args.change.validate_only,
        purpose: args.purpose,
        need: Some(pb::PlacementNeed { persons: args.persons, needs: args.need.into_iter().map(Into::into).collect() }),
        from_time: args.from.map(write_time),
    };
    let (placement, replayed) = ask(&request, &connection).await?;
    told(&args.change, &placement, replayed)
}

pub(super) async fn run_answer(args: Answer) -> Result<(), Failure> {
    let despite = args.despite_limit;
    let deed = match (args.said.yes_until, args.said.no) {
        (Some(until), _) => Deed::Yes(until, despite),
        (_, Some(code)) => Deed::No(code, despite),
        _ => Deed::CallMe(despite),
    };
    Box::pin(run(args.target, deed)).await
}

pub(super) async fn run_confirm(args: Confirm) -> Result<(), Failure> {
    Box::pin(run(args.target, Deed::Confirm(args.referral.to_string()))).await
}

/// Does something about an enquiry, and shows it then.
pub(super) async fn run(target: Target, deed: Deed) -> Result<(), Failure> {
    let (connection, request_id) = target.change.begin()?;
    let etag = match target.etag {
        Some(etag) => etag,
        None => get(&target.name, None, &connection).await?.etag,
    };
    terminal::progress(format_args!("etag {etag}"));
    let (name, person, validate_only) = (target.name, target.person, target.change.validate_only);
    let given = Given { name, etag, person, request_id, validate_only };
    let (placement, replayed) = Box::pin(make(deed, given, &connection)).await?;
    told(&target.change, &placement, replayed)
}

/// Asks a desk.
pub(crate) async fn ask(
    request: &pb::AskPlacementRequest,
    connection: &Connection,
) -> Result<(pb::Placement, bool), Refused> {
    let answer = connection.call(request, async |request| connection.placements().ask_placement(request).await);
    let answer = Box::pin(answer).await?;
    Ok((answer.placement.unwrap_or_default(), answer.replayed))
}

/// Does something about an enquiry.
pub(crate) async fn make(deed: Deed, given: Given, connection: &Connection) -> Result<(pb::Placement, bool), Refused> {
    let Given { name, etag, person: acting_person, request_id, validate_only } = given;
    macro_rules! make {
        ($request:ident, $method:ident $(, $field:ident: $value:expr)*) => {{
            let request = pb::$request { request_id, name, etag, acting_person, validate_only, $($field: $value,)* };
            let answer = connection.call(&request, async |request| connection.placements().$method(request).await);
            let answer = Box::pin(answer).await?;
            (answer.placement.unwrap_or_default(), answer.replayed)
        }};
    }
    macro_rules! answer {
        ($answer:ident, $until:expr, $code:expr, $despite:expr) => {
            make!(
                AnswerPlacementRequest, answer_placement, answer: pb::PlacementAnswer::$answer.into(),
                hold_until_time: $until, code: $code, despite_limit: $despite
            )
        };
    }
    Ok(match deed {
        Deed::Yes(until, despite) => answer!(Yes, Some(write_time(until)), 0, despite),
        Deed::No(code, despite) => answer!(No, None, code.into(), despite),
        Deed::CallMe(despite) => answer!(CallMe, None, 0, despite),
        Deed::Confirm(referral_uid) => {
            make!(ConfirmPlacementRequest, confirm_placement, referral_uid: referral_uid)
        }
        Deed::Release => make!(ReleasePlacementRequest, release_placement),
        Deed::Withdraw => make!(WithdrawPlacementRequest, withdraw_placement),
    })
}

/// Shows the enquiry after a change.
fn told(change: &Change, placement: &pb::Placement, replayed: bool) -> Result<(), Failure> {
    if change.json {
        return terminal::json(&json!({ "placement": document::write(placement)?, "replayed": replayed }));
    }
    if change.validate_only {
        return terminal::line("would be accepted; nothing was changed");
    }
    if replayed {
        terminal::progress("asked before under the same request id");
    }
    terminal::line(Shown(placement))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_typed_as_codes_and_a_number_and_anything_else_is_refused() {
        let typed = persons("adult:female:2").unwrap();
        let expected = (referral::AgeGroup::Adult.into(), referral::Sex::Female.into(), 2);
        assert_eq!((typed.age_group, typed.sex, typed.count), expected);
        for text in ["adult:female", "adult:female:two", "adult:someone:1", "34:female:1", ""] {
            assert!(persons(text).is_err(), "{text}");
        }
    }
}
