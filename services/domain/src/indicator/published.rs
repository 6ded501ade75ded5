//! The event that travels: a published submission, read from its contract and checked for what holds without knowing
//! the structure. What its datasets say is for the [`super::Checker`].

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use nhipcau_proto::indicator::v1 as pb;
use uuid::Uuid;

use super::{Stamp, StructureRef};
use crate::id::PartyId;

/// The name of a submission, `parties/{party}/submissions/{uuid}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionName {
    /// Party that provides the data.
    pub party: PartyId,
    /// Id of the submission.
    pub id: Uuid,
}

impl fmt::Display for SubmissionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parties/{}/submissions/{}", self.party, self.id)
    }
}

impl FromStr for SubmissionName {
    type Err = InvalidPublished;

    fn from_str(text: &str) -> Result<Self, InvalidPublished> {
        let parts = || {
            let (party, id) = text.strip_prefix("parties/")?.split_once("/submissions/")?;
            Some(Self { party: PartyId::new(party).ok()?, id: Uuid::try_parse(id).ok()? })
        };
        // One submission has one name: other spellings of a UUID are refused.
        parts().filter(|name| name.to_string() == text).ok_or(InvalidPublished("submission"))
    }
}

/// Where the datasets of a submission are.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// In the event itself.
    Inline(Vec<pb::Dataset>),
    /// In pieces, named by the SHA-256 of each serialized chunk, in the order in which they apply.
    Chunks(Vec<[u8; 32]>),
}

/// A published submission.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Its name; the party in it is the data provider.
    pub name: SubmissionName,
    /// Structure that it follows.
    pub structure: StructureRef,
    /// Dataflow that it names, if any.
    pub dataflow: Option<StructureRef>,
    /// Its number at the provider, and when it was published.
    pub stamp: Stamp,
    /// Its datasets.
    pub content: Content,
    /// Observations that the datasets name, as the provider counted them.
    pub observation_count: u64,
}

/// A field of a published submission is missing, malformed or contradicts another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a published submission: {0}")]
pub struct InvalidPublished(
    /// The field, as the contract names it.
    pub &'static str,
);

impl TryFrom<pb::SubmissionPublished> for Published {
    type Error = InvalidPublished;

    fn try_from(event: pb::SubmissionPublished) -> Result<Self, InvalidPublished> {
        let name: SubmissionName = event.submission.parse()?;
        if name.party.as_str() != event.data_provider {
            return Err(InvalidPublished("data_provider"));
        }
        // What stores count with has 63 bits.
        if event.ordinal == 0 || i64::try_from(event.ordinal).is_err() {
            return Err(InvalidPublished("ordinal"));
        }
        let time = event.publish_time.ok_or(InvalidPublished("publish_time"))?;
        let is_time = time.seconds >= 0 && (0..1_000_000_000).contains(&time.nanos);
        let publish_time = Timestamp::new(time.seconds, time.nanos).ok().filter(|_| is_time);
        let publish_time = publish_time.ok_or(InvalidPublished("publish_time"))?;
        let chunks = event.chunks.iter().map(|digest| <[u8; 32]>::try_from(digest.as_slice()));
        let chunks = chunks.collect::<Result<Vec<_>, _>>().map_err(|_| InvalidPublished("chunks"))?;
        let content = match (event.datasets.is_empty(), chunks.is_empty()) {
            (false, true) => Content::Inline(event.datasets),
            (true, false) => Content::Chunks(chunks),
            _ => return Err(InvalidPublished("datasets")),
        };
        let dataflow = Some(event.dataflow.as_str()).filter(|dataflow| !dataflow.is_empty());
        Ok(Self {
            name,
            structure: event.structure.parse().map_err(|_| InvalidPublished("structure"))?,
            dataflow: dataflow.map(str::parse).transpose().map_err(|_| InvalidPublished("dataflow"))?,
            stamp: Stamp { ordinal: event.ordinal, publish_time },
            content,
            observation_count: event.observation_count,
        })
    }
}

impl From<Published> for pb::SubmissionPublished {
    fn from(published: Published) -> Self {
        let (datasets, chunks) = match published.content {
            Content::Inline(datasets) => (datasets, Vec::new()),
            Content::Chunks(chunks) => (Vec::new(), chunks.iter().map(|digest| digest.to_vec()).collect()),
        };
        let time = published.stamp.publish_time;
        Self {
            submission: published.name.to_string(),
            data_provider: published.name.party.to_string(),
            structure: published.structure.to_string(),
            dataflow: published.dataflow.map_or_else(String::new, |dataflow| dataflow.to_string()),
            ordinal: published.stamp.ordinal,
            publish_time: Some(prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }),
            datasets,
            chunks,
            observation_count: published.observation_count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> pb::SubmissionPublished {
        pb::SubmissionPublished {
            submission: "parties/moha/submissions/0190a5f0-0000-8000-8000-000000000001".into(),
            data_provider: "moha".into(),
            structure: "IAEG-SDGs:SDG(1.8)".into(),
            dataflow: String::new(),
            ordinal: 7,
            publish_time: Some(prost_types::Timestamp { seconds: 1_795_000_000, nanos: 250 }),
            datasets: Vec::new(),
            chunks: vec![vec![7; 32]],
            observation_count: 3,
        }
    }

    #[test]
    fn an_event_comes_back_as_it_was() {
        let published = Published::try_from(event()).unwrap();
        assert_eq!(published.stamp.ordinal, 7);
        assert_eq!(pb::SubmissionPublished::from(published), event());
        let inline = pb::SubmissionPublished { datasets: vec![pb::Dataset::default()], chunks: Vec::new(), ..event() };
        assert_eq!(pb::SubmissionPublished::from(Published::try_from(inline.clone()).unwrap()), inline);
    }

    #[test]
    fn an_event_with_a_wrong_field_is_refused_by_its_name() {
        let refused = |change: fn(&mut pb::SubmissionPublished)| {
            let mut event = event();
            change(&mut event);
            Published::try_from(event).unwrap_err().0
        };
        assert_eq!(refused(|event| event.submission = "parties/moha/submissions/1".into()), "submission");
        assert_eq!(refused(|event| event.submission = event.submission.to_uppercase()), "submission");
        assert_eq!(refused(|event| event.data_provider = "moh".into()), "data_provider");
        assert_eq!(refused(|event| event.structure = "SDG".into()), "structure");
        assert_eq!(refused(|event| event.dataflow = "A:B(".into()), "dataflow");
        assert_eq!(refused(|event| event.ordinal = 0), "ordinal");
        assert_eq!(refused(|event| event.ordinal = 1 << 63), "ordinal", "stores could not keep it");
        assert_eq!(refused(|event| event.publish_time = None), "publish_time");
        for time in [prost_types::Timestamp { seconds: -1, nanos: 0 }, prost_types::Timestamp { seconds: 1, nanos: -1 }]
        {
            let refused = Published::try_from(pb::SubmissionPublished { publish_time: Some(time), ..event() });
            assert_eq!(refused.unwrap_err().0, "publish_time", "answers could not tell it");
        }
        assert_eq!(
            refused(|event| event.publish_time = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 })),
            "publish_time"
        );
        assert_eq!(refused(|event| event.chunks = vec![vec![7; 31]]), "chunks");
        assert_eq!(refused(|event| event.chunks.clear()), "datasets");
        assert_eq!(refused(|event| event.datasets = vec![pb::Dataset::default()]), "datasets");
    }
}
