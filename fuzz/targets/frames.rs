//! The fuzz target `frames`: what must hold stands in `src/frames.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sorl_fuzz::frames::hold(bytes));
