//! Reading hand-overs: one, or a list of them.

use std::num::NonZeroUsize;

use nhipcau_proto::{referral::v1::ReferralView, switchboard::v1 as pb};

use super::show::ShownHandover;
use crate::{
    client::{Connection, Options, Refused, document},
    exit::Failure,
    referral::code,
    terminal::{self, counted},
};

/// Most hand-overs in one answer.
const PAGE: i32 = 500;

/// Arguments of `handovers`.
#[derive(Debug, clap::Args)]
pub(super) struct Handovers {
    /// One of them, parties/PARTY/handovers/UUID; all when left out.
    #[arg(conflicts_with_all = ["state", "limit"])]
    name: Option<String>,
    #[command(flatten)]
    client: Options,
    /// With what was told, for the person named by --person; an access record is written.
    #[arg(long, requires_all = ["person", "name"])]
    full: bool,
    /// Reference of the person who reads, never a name.
    #[arg(long, value_name = "REF")]
    person: Option<String>,
    /// Only those in one of these states.
    #[arg(long, value_parser = code::parse::<pb::HandoverState>)]
    state: Vec<pb::HandoverState>,
    /// At most this many.
    #[arg(long, default_value = "50")]
    limit: NonZeroUsize,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Handovers) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let Some(name) = &args.name else {
        let found = list(args.limit.get(), &args.state, &connection).await?;
        if args.json {
            return terminal::json(&document::write(&found)?);
        }
        found.handovers.iter().try_for_each(|handover| terminal::line(ShownHandover(handover)))?;
        terminal::progress(counted(found.handovers.len(), "hand-over"));
        return Ok(());
    };
    let handover = find(name, args.person.as_deref().filter(|_| args.full), &connection).await?;
    if args.json {
        return terminal::json(&document::write(&handover)?);
    }
    terminal::line(ShownHandover(&handover))?;
    match &handover.content {
        None => Ok(()),
        Some(content) => {
            terminal::line("  told:")?;
            terminal::json(&document::write(content)?)
        }
    }
}

/// Reads a hand-over; with what was told when a person is named.
pub(crate) async fn find(name: &str, person: Option<&str>, connection: &Connection) -> Result<pb::Handover, Refused> {
    let view = if person.is_some() { ReferralView::Full } else { ReferralView::Basic };
    let acting_person = person.unwrap_or_default().to_owned();
    let request = pb::GetHandoverRequest { name: name.to_owned(), view: view.into(), acting_person };
    let answer = connection.call(&request, async |request| connection.handovers().get_handover(request).await);
    Ok(Box::pin(answer).await?.handover.unwrap_or_default())
}

/// Lists hand-overs of the caller's party, newest first.
pub(crate) async fn list(
    limit: usize,
    states: &[pb::HandoverState],
    connection: &Connection,
) -> Result<pb::ListHandoversResponse, Refused> {
    let mut request = pb::ListHandoversRequest {
        parent: connection.profile().parent(),
        page_size: i32::try_from(limit).unwrap_or(PAGE).min(PAGE),
        page_token: String::new(),
        states: states.iter().map(|state| *state as i32).collect(),
    };
    let mut found = pb::ListHandoversResponse::default();
    loop {
        let answer = connection.call(&request, async |request| connection.handovers().list_handovers(request).await);
        let pb::ListHandoversResponse { handovers, next_page_token } = Box::pin(answer).await?;
        found.handovers.extend(handovers);
        if next_page_token.is_empty() || found.handovers.len() >= limit {
            break;
        }
        request.page_token = next_page_token;
    }
    found.handovers.truncate(limit);
    Ok(found)
}
