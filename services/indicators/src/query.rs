//! Reading observations: now or as of a time, and every revision that they ever had.

use nhipcau_domain::indicator::{PeriodRange, Selection};
use nhipcau_messaging::store::Tx;
use nhipcau_proto::indicator::v1 as pb;
use prost::Message;

use crate::{
    content,
    error::Error,
    observation::{self, State},
    page::{self, Place},
    registry::Registry,
    select::{Origins, Step, walk},
    store::{self, Revision, Slice},
};

/// Default and most entries of a page.
const PAGE: (usize, usize) = (1_000, 10_000);

/// The observations of a selection, a page at a time.
///
/// # Errors
/// [`Error`] when the selection, the time or the token does not fit.
pub fn observations(
    request: &pb::QueryObservationsRequest,
    registry: &Registry,
    tx: &mut Tx<'_>,
) -> Result<pb::QueryObservationsResponse, Error> {
    let as_of = match &request.as_of_time {
        None => i64::MAX,
        Some(time) => {
            let malformed = |_| Error::Field { field: "as_of_time", reason: nhipcau_domain::reason::DATE_INVALID };
            jiff::Timestamp::new(time.seconds, time.nanos).map_err(malformed)?.as_microsecond()
        }
    };
    let limit = page::size(request.page_size, PAGE.0, PAGE.1);
    let Reading { selection, structure, print, from } =
        Reading::of(&request.selection, &request.page_token, &as_of.to_be_bytes(), registry, tx)?;
    let (mut answer, mut count, mut origins) = (Vec::new(), 0, Origins::default());
    let stopped = walk(tx, &structure, &selection, &from, |tx, provider, series, shown| {
        let slice = Slice { span: span(selection.range, shown), snapshot: from.snapshot, as_of };
        let newest = store::newest(store::revisions(tx, series.serial, slice)?);
        let mut group = Group::default();
        let mut last = shown;
        for Revision { order, period, text, submission, state } in newest {
            let Some(state) = state else { continue };
            let is_shown = shown.is_some_and(|(shown, _)| order <= shown);
            if is_shown || !selection.range.contains(&period) {
                continue;
            }
            if count == limit {
                answer.extend(group.finish(tx, provider, &series.key, &mut origins)?);
                return Ok(Step::Stop(last));
            }
            count += 1;
            last = Some((order, submission));
            group.add(text, state, submission);
        }
        answer.extend(group.finish(tx, provider, &series.key, &mut origins)?);
        Ok(Step::On)
    })?;
    let next_page_token = stopped.map_or_else(String::new, |place| place.token(&print));
    Ok(pb::QueryObservationsResponse { series: answer, next_page_token })
}

/// Every revision of the observations of a selection, a page at a time.
///
/// # Errors
/// [`Error`] when the selection or the token does not fit.
pub fn revisions(
    request: &pb::ListRevisionsRequest,
    registry: &Registry,
    tx: &mut Tx<'_>,
) -> Result<pb::ListRevisionsResponse, Error> {
    let limit = page::size(request.page_size, PAGE.0, PAGE.1);
    let Reading { selection, structure, print, from } =
        Reading::of(&request.selection, &request.page_token, b"revisions", registry, tx)?;
    let (mut listed, mut origins) = (Vec::new(), Origins::default());
    let stopped = walk(tx, &structure, &selection, &from, |tx, _, series, shown| {
        let slice = Slice { span: span(selection.range, shown), snapshot: from.snapshot, as_of: i64::MAX };
        let mut revisions = store::revisions(tx, series.serial, slice)?;
        if let Some(shown) = shown
            && let Some(at) = revisions.iter().position(|revision| (revision.order, revision.submission) == shown)
        {
            revisions.drain(..=at);
        }
        let mut last = shown;
        for Revision { order, period, text, submission, state } in revisions {
            if !selection.range.contains(&period) {
                continue;
            }
            if listed.len() == limit {
                return Ok(Step::Stop(last));
            }
            last = Some((order, submission));
            let deleted = state.is_none();
            let State { value, attributes } = state.unwrap_or_default();
            let observation = pb::Observation {
                key: series.key.clone(),
                time_period: text,
                value,
                attributes: attributes.iter().map(|(id, text)| (id.clone(), text.clone())).collect(),
            };
            let provenance = Some(origins.provenance(tx, submission)?);
            listed.push(pb::Revision { observation: Some(observation), deleted, provenance });
        }
        Ok(Step::On)
    })?;
    let next_page_token = stopped.map_or_else(String::new, |place| place.token(&print));
    Ok(pb::ListRevisionsResponse { revisions: listed, next_page_token })
}

/// What both kinds of reading begin with.
struct Reading {
    selection: Selection,
    structure: String,
    print: String,
    from: Place,
}

impl Reading {
    fn of(
        wire: &Option<pb::Selection>,
        token: &str,
        kind: &[u8],
        registry: &Registry,
        tx: &mut Tx<'_>,
    ) -> Result<Self, Error> {
        let selection = registry.selection(wire.as_ref())?;
        let wire = wire.clone().unwrap_or_default();
        let print = page::fingerprint(&[kind, &wire.encode_to_vec()]);
        let from = Place::read(token, &print, store::last_serial(tx)?)?;
        Ok(Self { selection, structure: wire.structure, print, from })
    }
}

/// Between which places in the order of periods a series is read.
fn span(range: PeriodRange, shown: Option<(i64, u64)>) -> (i64, i64) {
    let first = range.start.map_or(i64::MIN, observation::first_order);
    let last = range.end.map_or(i64::MAX, observation::last_order);
    (shown.map_or(first, |(order, _)| order.max(first)), last)
}

/// Observations of one series, with their origins.
#[derive(Default)]
struct Group {
    rows: Vec<(String, State)>,
    submissions: Vec<u64>,
    positions: Vec<u32>,
}

impl Group {
    fn add(&mut self, period: String, state: State, submission: u64) {
        let at = self.submissions.iter().position(|known| *known == submission).unwrap_or_else(|| {
            self.submissions.push(submission);
            self.submissions.len() - 1
        });
        self.positions.push(u32::try_from(at + 1).unwrap_or(0));
        self.rows.push((period, state));
    }

    fn finish(
        mut self,
        tx: &mut Tx<'_>,
        provider: &str,
        key: &str,
        origins: &mut Origins,
    ) -> Result<Option<pb::SeriesObservations>, Error> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        if self.positions.iter().all(|position| Some(position) == self.positions.first()) {
            self.positions.truncate(1);
        }
        let provenances = self.submissions.iter().map(|serial| origins.provenance(tx, *serial));
        Ok(Some(pb::SeriesObservations {
            data_provider: provider.to_owned(),
            block: Some(content::block(key.to_owned(), self.rows)),
            provenances: provenances.collect::<Result<_, _>>()?,
            provenance_positions: self.positions,
        }))
    }
}
