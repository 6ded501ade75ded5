//! The reader of events of a hand-over under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::handover::property(bytes));
