#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use wmctl::signal::padding;
use wmctl_proto::adv::{AdvSignedDeviceIdentity, AdvSignedDeviceIdentityHmac};
use wmctl_proto::history::HistorySync;
use wmctl_proto::message::Message;

fuzz_target!(|bytes: &[u8]| {
    let plain = padding::unpad(bytes).unwrap_or(bytes);
    if let Ok(message) = Message::decode(plain) {
        // Compare bytes, not values: a NaN in a location is not equal to itself.
        let written = message.encode_to_vec();
        let again = Message::decode(written.as_slice()).expect("what we wrote decodes");
        assert_eq!(again.encode_to_vec(), written);
    }
    let _ = HistorySync::decode(plain);
    let _ = AdvSignedDeviceIdentityHmac::decode(bytes);
    let _ = AdvSignedDeviceIdentity::decode(bytes);
});
