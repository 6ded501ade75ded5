//! The reader of tables of administrative units under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::area_table::property(bytes));
