//! What people do with alarms: look, and end them.

use std::num::NonZeroUsize;

use nhipcau_proto::switchboard::v1 as pb;
use nhipcau_runtime::caller::ACTING_PERSON;
use serde_json::json;

use super::{Deed, person, show::Shown};
use crate::{
    client::{Connection, Options, Refused, document},
    exit::Failure,
    referral::code,
    terminal::{self, counted},
};

/// Most alarms in one answer.
const PAGE: i32 = 500;

/// Arguments of `cancel`.
#[derive(Debug, clap::Args)]
pub(super) struct Cancel {
    /// Alarm, parties/PARTY/alarms/UUID.
    name: String,
    /// Etag of the alarm as it was read: a press that joined since must be read first.
    #[arg(long)]
    etag: String,
    /// Why: done, mistake, trial, duplicate or other.
    #[arg(long, value_parser = code::parse::<pb::AlarmCancelReason>)]
    reason: pb::AlarmCancelReason,
    #[command(flatten)]
    deed: Deed,
}

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    client: Options,
    /// Only those in one of these states: open, unplaced or cancelled.
    #[arg(long, value_parser = code::parse::<pb::AlarmState>)]
    state: Vec<pb::AlarmState>,
    /// At most this many.
    #[arg(long, default_value = "50")]
    limit: NonZeroUsize,
    /// Reference of the person who reads, never a name: with what the presses told; leaves access records.
    #[arg(long, value_name = "REF", value_parser = person)]
    person: Option<String>,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run_cancel(args: Cancel) -> Result<(), Failure> {
    let (connection, request_id) = args.deed.begin()?;
    let (name, etag, acting_person) = (args.name, args.etag, args.deed.person.clone());
    let request = pb::CancelAlarmRequest { request_id, name, etag, reason: args.reason.into(), acting_person };
    let answer = cancel(&request, &connection).await?;
    let alarm = answer.alarm.unwrap_or_default();
    if args.deed.json {
        return terminal::json(&json!({ "alarm": document::write(&alarm)?, "replayed": answer.replayed }));
    }
    if answer.replayed {
        terminal::progress("asked before under the same request id");
    }
    terminal::line(Shown(&alarm))
}

/// Ends an alarm.
pub(crate) async fn cancel(
    request: &pb::CancelAlarmRequest,
    connection: &Connection,
) -> Result<pb::CancelAlarmResponse, Refused> {
    let answer = connection.call(request, async |request| connection.alarms().cancel_alarm(request).await);
    Box::pin(answer).await
}

pub(super) async fn run_list(args: List) -> Result<(), Failure> {
    let connection = args.client.connect()?;
    let states = args.state.iter().map(|state| *state as i32).collect();
    let mut found = list(states, args.limit.get(), args.person.as_deref(), &connection).await?;
    if args.json {
        let alarms = std::mem::take(&mut found);
        return terminal::json(&document::write(&pb::ListAlarmsResponse { alarms, next_page_token: String::new() })?);
    }
    found.iter().try_for_each(|alarm| terminal::line(Shown(alarm)))?;
    terminal::progress(counted(found.len(), "alarm"));
    Ok(())
}

/// The newest alarms of the caller's party; with what presses told where a person is named who may read it.
pub(crate) async fn list(
    states: Vec<i32>,
    limit: usize,
    person: Option<&str>,
    connection: &Connection,
) -> Result<Vec<pb::Alarm>, Refused> {
    let page_size = i32::try_from(limit).unwrap_or(PAGE).min(PAGE);
    let (parent, page_token) = (connection.profile().parent(), String::new());
    let mut request = pb::ListAlarmsRequest { parent, page_size, page_token, states };
    let mut found = Vec::new();
    loop {
        let answer = connection.call(&request, async |mut request| {
            // Of the documented syntax, as the arguments were.
            if let Some(person) = person.and_then(|person| person.parse().ok()) {
                request.metadata_mut().insert(ACTING_PERSON, person);
            }
            connection.alarms().list_alarms(request).await
        });
        let pb::ListAlarmsResponse { alarms, next_page_token } = Box::pin(answer).await?;
        found.extend(alarms);
        if next_page_token.is_empty() || found.len() >= limit {
            break;
        }
        request.page_token = next_page_token;
    }
    found.truncate(limit);
    Ok(found)
}
