//! Submitting: a checked submission is published, stored and applied in one transaction, or nothing happens.
//!
//! Checking needs no store and is done before ([`Prepared`]). A submission is named after party, system, request id
//! and content: whoever repeats a request, even after this store was rolled back, makes the same submission, and
//! other content under the same request id is refused or, where the first was lost, another submission.

use jiff::Timestamp;
use nhipcau_domain::{
    id::{AccessPointId, PartyId, SystemId},
    indicator::{Content, Dataset, Published, Stamp, StructureRef, SubmissionName},
    reason,
};
use nhipcau_messaging::{
    engine::SubmitError,
    message::{Address, Cause, Draft, Header, Lane, MessageId, Recipient},
    pae,
    store::Tx,
};
use nhipcau_proto::indicator::v1 as pb;
use prost::Message;

use crate::{
    EVENT_MESSAGE, PIECE_MESSAGE, apply, content, encode,
    error::Error,
    registry::Registry,
    store::{self, NewSubmission},
};

/// A submission that was checked.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) structure: StructureRef,
    pub(crate) dataflow: Option<StructureRef>,
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) count: u64,
    pub(crate) digest: [u8; 32],
}

impl Prepared {
    /// Checks a submission as a caller gives it.
    ///
    /// # Errors
    /// [`Error`] with every violation.
    pub fn check(submission: &pb::Submission, registry: &Registry) -> Result<Self, Error> {
        let (structure, dataflow) = references(submission)?;
        let followed = registry.followed(&structure, dataflow.as_ref()).ok_or(Error::UnknownStructure)?;
        let datasets = registry.check(followed, &submission.datasets)?;
        Self::of(structure, dataflow, &datasets)
    }

    fn of(structure: StructureRef, dataflow: Option<StructureRef>, datasets: &[Dataset]) -> Result<Self, Error> {
        if content::sweeps(datasets) > content::SWEEPS_LIMIT {
            return Err(Error::TooLarge);
        }
        let pieces: Vec<_> = content::pieces(datasets).iter().map(Message::encode_to_vec).collect();
        if pieces.len() > content::PIECES_LIMIT || pieces.iter().any(|piece| piece.len() > content::PIECE_LIMIT + 64) {
            return Err(Error::TooLarge);
        }
        let flow = dataflow.as_ref().map_or("", StructureRef::as_str);
        let digest = content::digest(structure.as_str(), flow, &pieces);
        Ok(Self { structure, dataflow, pieces, count: content::count(datasets), digest })
    }
}

/// Reads what a submission follows.
pub(crate) fn references(submission: &pb::Submission) -> Result<(StructureRef, Option<StructureRef>), Error> {
    let malformed = |field| move |_| Error::Field { field, reason: reason::FIELD_FORMAT };
    let structure = submission.structure.parse().map_err(malformed("submission.structure"))?;
    let dataflow = Some(submission.dataflow.as_str()).filter(|dataflow| !dataflow.is_empty());
    let dataflow = dataflow.map(str::parse).transpose().map_err(malformed("submission.dataflow"))?;
    Ok((structure, dataflow))
}

/// Who submits, and for whom.
#[derive(Debug, Clone)]
pub struct Request {
    /// Party that provides the data.
    pub provider: PartyId,
    /// Party that runs the calling system.
    pub party: PartyId,
    /// The calling system.
    pub system: SystemId,
    /// The caller's id of the request.
    pub request_id: String,
    /// What the request said, for telling a repetition from another request; none where that is its content.
    pub digest: Option<[u8; 32]>,
    /// W3C Trace Context of the call, or empty.
    pub traceparent: String,
}

impl Request {
    fn submitter(&self) -> String {
        format!("{}/{}", self.party, self.system)
    }

    fn name(&self, content: &[u8; 32]) -> SubmissionName {
        let fields: [&[u8]; 6] = [
            b"nhipcau/1/submission",
            self.provider.as_str().as_bytes(),
            self.party.as_str().as_bytes(),
            self.system.as_str().as_bytes(),
            self.request_id.as_bytes(),
            content,
        ];
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(pae::digest_of(&fields)).for_each(|(to, from)| *to = from);
        SubmissionName { party: self.provider.clone(), id: uuid::Builder::from_custom_bytes(bytes).into_uuid() }
    }
}

/// The first answer to a request, where it was answered before.
///
/// # Errors
/// [`Error::RequestIdReused`] when the request said something else.
pub fn answered(request: &Request, said: &[u8; 32], tx: &mut Tx<'_>) -> Result<Option<pb::Submission>, Error> {
    let Some((digest, serial)) = store::remembered(tx, &request.submitter(), &request.request_id)? else {
        return Ok(None);
    };
    if digest != *said {
        return Err(Error::RequestIdReused);
    }
    let submission = store::by_serial(tx, serial)?.ok_or(Error::NotFound)?;
    Ok(Some(encode::submission(&submission.new)))
}

