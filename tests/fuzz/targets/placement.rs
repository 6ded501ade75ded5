//! The reader of events of a placement enquiry under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::placement::property(bytes));
