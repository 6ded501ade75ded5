//! What changes a contact: record, amend, counsel, send, close.

use std::path::PathBuf;

use jiff::Timestamp;
use nhipcau_proto::{referral::v1 as referral, switchboard::v1 as pb};
use serde_json::json;

use super::{read::get, show};
use crate::{
    client::{Connection, Refused, document},
    exit::Failure,
    referral::{Change, PURPOSE, code, file, unit},
    terminal,
};

/// Arguments of `record`.
#[derive(Debug, clap::Args)]
pub(super) struct Record {
    /// File with what is known already, a ContactDetails as JSON; '-' reads standard input.
    details: Option<PathBuf>,
    /// Unit that received it.
    #[arg(long, value_name = "PARTY/UNIT", value_parser = unit)]
    unit: referral::UnitRef,
    /// How it was received, such as phone.
    #[arg(long, value_parser = code::parse::<referral::ReportChannel>)]
    channel: referral::ReportChannel,
    /// When it was received, RFC 3339; now when left out. Statutory time limits run from here.
    #[arg(long, value_name = "TIME")]
    received: Option<Timestamp>,
    /// The switchboard's own number of it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    number: String,
    /// Reference of the person who received it, never a name.
    #[arg(long, value_name = "REF", default_value = "")]
    person: String,
    #[command(flatten)]
    change: Change,
}

/// The contact that is changed, as the caller read it.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// Contact, parties/PARTY/contacts/UUID.
    pub(super) name: String,
    /// Etag of the contact as it was read; the present one when left out.
    #[arg(long)]
    etag: Option<String>,
    /// Reference of the acting person, never a name.
    #[arg(long, value_name = "REF", default_value = "")]
    pub(super) person: String,
    #[command(flatten)]
    pub(super) change: Change,
}

/// Arguments of `amend`.
#[derive(Debug, clap::Args)]
pub(super) struct Amend {
    #[command(flatten)]
    target: Target,
    /// File with what is known now, a ContactDetails as JSON; '-' reads standard input.
    #[arg(long, value_name = "FILE")]
    details: PathBuf,
    /// This is all that is known: what is not in the file is dropped.
    #[arg(long)]
    replace: bool,
}

/// Arguments of `counsel`.
#[derive(Debug, clap::Args)]
pub(super) struct Counsel {
    #[command(flatten)]
    target: Target,
}

/// Arguments of `send`.
#[derive(Debug, clap::Args)]
pub(super) struct Send {
    #[command(flatten)]
    target: Target,
    /// What is asked of whoever gets it: transfer or referral.
    #[arg(long, value_parser = code::parse::<referral::ReferralKind>)]
    kind: referral::ReferralKind,
    /// Service that is needed, as the directory names it.
    #[arg(long, value_name = "LABEL", default_value = "")]
    service: String,
    /// A unit that a person chose, in place of the one that serves; may be repeated.
    #[arg(long = "to", value_name = "PARTY/UNIT", value_parser = unit)]
    to: Vec<referral::UnitRef>,
    /// Purpose under which the parties agreed to exchange.
    #[arg(long, default_value = PURPOSE)]
    purpose: String,
    #[command(flatten)]
    basis: Basis,
}

/// By what right.
#[derive(Debug, clap::Args)]
pub(super) struct Basis {
    /// The statutory duty that it is sent by, with its article.
    #[arg(long, value_name = "CITATION", conflicts_with = "basis", required_unless_present = "basis")]
    duty: Option<String>,
    /// File with another basis, a LawfulBasis as JSON.
    #[arg(long, value_name = "FILE")]
    basis: Option<PathBuf>,
}

impl Basis {
    /// The basis, as the contract has it.
    pub(super) fn read(&self) -> Result<referral::LawfulBasis, Failure> {
        match (&self.duty, &self.basis) {
            (Some(citation), _) => {
                let statutory_duty = Some(referral::StatutoryDuty { citation: citation.clone() });
                Ok(referral::LawfulBasis { statutory_duty, ..referral::LawfulBasis::default() })
            }
            (None, Some(path)) => file(path),
            (None, None) => Ok(referral::LawfulBasis::default()),
        }
    }
}

/// Arguments of `close`.
#[derive(Debug, clap::Args)]
pub(super) struct Close {
    #[command(flatten)]
    target: Target,
    /// Why.
    #[arg(long, value_parser = code::parse::<pb::ContactCloseReason>)]
    reason: pb::ContactCloseReason,
}

impl Target {
    /// Makes ready to call: the connection, the request id and the etag, both told while they can still be noted.
    pub(super) async fn begin(&self) -> Result<(Connection, String, String), Failure> {
        let (connection, id) = self.change.begin()?;
        let etag = match &self.etag {
            Some(etag) => etag.clone(),
            None => get(&self.name, None, &connection).await?.etag,
        };
        terminal::progress(format_args!("etag {etag}"));
        Ok((connection, id, etag))
    }
}

