//! The fuzz target `sns`: what must hold stands in `src/sns.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sorl_fuzz::sns::hold(bytes));
