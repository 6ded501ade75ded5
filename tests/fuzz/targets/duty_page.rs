//! The reader of what browsers send to the duty page under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::duty_page::property(bytes));
