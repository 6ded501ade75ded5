//! The reader of code lists and crosswalks under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::code_table::property(bytes));
