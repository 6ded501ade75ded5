//! What a transaction has read or written and may need again before it ends, so that nothing is read and decrypted
//! twice in a row.
//!
//! Lives as long as its transaction. A savepoint that is undone takes all of it along, what was there before too, so
//! that nothing here outlives the row that it came from. Whoever changes such a row changes or forgets what is
//! remembered of it. Never the only copy.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
};

/// One value of each type that was asked for.
#[derive(Default)]
pub(super) struct Memory(HashMap<TypeId, Box<dyn Any>>);

impl Memory {
    pub(super) fn of<T: Default + 'static>(&mut self) -> &mut T {
        let slot = self.0.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        #[expect(clippy::expect_used, reason = "the only place where a slot is filled fills it with its type")]
        slot.downcast_mut().expect("a value under its own type")
    }
}