pub(super) async fn run_record(args: Record) -> Result<(), Failure> {
    let details = args.details.as_deref().map(file::<pb::ContactDetails>).transpose()?;
    let received = args.received.unwrap_or_else(Timestamp::now);
    let (connection, request_id) = args.change.begin()?;
    terminal::progress(format_args!("received {received}"));
    let request = pb::RecordContactRequest {
        request_id,
        unit: Some(args.unit),
        reception: Some(referral::Reception {
            report_number: args.number,
            channel: args.channel.into(),
            report_time: Some(stamp(received)),
            officer: args.person.clone(),
        }),
        details,
        acting_person: args.person,
        validate_only: args.change.validate_only,
    };
    let answer = record(&request, &connection).await?;
    told(&args.change, answer.contact, answer.replayed, &[])
}

/// Records a contact.
pub(crate) async fn record(
    request: &pb::RecordContactRequest,
    connection: &Connection,
) -> Result<pb::RecordContactResponse, Refused> {
    let answer = connection.call(request, async |request| connection.contacts().record_contact(request).await);
    Box::pin(answer).await
}

pub(super) async fn run_amend(args: Amend) -> Result<(), Failure> {
    let details: pb::ContactDetails = file(&args.details)?;
    let (connection, request_id, etag) = args.target.begin().await?;
    let request = pb::AmendContactRequest {
        request_id,
        name: args.target.name,
        etag,
        acting_person: args.target.person,
        validate_only: args.target.change.validate_only,
        details: Some(details),
        replace: args.replace,
        reception: None,
    };
    let answer = amend(&request, &connection).await?;
    let parts = answer.undisclosed_parts.iter().map(|part| code::shown::<referral::ReferralPart>(*part));
    told(&args.target.change, answer.contact, answer.replayed, &parts.collect::<Vec<_>>())
}

/// Amends a contact.
pub(crate) async fn amend(
    request: &pb::AmendContactRequest,
    connection: &Connection,
) -> Result<pb::AmendContactResponse, Refused> {
    let answer = connection.call(request, async |request| connection.contacts().amend_contact(request).await);
    Box::pin(answer).await
}

pub(super) async fn run_counsel(args: Counsel) -> Result<(), Failure> {
    let Target { name, person: acting_person, change, .. } = &args.target;
    let (connection, request_id, etag) = args.target.begin().await?;
    let request = pb::CounselContactRequest {
        request_id,
        name: name.clone(),
        etag,
        acting_person: acting_person.clone(),
        validate_only: change.validate_only,
    };
    let answer = connection.call(&request, async |request| connection.contacts().counsel_contact(request).await);
    let answer = Box::pin(answer).await?;
    told(change, answer.contact, answer.replayed, &[])
}

pub(super) async fn run_send(args: Send) -> Result<(), Failure> {
    let basis = args.basis.read()?;
    let (connection, request_id, etag) = args.target.begin().await?;
    let change = &args.target.change;
    let request = pb::SendContactRequest {
        request_id,
        name: args.target.name.clone(),
        etag,
        acting_person: args.target.person.clone(),
        validate_only: change.validate_only,
        kind: args.kind.into(),
        purpose: args.purpose,
        lawful_basis: Some(basis),
        service: args.service,
        recipients: args.to,
    };
    let answer = send(&request, &connection).await?;
    if let Some(route) = answer.route.as_ref().filter(|_| !change.json) {
        terminal::line(show::ShownRoute(route))?;
    }
    told(change, answer.contact, answer.replayed, &[])
}

/// Sends a contact.
pub(crate) async fn send(
    request: &pb::SendContactRequest,
    connection: &Connection,
) -> Result<pb::SendContactResponse, Refused> {
    let answer = connection.call(request, async |request| connection.contacts().send_contact(request).await);
    Box::pin(answer).await
}

pub(super) async fn run_close(args: Close) -> Result<(), Failure> {
    let Target { name, person, change, .. } = &args.target;
    let (connection, request_id, etag) = args.target.begin().await?;
    let request = pb::CloseContactRequest {
        request_id,
        name: name.clone(),
        etag,
        acting_person: person.clone(),
        validate_only: change.validate_only,
        reason: args.reason.into(),
    };
    let answer = connection.call(&request, async |request| connection.contacts().close_contact(request).await);
    let answer = Box::pin(answer).await?;
    told(change, answer.contact, answer.replayed, &[])
}

/// Shows the contact after a change, and which parts of the referral nobody was told of.
pub(super) fn told(
    change: &Change,
    contact: Option<pb::Contact>,
    replayed: bool,
    undisclosed: &[String],
) -> Result<(), Failure> {
    let contact = contact.unwrap_or_default();
    if change.json {
        let contact = document::write(&contact)?;
        let answer = json!({ "contact": contact, "replayed": replayed, "undisclosed_parts": undisclosed });
        return terminal::json(&answer);
    }
    if change.validate_only {
        return terminal::line("would be accepted; nothing was changed");
    }
    if replayed {
        terminal::progress("asked before under the same request id");
    }
    terminal::line(show::Shown(&contact))?;
    if !undisclosed.is_empty() {
        let parts = undisclosed.join(", ");
        terminal::progress(format_args!("not disclosed yet: {parts}; disclose with nhipcau referral disclose"));
    }
    Ok(())
}

fn stamp(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: 0 }
}
