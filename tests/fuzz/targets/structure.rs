//! The reader of tables of codes and structures under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::structure::property(bytes));
