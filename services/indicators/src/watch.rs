//! Following submissions as they are stored here, from a cursor on: one step per call, so that whoever streams decides
//! when to wait.

use nhipcau_domain::{id::AccessPointId, indicator::Selection};
use nhipcau_messaging::store::{Error as StoreError, Tx};
use nhipcau_proto::indicator::v1 as pb;
use prost::Message;

use crate::{
    content, encode,
    error::Error,
    observation, page,
    registry::Registry,
    store::{self, Submission},
};

/// Submissions that a step passes over, at most, before it says so.
const PASSED: usize = 64;

/// A reader's place among the submissions.
#[derive(Debug, Clone)]
pub struct Watch {
    selection: Selection,
    structure: String,
    prefix: String,
    serial: u64,
}

/// What a step found.
#[derive(Debug)]
pub enum Step {
    /// A submission, in parts.
    Submission(Vec<pb::WatchResponse>),
    /// Only submissions that the selection leaves nothing of; there may be more.
    Passed,
    /// Nothing more is stored.
    End,
}

impl Watch {
    /// Begins where the request says.
    ///
    /// # Errors
    /// [`Error`] when the selection or the cursor does not fit, or the cursor is beyond what is held.
    pub fn start(
        request: &pb::WatchRequest,
        access_point: &AccessPointId,
        registry: &Registry,
        tx: &mut Tx<'_>,
    ) -> Result<Self, Error> {
        let selection = registry.selection(request.selection.as_ref())?;
        let wire = request.selection.clone().unwrap_or_default();
        let print = page::fingerprint(&[b"watch", &wire.encode_to_vec()]);
        let prefix = format!("{access_point}.{print}.");
        let newest = store::last_serial(tx)?;
        let serial = match &request.start {
            Some(pb::watch_request::Start::Cursor(cursor)) => {
                let serial = cursor.strip_prefix(&prefix).and_then(|serial| serial.parse().ok());
                serial.ok_or(Error::CursorInvalid)?
            }
            Some(pb::watch_request::Start::Beginning(true)) => 0,
            Some(pb::watch_request::Start::Now(true)) => newest,
            _ => return Err(Error::Field { field: "start", reason: nhipcau_domain::reason::FIELD_REQUIRED }),
        };
        if serial > newest {
            return Err(Error::CursorExpired);
        }
        Ok(Self { selection, structure: wire.structure, prefix, serial })
    }

    /// A response without a submission: where the reader stands.
    #[must_use]
    pub fn sign_of_life(&self) -> pb::WatchResponse {
        pb::WatchResponse { cursor: self.cursor(self.serial), ..pb::WatchResponse::default() }
    }

    fn cursor(&self, serial: u64) -> String {
        format!("{}{serial}", self.prefix)
    }

    /// Goes to the next submission of the selection.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn step(&mut self, tx: &mut Tx<'_>) -> Result<Step, Error> {
        for _ in 0..PASSED {
            let Some(submission) = store::next(tx, self.serial, &self.structure)? else {
                // What is stored under other structures need not be looked at again.
                self.serial = self.serial.max(store::last_serial(tx)?);
                return Ok(Step::End);
            };
            let before = self.serial;
            self.serial = submission.serial;
            let wanted = self.selection.data_provider.as_ref();
            if wanted.is_some_and(|provider| provider.as_str() != submission.new.provider) {
                continue;
            }
            let parts = self.parts(&submission, before, tx)?;
            if !parts.is_empty() {
                return Ok(Step::Submission(parts));
            }
        }
        Ok(Step::Passed)
    }

    fn parts(&self, submission: &Submission, before: u64, tx: &mut Tx<'_>) -> Result<Vec<pb::WatchResponse>, Error> {
        let mut left = Vec::new();
        for piece in store::content(tx, submission.serial)? {
            for dataset in content::chunk(&piece)?.datasets {
                left.extend(self.cut(dataset)?);
            }
        }
        let groups = content::pack(left);
        let last = groups.len();
        let told = pb::Submission { submitter: String::new(), ..encode::submission(&submission.new) };
        let part = |(number, datasets): (usize, Vec<pb::Dataset>)| {
            let last_part = number == last;
            pb::WatchResponse {
                cursor: self.cursor(if last_part { submission.serial } else { before }),
                submission: Some(pb::Submission { datasets, ..told.clone() }),
                provenance: Some(encode::provenance(&submission.new)),
                last_part,
            }
        };
        Ok((1..).zip(groups).map(part).collect())
    }

    /// What the selection leaves of a dataset. A deletion that may touch it stays whole.
    fn cut(&self, dataset: pb::Dataset) -> Result<Option<pb::Dataset>, StoreError> {
        let Selection { pattern, range, .. } = &self.selection;
        let is_deletion = dataset.action() == pb::Action::Delete;
        let mut blocks = Vec::new();
        for block in dataset.blocks {
            if is_deletion {
                let mut touched = false;
                for period in &block.time_periods {
                    touched |= period.is_empty() || range.contains(&content::period(period)?);
                }
                if touched && observation::may_touch(pattern, &block.key) {
                    blocks.push(block);
                }
            } else if observation::matches(pattern, &block.key) {
                blocks.extend(content::cut(block, *range)?);
            }
        }
        let action = dataset.action;
        Ok((!blocks.is_empty()).then(|| pb::Dataset { action, observations: Vec::new(), blocks }))
    }
}
