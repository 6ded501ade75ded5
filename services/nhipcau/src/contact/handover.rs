//! Hand-overs by command line: what offers a contact to another switchboard, answers an offer, and takes the contact
//! back.

use std::path::PathBuf;

use nhipcau_proto::{referral::v1 as referral, switchboard::v1 as pb};
use serde_json::json;

use super::{
    change::{self, Basis},
    handovers::find,
    show::ShownHandover,
};
use crate::{
    client::{Connection, Refused, document},
    exit::Failure,
    referral::{Change, Given, PURPOSE, code, file, unit},
    terminal,
};

/// Arguments of `offer`.
#[derive(Debug, clap::Args)]
pub(super) struct Offer {
    #[command(flatten)]
    target: change::Target,
    /// Unit of the other switchboard.
    #[arg(long, value_name = "PARTY/UNIT", value_parser = unit)]
    to: referral::UnitRef,
    /// Somebody waits on the line.
    #[arg(long)]
    waiting: bool,
    /// Purpose under which the parties agreed to exchange.
    #[arg(long, default_value = PURPOSE)]
    purpose: String,
    #[command(flatten)]
    basis: Basis,
}

/// The hand-over that is changed, as the caller read it.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// Hand-over, parties/PARTY/handovers/UUID.
    name: String,
    /// Etag of the hand-over as it was read; the present one when left out.
    #[arg(long)]
    etag: Option<String>,
    /// Reference of the acting person, never a name.
    #[arg(long, value_name = "REF")]
    person: String,
    #[command(flatten)]
    change: Change,
}

/// Arguments of `decline`.
#[derive(Debug, clap::Args)]
pub(super) struct Decline {
    #[command(flatten)]
    target: Target,
    /// Why, such as no-capacity.
    #[arg(long, value_parser = code::parse::<referral::RejectionCode>)]
    code: referral::RejectionCode,
}

/// Arguments of `withdraw`.
#[derive(Debug, clap::Args)]
pub(super) struct Withdraw {
    #[command(flatten)]
    target: Target,
    /// Why, such as need-met.
    #[arg(long, value_parser = code::parse::<referral::RevocationReason>)]
    reason: referral::RevocationReason,
}

/// Arguments of `ask-hand-back`.
#[derive(Debug, clap::Args)]
pub(super) struct AskHandBack {
    #[command(flatten)]
    target: Target,
    /// Why, such as no-capacity.
    #[arg(long, value_parser = code::parse::<referral::HandBackReason>)]
    reason: referral::HandBackReason,
}

/// Arguments of `note`.
#[derive(Debug, clap::Args)]
pub(super) struct Note {
    #[command(flatten)]
    target: Target,
    /// File with the parts that say more now, a ReferralContent as JSON; '-' reads standard input.
    #[arg(long, value_name = "FILE")]
    content: PathBuf,
}

/// What is done about a hand-over.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    /// A person will take over.
    Accept,
    /// Will not.
    Decline(referral::RejectionCode),
    /// The offer is taken back.
    Withdraw(referral::RevocationReason),
    /// The origin is asked to take the contact back.
    AskHandBack(referral::HandBackReason),
    /// It takes the contact back.
    HandBack,
    /// It tells what was learned since.
    Note(Box<referral::ReferralContent>),
}

impl From<Decline> for (Target, Deed) {
    fn from(args: Decline) -> Self {
        (args.target, Deed::Decline(args.code))
    }
}

impl From<Withdraw> for (Target, Deed) {
    fn from(args: Withdraw) -> Self {
        (args.target, Deed::Withdraw(args.reason))
    }
}

impl From<AskHandBack> for (Target, Deed) {
    fn from(args: AskHandBack) -> Self {
        (args.target, Deed::AskHandBack(args.reason))
    }
}

pub(super) async fn run_note(args: Note) -> Result<(), Failure> {
    let content = file(&args.content)?;
    Box::pin(run((args.target, Deed::Note(Box::new(content))))).await
}

