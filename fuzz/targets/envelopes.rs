//! The fuzz target `envelopes`: what must hold stands in `src/envelopes.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sorl_fuzz::envelopes::hold(bytes));
