//! Reading enquiries: one, or a list of them.

use std::num::NonZeroUsize;

use nhipcau_proto::{placement::v1 as pb, referral::v1::ReferralView};

use super::show::Shown;
use crate::{
    client::{Connection, Options, Refused, document},
    exit::Failure,
    referral::code,
    terminal::{self, counted},
};

/// Most enquiries in one answer.
const PAGE: i32 = 500;

/// Arguments of `get`.
#[derive(Debug, clap::Args)]
pub(super) struct Get {
    /// Enquiry, parties/PARTY/placements/UUID.
    name: String,
    #[command(flatten)]
    client: Options,
    /// With who needs what, for the person named by --person; an access record is written.
    #[arg(long, requires = "person")]
    full: bool,
    /// Reference of the person who reads, never a name.
    #[arg(long, value_name = "REF")]
    person: Option<String>,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    client: Options,
    /// Only those in one of these states.
    #[arg(long, value_parser = code::parse::<pb::PlacementState>)]
    state: Vec<pb::PlacementState>,
    /// At most this many.
    #[arg(long, default_value = "50")]
    limit: NonZeroUsize,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run_get(args: Get) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let placement = get(&args.name, args.person.as_deref().filter(|_| args.full), &connection).await?;
    if args.json { terminal::json(&document::write(&placement)?) } else { terminal::line(Shown(&placement)) }
}

pub(super) async fn run_list(args: List) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let found = list(args.limit.get(), &args.state, &connection).await?;
    if args.json {
        return terminal::json(&document::write(&found)?);
    }
    found.placements.iter().try_for_each(|placement| terminal::line(Shown(placement)))?;
    terminal::progress(counted(found.placements.len(), "placement"));
    Ok(())
}

/// Reads an enquiry; with who needs what when a person is named.
pub(crate) async fn get(name: &str, person: Option<&str>, connection: &Connection) -> Result<pb::Placement, Refused> {
    let view = if person.is_some() { ReferralView::Full } else { ReferralView::Basic };
    let acting_person = person.unwrap_or_default().to_owned();
    let request = pb::GetPlacementRequest { name: name.to_owned(), view: view.into(), acting_person };
    let answer = connection.call(&request, async |request| connection.placements().get_placement(request).await);
    Ok(Box::pin(answer).await?.placement.unwrap_or_default())
}

/// Lists enquiries of the caller's party, newest first.
pub(crate) async fn list(
    limit: usize,
    states: &[pb::PlacementState],
    connection: &Connection,
) -> Result<pb::ListPlacementsResponse, Refused> {
    let mut request = pb::ListPlacementsRequest {
        parent: connection.profile().parent(),
        page_size: i32::try_from(limit).unwrap_or(PAGE).min(PAGE),
        page_token: String::new(),
        states: states.iter().map(|state| *state as i32).collect(),
    };
    let mut found = pb::ListPlacementsResponse::default();
    loop {
        let answer = connection.call(&request, async |request| connection.placements().list_placements(request).await);
        let pb::ListPlacementsResponse { placements, next_page_token } = Box::pin(answer).await?;
        found.placements.extend(placements);
        if next_page_token.is_empty() || found.placements.len() >= limit {
            break;
        }
        request.page_token = next_page_token;
    }
    found.placements.truncate(limit);
    Ok(found)
}
