//! The reader of submissions of figures under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::submission::property(bytes));
