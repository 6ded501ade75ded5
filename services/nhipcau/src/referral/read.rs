//! Reading: one referral, a list of them, and following what changes.

use std::{num::NonZeroUsize, time::Duration};

use nhipcau_proto::referral::v1 as pb;
use tokio::time::timeout;

use super::{code, show};
use crate::{
    client::{Connection, Options, Refused, document},
    exit::{Code, Failure},
    terminal::{self, counted},
};

/// Most referrals in one answer.
const PAGE: i32 = 500;
/// A stream that is silent for longer is dead: the contract promises a sign of life every 15 seconds.
const SILENCE: Duration = Duration::from_secs(45);

/// Arguments of `get`.
#[derive(Debug, clap::Args)]
pub(super) struct Get {
    /// Referral, parties/PARTY/referrals/UUID.
    name: String,
    #[command(flatten)]
    client: Options,
    /// With content, for the person named by --person; an access record is written.
    #[arg(long, requires = "person")]
    full: bool,
    /// Reference of the person who reads, never a name.
    #[arg(long, value_name = "REF")]
    person: Option<String>,
    /// As this branch of one's own party got it, and nothing of others: parties/PARTY/referrals/UUID/branches/UUID.
    #[arg(long, default_value = "", hide_default_value = true)]
    branch: String,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    client: Options,
    /// Only those with a branch in one of these states.
    #[arg(long, value_parser = code::parse::<pb::BranchState>)]
    state: Vec<pb::BranchState>,
    /// Only those with a branch in one of these conditions, such as overdue.
    #[arg(long, value_parser = code::parse::<pb::BranchCondition>)]
    condition: Vec<pb::BranchCondition>,
    /// Only those that one's own party opened (origin) or got (recipient).
    #[arg(long, value_parser = code::parse::<pb::Side>)]
    side: Option<pb::Side>,
    /// Only those of this case.
    #[arg(long, value_name = "UUID", default_value = "")]
    case: String,
    /// At most this many.
    #[arg(long, default_value = "50")]
    limit: NonZeroUsize,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

/// Arguments of `watch`.
#[derive(Debug, clap::Args)]
pub(super) struct Watch {
    #[command(flatten)]
    client: Options,
    /// Begins with the oldest change that is held, instead of with the next one.
    #[arg(long, conflicts_with = "cursor")]
    from_beginning: bool,
    /// Goes on after this cursor of an earlier watch.
    #[arg(long, default_value = "", hide_default_value = true)]
    cursor: String,
    /// Ends after so many changes.
    #[arg(long)]
    count: Option<NonZeroUsize>,
    /// Writes a JSON document in a line for each change, with its cursor.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run_get(args: Get) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let person = args.person.as_deref().filter(|_| args.full);
    let referral = get_by(&args.name, &args.branch, person, &connection).await?;
    if args.json {
        return terminal::json(&document::write(&referral)?);
    }
    terminal::line(show::Shown(&referral))?;
    match &referral.content {
        None => Ok(()),
        Some(content) => {
            terminal::line("  content:")?;
            terminal::json(&document::write(content)?)
        }
    }
}

/// Reads a referral; with content when a person is named.
pub(crate) async fn get(name: &str, person: Option<&str>, connection: &Connection) -> Result<pb::Referral, Refused> {
    get_by(name, "", person, connection).await
}

/// The same, as one branch got it where one is named.
pub(crate) async fn get_by(
    name: &str,
    branch: &str,
    person: Option<&str>,
    connection: &Connection,
) -> Result<pb::Referral, Refused> {
    let view = if person.is_some() { pb::ReferralView::Full } else { pb::ReferralView::Basic };
    let request = pb::GetReferralRequest {
        name: name.to_owned(),
        view: view.into(),
        acting_person: person.unwrap_or_default().to_owned(),
        branch: branch.to_owned(),
    };
    let answer = connection.call(&request, async |request| connection.referrals().get_referral(request).await);
    Ok(Box::pin(answer).await?.referral.unwrap_or_default())
}

pub(super) async fn run_list(args: List) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let request = pb::ListReferralsRequest {
        states: args.state.iter().map(|state| *state as i32).collect(),
        side: args.side.map_or(0, i32::from),
        conditions: args.condition.iter().map(|condition| *condition as i32).collect(),
        case_uid: args.case,
        ..pb::ListReferralsRequest::default()
    };
    let referrals = Box::pin(list(request, args.limit.get(), &connection)).await?;
    let found = pb::ListReferralsResponse { referrals, next_page_token: String::new() };
    if args.json {
        return terminal::json(&document::write(&found)?);
    }
    found.referrals.iter().try_for_each(|referral| terminal::line(show::Shown(referral)))?;
    terminal::progress(counted(found.referrals.len(), "referral"));
    Ok(())
}

/// Reads page by page what a request names, at most so many.
pub(crate) async fn list(
    mut request: pb::ListReferralsRequest,
    limit: usize,
    connection: &Connection,
) -> Result<Vec<pb::Referral>, Refused> {
    request.parent = connection.profile().parent();
    request.page_size = i32::try_from(limit).unwrap_or(PAGE).min(PAGE);
    let mut found = Vec::new();
    loop {
        let answer = connection.call(&request, async |request| connection.referrals().list_referrals(request).await);
        let pb::ListReferralsResponse { referrals, next_page_token } = Box::pin(answer).await?;
        found.extend(referrals);
        if next_page_token.is_empty() || found.len() >= limit {
            break;
        }
        request.page_token = next_page_token;
    }
    found.truncate(limit);
    Ok(found)
}

pub(super) async fn run_watch(args: Watch) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let start = if args.from_beginning { pb::WatchStart::Beginning } else { pb::WatchStart::Now };
    let mut request =
        pb::WatchReferralsRequest { parent: connection.profile().parent(), cursor: args.cursor, start: start.into() };
    let mut left = args.count.map(NonZeroUsize::get);
    while left != Some(0) {
        let answer =
            connection.call(&request, async |request| connection.referral_watch().watch_referrals(request).await);
        let mut stream = Box::pin(answer).await?;
        while left != Some(0) {
            let message = match timeout(SILENCE, stream.message()).await {
                Ok(Ok(Some(message))) => message,
                Ok(Err(status)) if !Refused::from(status.clone()).may_be_repeated() => {
                    return Err(Refused::from(status).into());
                }
                // Cut off or silent: on from the last cursor.
                _ if request.cursor.is_empty() && !args.from_beginning => {
                    let text = "the stream ended before its first cursor; what changed meanwhile would be missed";
                    return Err(Failure::because(Code::Unavailable, text));
                }
                _ => break,
            };
            request.cursor.clone_from(&message.cursor);
            let Some(branch) = &message.branch else { continue };
            if args.json {
                terminal::line(document::write(&message)?)?;
            } else {
                terminal::line(show::change(branch))?;
            }
            left = left.map(|left| left - 1);
        }
    }
    terminal::progress(format_args!("cursor {}", request.cursor));
    Ok(())
}
