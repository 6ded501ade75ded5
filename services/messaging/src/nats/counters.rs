//! What the transport counts: everything dropped, refused or not answered, so that nothing is lost silently.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts since the start of the transport.
        #[derive(Debug, Default)]
        pub struct Counters { $($name: AtomicU64),* }

        /// The counts at one moment.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct Totals { $($(#[$doc])* pub $name: u64),* }

        impl Counters {
            /// Reads all counts.
            #[must_use]
            pub fn totals(&self) -> Totals {
                Totals { $($name: self.$name.load(Ordering::Relaxed)),* }
            }

            $(pub(super) fn $name(&self) {
                self.$name.fetch_add(1, Ordering::Relaxed);
            })*
        }
    };
}

counters! {
    /// Deliveries handed on.
    delivered,
    /// Signals handed on.
    signals,
    /// Deliveries acknowledged to the broker.
    acknowledged,
    /// Deliveries that were not acknowledged in time and are left to the broker to deliver again.
    lapsed,
    /// Messages on subjects that no access point can have; acknowledged and dropped.
    foreign,
    /// Publishes that the broker stored.
    stored,
    /// Publishes refused because the sender's share is full.
    full,
    /// Publishes without an answer or with another error.
    unanswered,
    /// Outputs without room or without a connection.
    shed,
    /// Messages that the client dropped because this process read too slowly.
    slow,
    /// Requests that the broker refused by its permissions.
    denied,
    /// Connections made.
    connected,
}
