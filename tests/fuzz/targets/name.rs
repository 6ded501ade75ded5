//! The reader of names under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::name::property(bytes));
