//! The fuzz target `configuration`: what must hold stands in `src/configuration.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sorl_fuzz::configuration::hold(bytes));
