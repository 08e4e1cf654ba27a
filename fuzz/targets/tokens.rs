//! The fuzz target `tokens`: what must hold stands in `src/tokens.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sorl_fuzz::tokens::hold(bytes));
