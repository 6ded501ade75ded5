//! Getting and listing series with their extent.
//!
//! A series is shown when an observation of it is held now; one whose observations were all deleted is not found. The
//! observations themselves are asked for elsewhere.

use nhipcau_messaging::store::Tx;
use nhipcau_proto::indicator::v1 as pb;
use prost::Message;

use crate::{
    error::Error,
    page::{self, Place},
    registry::Registry,
    select::{Origins, Step, walk},
    store::{self, Revision, Series, Slice},
};

/// One series.
///
/// # Errors
/// [`Error::NotFound`] when no observation of it is held.
pub fn get(request: &pb::GetSeriesRequest, tx: &mut Tx<'_>) -> Result<pb::Series, Error> {
    let pb::GetSeriesRequest { data_provider, structure, key } = request;
    let found = store::series_after(tx, structure, data_provider, key, key, 1)?;
    let series = found.into_iter().find(|series| series.key == *key).ok_or(Error::NotFound)?;
    let revisions = store::revisions(tx, series.serial, Slice::ALL)?;
    describe(tx, data_provider, structure, &series, revisions, &mut Origins::default())?.ok_or(Error::NotFound)
}

/// The series that have an observation of the selection, a page at a time.
///
/// # Errors
/// [`Error`] when the selection or the token does not fit.
pub fn list(
    request: &pb::ListSeriesRequest,
    registry: &Registry,
    tx: &mut Tx<'_>,
) -> Result<pb::ListSeriesResponse, Error> {
    let selection = registry.selection(request.selection.as_ref())?;
    let wire = request.selection.clone().unwrap_or_default();
    let print = page::fingerprint(&[b"series", &wire.encode_to_vec()]);
    let newest = store::last_serial(tx)?;
    let from = Place::read(&request.page_token, &print, newest)?;
    let limit = page::size(request.page_size, 100, 1_000);
    let (mut listed, mut origins) = (Vec::new(), Origins::default());
    let stopped = walk(tx, &wire.structure, &selection, &from, |tx, provider, series, _| {
        if listed.len() == limit {
            return Ok(Step::Stop(None));
        }
        let slice = Slice { snapshot: from.snapshot, ..Slice::ALL };
        let revisions = store::revisions(tx, series.serial, slice)?;
        let mut matching = false;
        for newest in store::newest(revisions.clone()) {
            matching |= newest.state.is_some() && selection.range.contains(&newest.period);
        }
        if matching {
            listed.extend(describe(tx, provider, &wire.structure, series, revisions, &mut origins)?);
        }
        Ok(Step::On)
    })?;
    let next_page_token = stopped.map_or_else(String::new, |place| place.token(&print));
    Ok(pb::ListSeriesResponse { series: listed, next_page_token })
}

fn describe(
    tx: &mut Tx<'_>,
    provider: &str,
    structure: &str,
    series: &Series,
    revisions: Vec<Revision>,
    origins: &mut Origins,
) -> Result<Option<pb::Series>, Error> {
    let mut newest_change: Option<((i64, uuid::Uuid), u64)> = None;
    for revision in &revisions {
        let origin = origins.get(tx, revision.submission)?;
        let place = (origin.publish_time, origin.id);
        if newest_change.is_none_or(|(newest, _)| newest < place) {
            newest_change = Some((place, revision.submission));
        }
    }
    let held: Vec<_> = store::newest(revisions).into_iter().filter(|revision| revision.state.is_some()).collect();
    let (Some(first), Some(last), Some((_, serial))) = (held.first(), held.last(), newest_change) else {
        return Ok(None);
    };
    Ok(Some(pb::Series {
        data_provider: provider.to_owned(),
        structure: structure.to_owned(),
        key: series.key.clone(),
        first_period: first.text.clone(),
        last_period: last.text.clone(),
        observation_count: held.len() as u64,
        provenance: Some(origins.provenance(tx, serial)?),
    }))
}
