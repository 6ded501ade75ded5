//! Encoded messages of event contracts.
