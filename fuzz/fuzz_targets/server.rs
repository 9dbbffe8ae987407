//! [`tests::decoders::server`], with bytes that are made up.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::decoders::server(bytes));
