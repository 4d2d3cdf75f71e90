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
        let again = Message::decode(message.encode_to_vec().as_slice());
        assert_eq!(again.as_ref(), Ok(&message));
    }
    let _ = HistorySync::decode(plain);
    let _ = AdvSignedDeviceIdentityHmac::decode(bytes);
    let _ = AdvSignedDeviceIdentity::decode(bytes);
});
