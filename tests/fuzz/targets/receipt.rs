//! The reader of receipts under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::receipt::property(bytes));
