//! Figures as a message: what passes the check is what it was when its pieces are put together and checked again.

use std::sync::{Arc, LazyLock};

use nhipcau_domain::{
    area::AreaList,
    indicator::{Published, sdmx_csv::Limits},
};
use nhipcau_indicators::{Registry, bulk, sdmx::Import, submit};
use nhipcau_proto::indicator::v1 as pb;
use prost::Message as _;

use crate::sdmx::followed;

static REGISTRY: LazyLock<Registry> =
    LazyLock::new(|| Registry::new(Arc::new(AreaList::default())).structure(followed().clone()));

/// A submission, or the event in which one travels.
pub fn property(bytes: &[u8]) {
    if let Ok(submission) = pb::Submission::decode(bytes)
        && let Ok(prepared) = submit::Prepared::check(&submission, &REGISTRY)
    {
        let said = submit::checked(&prepared);
        assert!(said.datasets.is_empty() && said.structure == submission.structure);
        // The same as pieces of a bulk load.
        let piece = pb::Chunk { datasets: submission.datasets.clone() }.encode_to_vec();
        let named = pb::Submission { datasets: Vec::new(), ..submission.clone() };
        let whole = bulk::check(&named, &[piece], &REGISTRY).expect("the same in one piece");
        assert_eq!(submit::checked(&whole), said);
    }
    if let Ok(event) = pb::IndicatorEvent::decode(bytes)
        && let Some(pb::indicator_event::Event::SubmissionPublished(published)) = event.event
        && let Ok(published) = Published::try_from(published)
    {
        let again = Published::try_from(pb::SubmissionPublished::from(published.clone()));
        assert_eq!(again, Ok(published), "what is written is read as the same");
    }
}

/// What a file becomes, and an event.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let files = crate::sdmx::seeds();
    let files =
        files.iter().filter_map(|file| Import::read(file.as_slice(), &REGISTRY, Limits::default()).ok()?.whole());
    let mut seeds: Vec<_> = files.map(|submission| submission.encode_to_vec()).collect();
    seeds.push(include_bytes!("../../../proto/vectors/events/indicator_submission_published.binpb").to_vec());
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_passes_the_check_so_that_the_property_says_something() {
        let submission = pb::Submission::decode(seeds()[0].as_slice()).unwrap();
        assert!(submit::Prepared::check(&submission, &REGISTRY).is_ok());
    }
}
