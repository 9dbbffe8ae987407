//! [`tests::decoders::payload`], with bytes that are made up.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::decoders::payload(bytes));
