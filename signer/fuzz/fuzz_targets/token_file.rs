#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    signer::decoders::token_file(data);
});