/// Publishes, stores and applies a submission; gives it and whether the answer was given before. `send` puts a message
/// into the same transaction.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub fn publish(
    request: &Request,
    prepared: &Prepared,
    access_point: &AccessPointId,
    now: Timestamp,
    tx: &mut Tx<'_>,
    mut send: impl FnMut(Draft, &mut Tx<'_>) -> Result<MessageId, SubmitError>,
) -> Result<(pb::Submission, bool), Error> {
    let said = request.digest.unwrap_or(prepared.digest);
    if let Some(submission) = answered(request, &said, tx)? {
        return Ok((submission, true));
    }
    let name = request.name(&prepared.digest);
    if let Some(known) = store::by_name(tx, name.party.as_str(), name.id)? {
        // The store was rolled back, and what it had published came back before the caller did.
        store::remember(tx, &request.submitter(), &request.request_id, &said, known.serial)?;
        return Ok((encode::submission(&known.new), true));
    }
    let (ordinal, last) = store::last_of(tx, name.party.as_str())?;
    let publish_time = now.as_microsecond().max(last + 1);
    let published = Published {
        name: name.clone(),
        structure: prepared.structure.clone(),
        dataflow: prepared.dataflow.clone(),
        stamp: Stamp { ordinal: ordinal + 1, publish_time: encode::time(publish_time) },
        content: Content::Chunks(prepared.pieces.iter().map(|piece| pae::sha256(piece)).collect()),
        observation_count: prepared.count,
    };
    let envelope = send_all(request, prepared, published, publish_time, tx, &mut send)?;
    let new = NewSubmission {
        provider: name.party.to_string(),
        id: name.id,
        structure: prepared.structure.to_string(),
        dataflow: prepared.dataflow.as_ref().map_or_else(String::new, ToString::to_string),
        ordinal: ordinal + 1,
        publish_time,
        observation_count: prepared.count,
        submitter: request.submitter(),
        access_point: access_point.to_string(),
        envelope: envelope.0,
        position: 0,
        store_time: now.as_microsecond(),
    };
    let serial = apply::store(tx, &new, |tx, stored| stored.add_all(tx, &prepared.pieces))?;
    store::remember(tx, &request.submitter(), &request.request_id, &said, serial)?;
    Ok((encode::submission(&new), false))
}

/// Sends a submission: in one event, or in pieces followed by the event that names them and has the effect.
fn send_all(
    request: &Request,
    prepared: &Prepared,
    published: Published,
    publish_time: i64,
    tx: &mut Tx<'_>,
    send: &mut impl FnMut(Draft, &mut Tx<'_>) -> Result<MessageId, SubmitError>,
) -> Result<MessageId, Error> {
    // The time belongs to the cause: after a rollback the same request may be published at another time, and that is
    // another message.
    let request_id = format!("{}/{}/{publish_time}", request.provider, request.request_id);
    let cause = Cause::Request { system: request.system.clone(), request_id };
    let draft = |message: &str, body: Vec<u8>, ordinal: u32| Draft {
        header: header(&request.provider, message, &request.traceparent),
        recipient: Recipient::All,
        lane: Lane::Bulk,
        parts: vec![body],
        cause: cause.clone(),
        ordinal,
    };
    let content = if let [piece] = prepared.pieces.as_slice() {
        Content::Inline(content::chunk(piece)?.datasets)
    } else {
        for (ordinal, piece) in (1..).zip(&prepared.pieces) {
            send(draft(PIECE_MESSAGE, piece.clone(), ordinal), tx)?;
        }
        published.content.clone()
    };
    let event = pb::IndicatorEvent {
        event: Some(pb::indicator_event::Event::SubmissionPublished(Published { content, ..published }.into())),
    };
    Ok(send(draft(EVENT_MESSAGE, event.encode_to_vec(), 0), tx)?)
}

fn header(provider: &PartyId, message: &str, traceparent: &str) -> Header {
    Header {
        message: message.to_owned(),
        contract: crate::contract(),
        contract_minor: crate::MINOR,
        sender: Address { party: provider.clone(), unit: None },
        recipient: None,
        purpose: crate::purpose(),
        legal_basis: String::new(),
        correlation: None,
        kind: String::new(),
        corrected: None,
        traceparent: traceparent.to_owned(),
        blobs: Vec::new(),
    }
}

/// The answer to a request that only asked for a check.
#[must_use]
pub fn checked(prepared: &Prepared) -> pb::Submission {
    pb::Submission {
        structure: prepared.structure.to_string(),
        dataflow: prepared.dataflow.as_ref().map_or_else(String::new, ToString::to_string),
        observation_count: prepared.count,
        ..pb::Submission::default()
    }
}

/// A submission by its name.
///
/// # Errors
/// [`Error::NotFound`] when it is not held.
pub fn get(name: &str, tx: &mut Tx<'_>) -> Result<pb::Submission, Error> {
    let malformed = |_| Error::Field { field: "name", reason: reason::FIELD_FORMAT };
    let SubmissionName { party, id }: SubmissionName = name.parse().map_err(malformed)?;
    let submission = store::by_name(tx, party.as_str(), id)?.ok_or(Error::NotFound)?;
    Ok(encode::submission(&submission.new))
}