impl Target {
    /// Makes ready to call: the connection, and what is asked, told while it can still be noted.
    async fn begin(&self) -> Result<(Connection, Given), Failure> {
        let (connection, request_id) = self.change.begin()?;
        let etag = match &self.etag {
            Some(etag) => etag.clone(),
            None => find(&self.name, None, &connection).await?.etag,
        };
        terminal::progress(format_args!("etag {etag}"));
        let (name, person, validate_only) = (self.name.clone(), self.person.clone(), self.change.validate_only);
        Ok((connection, Given { name, etag, person, request_id, validate_only }))
    }
}

/// Does something about a hand-over, and shows it then.
pub(super) async fn run((target, deed): (Target, Deed)) -> Result<(), Failure> {
    let (connection, given) = Box::pin(target.begin()).await?;
    let (handover, replayed) = Box::pin(make(deed, given, &connection)).await?;
    told(&target.change, &handover, replayed)
}

/// Goes on with a contact of one's own, and shows that.
pub(super) async fn run_continue(target: Target) -> Result<(), Failure> {
    let (connection, given) = Box::pin(target.begin()).await?;
    let answer = go_on(given, &connection).await?;
    change::told(&target.change, answer.contact, answer.replayed, &[])
}

/// Goes on with a contact of one's own.
pub(crate) async fn go_on(given: Given, connection: &Connection) -> Result<pb::ContinueHandoverResponse, Refused> {
    let Given { name, etag, person: acting_person, request_id, validate_only } = given;
    let request = pb::ContinueHandoverRequest { request_id, name, etag, acting_person, validate_only };
    let answer = connection.call(&request, async |request| connection.handovers().continue_handover(request).await);
    Box::pin(answer).await
}

/// Does something about a hand-over.
pub(crate) async fn make(deed: Deed, given: Given, connection: &Connection) -> Result<(pb::Handover, bool), Refused> {
    let Given { name, etag, person: acting_person, request_id, validate_only } = given;
    macro_rules! make {
        ($request:ident, $method:ident $(, $field:ident: $value:expr)?) => {{
            let request = pb::$request { request_id, name, etag, acting_person, validate_only, $($field: $value,)? };
            let answer = connection.call(&request, async |request| connection.handovers().$method(request).await);
            let answer = Box::pin(answer).await?;
            (answer.handover.unwrap_or_default(), answer.replayed)
        }};
    }
    Ok(match deed {
        Deed::Accept => make!(AcceptHandoverRequest, accept_handover),
        Deed::Decline(code) => make!(DeclineHandoverRequest, decline_handover, code: code.into()),
        Deed::Withdraw(reason) => make!(WithdrawHandoverRequest, withdraw_handover, reason: reason.into()),
        Deed::AskHandBack(reason) => make!(AskHandBackRequest, ask_hand_back, reason: reason.into()),
        Deed::HandBack => make!(HandBackRequest, hand_back),
        Deed::Note(content) => make!(AddContactNoteRequest, add_contact_note, content: Some(*content)),
    })
}

pub(super) async fn run_offer(args: Offer) -> Result<(), Failure> {
    let lawful_basis = Some(args.basis.read()?);
    let (connection, request_id, etag) = args.target.begin().await?;
    let request = pb::OfferHandoverRequest {
        request_id,
        name: args.target.name.clone(),
        etag,
        acting_person: args.target.person.clone(),
        validate_only: args.target.change.validate_only,
        recipient: Some(args.to),
        purpose: args.purpose,
        lawful_basis,
        waiting: args.waiting,
    };
    let (handover, replayed) = offer(&request, &connection).await?;
    told(&args.target.change, &handover, replayed)
}

/// Offers a contact.
pub(crate) async fn offer(
    request: &pb::OfferHandoverRequest,
    connection: &Connection,
) -> Result<(pb::Handover, bool), Refused> {
    let answer = connection.call(request, async |request| connection.handovers().offer_handover(request).await);
    let answer = Box::pin(answer).await?;
    Ok((answer.handover.unwrap_or_default(), answer.replayed))
}

/// Shows the hand-over after a change.
fn told(change: &Change, handover: &pb::Handover, replayed: bool) -> Result<(), Failure> {
    if change.json {
        return terminal::json(&json!({ "handover": document::write(handover)?, "replayed": replayed }));
    }
    if change.validate_only {
        return terminal::line("would be accepted; nothing was changed");
    }
    if replayed {
        terminal::progress("asked before under the same request id");
    }
    terminal::line(ShownHandover(handover))
}
