#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use wmctl::wire::frame;

fuzz_target!(|bytes: &[u8]| {
    let mut buffer = BytesMut::from(bytes);
    // After an error the rest is ignored, because the link is closed.
    while let Ok(Some(_)) = frame::split_frame(&mut buffer) {}
    let mut buffer = BytesMut::from(bytes);
    if let Ok(Some(())) = frame::split_intro(&mut buffer) {
        while let Ok(Some(frame)) = frame::split_frame(&mut buffer) {
            let mut again = BytesMut::new();
            frame::put_frame(&frame, &mut again).expect("it was a frame");
            let split = frame::split_frame(&mut again).expect("it is a frame");
            assert_eq!(split.as_deref(), Some(&frame[..]));
        }
    }
});
