//! Reading contacts: one, a list of them, and who would get one.

use std::num::NonZeroUsize;

use nhipcau_proto::{referral::v1::ReferralView, switchboard::v1 as pb};

use super::show;
use crate::{
    client::{Connection, Options, Refused, document},
    exit::Failure,
    referral::code,
    terminal::{self, counted},
};

/// Most contacts in one answer.
const PAGE: i32 = 500;

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Contact, parties/PARTY/contacts/UUID.
    name: String,
    #[command(flatten)]
    client: Options,
    /// With what is known, for the person named by --person; an access record is written.
    #[arg(long, requires = "person")]
    full: bool,
    /// Reference of the person who reads, never a name.
    #[arg(long, value_name = "REF")]
    person: Option<String>,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

/// Arguments of `route`.
#[derive(Debug, clap::Args)]
pub(super) struct Route {
    /// Contact, parties/PARTY/contacts/UUID.
    name: String,
    /// Service that is needed, as the directory names it.
    #[arg(long, value_name = "LABEL")]
    service: String,
    /// Reference of the person who reads, never a name; an access record is written.
    #[arg(long, value_name = "REF")]
    person: String,
    #[command(flatten)]
    client: Options,
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
    #[arg(long, value_parser = code::parse::<pb::ContactState>)]
    state: Vec<pb::ContactState>,
    /// At most this many.
    #[arg(long, default_value = "50")]
    limit: NonZeroUsize,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run_show(args: Show) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let person = args.person.as_deref().filter(|_| args.full);
    let contact = get(&args.name, person, &connection).await?;
    if args.json {
        return terminal::json(&document::write(&contact)?);
    }
    terminal::line(show::Shown(&contact))?;
    match &contact.details {
        None => Ok(()),
        Some(details) => {
            terminal::line("  known:")?;
            terminal::json(&document::write(details)?)
        }
    }
}

/// Reads a contact; with what is known when a person is named.
pub(crate) async fn get(name: &str, person: Option<&str>, connection: &Connection) -> Result<pb::Contact, Refused> {
    let view = if person.is_some() { ReferralView::Full } else { ReferralView::Basic };
    let acting_person = person.unwrap_or_default().to_owned();
    let request = pb::GetContactRequest { name: name.to_owned(), view: view.into(), acting_person };
    let answer = connection.call(&request, async |request| connection.contacts().get_contact(request).await);
    Ok(Box::pin(answer).await?.contact.unwrap_or_default())
}

pub(super) async fn run_route(args: Route) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let route = route(&args.name, &args.service, &args.person, &connection).await?;
    if args.json { terminal::json(&document::write(&route)?) } else { terminal::line(show::ShownRoute(&route)) }
}

/// Who would get a contact now, and why, as a person reads it.
pub(crate) async fn route(
    name: &str,
    service: &str,
    person: &str,
    connection: &Connection,
) -> Result<pb::ContactRoute, Refused> {
    let request = pb::GetContactRouteRequest {
        name: name.to_owned(),
        service: service.to_owned(),
        acting_person: person.to_owned(),
    };
    let answer = connection.call(&request, async |request| connection.contacts().get_contact_route(request).await);
    Ok(Box::pin(answer).await?.route.unwrap_or_default())
}

pub(super) async fn run_list(args: List) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let limit = args.limit.get();
    let mut request = pb::ListContactsRequest {
        parent: connection.profile().parent(),
        page_size: i32::try_from(limit).unwrap_or(PAGE).min(PAGE),
        page_token: String::new(),
        states: args.state.iter().map(|state| *state as i32).collect(),
    };
    let mut found = pb::ListContactsResponse::default();
    loop {
        let answer = connection.call(&request, async |request| connection.contacts().list_contacts(request).await);
        let pb::ListContactsResponse { contacts, next_page_token } = Box::pin(answer).await?;
        found.contacts.extend(contacts);
        if next_page_token.is_empty() || found.contacts.len() >= limit {
            break;
        }
        request.page_token = next_page_token;
    }
    found.contacts.truncate(limit);
    if args.json {
        return terminal::json(&document::write(&found)?);
    }
    found.contacts.iter().try_for_each(|contact| terminal::line(show::Shown(contact)))?;
    terminal::progress(counted(found.contacts.len(), "contact"));
    Ok(())
}
