//! The reader of questions and answers of a reconciliation under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::reconciliation::property(bytes));
