//! Another action than the file's own: the same rows, inserted, replaced or deleted.
//!
//! What a file deletes never becomes something that is inserted, and a row that becomes a deletion deletes all of its
//! observation.

use nhipcau_proto::indicator::v1 as pb;

/// What is done with the rows, as the ACTION column writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Action {
    /// Inserts or updates what is given; the rest stays.
    #[value(name = "M")]
    Merge,
    /// Makes each observation exactly what is given.
    #[value(name = "R")]
    Replace,
    /// Deletes the observations, whatever values the rows give.
    #[value(name = "D")]
    Delete,
}

/// A deletion has no values that could be inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the file deletes observations, which cannot be merged or replaced")]
pub(crate) struct Deletes;

impl Action {
    /// Puts datasets under this action.
    ///
    /// # Errors
    /// [`Deletes`] when a deletion would have to become something else.
    pub(super) fn apply(self, datasets: &mut [pb::Dataset]) -> Result<(), Deletes> {
        for dataset in datasets {
            let action = match self {
                Self::Delete => pb::Action::Delete,
                _ if dataset.action() == pb::Action::Delete => return Err(Deletes),
                Self::Merge => pb::Action::Merge,
                Self::Replace => pb::Action::Replace,
            };
            if action == pb::Action::Delete && dataset.action() != action {
                for block in &mut dataset.blocks {
                    // A value or attribute in a deletion would delete no more than that.
                    block.values.clear();
                    block.attributes.clear();
                }
            }
            dataset.set_action(action);
        }
        Ok(())
    }
}
