//! Reliable messaging.
