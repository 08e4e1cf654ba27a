//! The fuzz target `events`: what must hold stands in `src/events.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sorl_fuzz::events::hold(bytes));
