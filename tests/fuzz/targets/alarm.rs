//! The reader of presses of alarm keys under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nhipcau_fuzz::alarm::property(bytes));
