//! The reader of evidence of a case under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::case_file::property(bytes));
