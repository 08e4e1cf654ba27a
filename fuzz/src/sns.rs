//! The publishers' API of `sorl dev`: a call's body. What is accepted arrives at a queue as it was sent.

use sorl_core::envelope::{Notification, TopicArn};
use sorl_core::limits::{BATCH_MAX, SNS_BYTES_MAX};
use sorl_core::time::Timestamp;
use sorl_local::http::read_notices;

/// Holds for every body.
pub fn hold(bytes: &[u8]) {
    let notices = read_notices(bytes);
    assert!(notices.len() <= BATCH_MAX);
    let arn = TopicArn::parse("arn:aws:sns:eu-north-1:000000000000:sorl-dev-messages").expect("an ARN");
    let at = Timestamp::from_millis(1_764_000_000_000);
    for notice in notices {
        assert!(!notice.message.is_empty() && notice.message.len() <= SNS_BYTES_MAX);
        let is_name = |name: &String| {
            let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
            (1..=256).contains(&name.len()) && name.bytes().all(valid)
        };
        assert!(notice.attributes.keys().all(is_name), "{:?}", notice.attributes);
        let channel = notice.attributes.get("channel");
        match Notification::parse(&notice.body(&arn, at), "dev") {
            Ok(read) => {
                assert_eq!((&read.message, read.at, &read.topic), (&notice.message, at, &arn));
                assert_eq!(read.channel.as_ref(), channel.map(|attribute| &attribute.value));
            }
            Err(poison) => assert!(channel.is_some_and(|a| a.kind.starts_with("Binary")), "{poison}"),
        }
    }
}
