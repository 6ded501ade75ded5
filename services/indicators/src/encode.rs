//! What the store holds, as the contract says it.
//!
//! Times are stored as microseconds; names of submissions are made here and nowhere else.

use jiff::Timestamp;
use nhipcau_proto::indicator::v1 as pb;

use crate::store::NewSubmission;

/// A stored time.
pub(crate) fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A stored time on the wire.
pub(crate) fn wire_time(micros: i64) -> prost_types::Timestamp {
    let time = time(micros);
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

fn name(submission: &NewSubmission) -> String {
    format!("parties/{}/submissions/{}", submission.provider, submission.id)
}

/// A submission without its datasets.
pub(crate) fn submission(submission: &NewSubmission) -> pb::Submission {
    pb::Submission {
        name: name(submission),
        structure: submission.structure.clone(),
        dataflow: submission.dataflow.clone(),
        datasets: Vec::new(),
        submitter: submission.submitter.clone(),
        create_time: Some(wire_time(submission.publish_time)),
        ordinal: submission.ordinal,
        observation_count: submission.observation_count,
    }
}

/// Where a submission came from.
pub(crate) fn provenance(submission: &NewSubmission) -> pb::Provenance {
    pb::Provenance {
        data_provider: submission.provider.clone(),
        access_point: submission.access_point.clone(),
        submission: name(submission),
        ordinal: submission.ordinal,
        publish_time: Some(wire_time(submission.publish_time)),
        envelope_id: submission.envelope.to_vec(),
    }
}
