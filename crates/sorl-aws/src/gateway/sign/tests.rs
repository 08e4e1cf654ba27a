//! Our signatures beside those of the SDK's signer.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use proptest::prelude::*;
use sorl_core::protocol::Frame;

use super::*;

/// The headers that the SDK's signer adds, as the service `execute-api` is signed, by name.
fn expected(credentials: &Credentials, url: &str, body: &[u8], second: i64) -> Vec<(String, String)> {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Enabled;
    let identity = credentials.clone().into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region("eu-north-1")
        .name(SERVICE)
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(second.try_into().unwrap()))
        .settings(settings)
        .build()
        .unwrap();
    let request = SignableRequest::new("POST", url, std::iter::empty(), SignableBody::Bytes(body)).unwrap();
    let (instructions, _signature) = sign(request, &params.into()).unwrap().into_parts();
    let mut headers: Vec<_> =
        instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    headers.sort();
    headers
}

fn ours(
    credentials: &Credentials,
    endpoint: &str,
    id: &str,
    body: &[u8],
    second: i64,
) -> Vec<(String, String)> {
    let endpoint = Endpoint::parse(endpoint).unwrap();
    let stamp = Stamp::new(credentials, "eu-north-1", &endpoint.authority, second).unwrap();
    let frame = Frame::from(body.to_vec());
    let mut authorization = Vec::new();
    let connection = ConnectionId::parse(id).unwrap();
    stamp.write_authorization(&endpoint, &connection, frame.sha256(), &mut authorization);
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    let mut headers = vec![
        ("authorization".to_owned(), String::from_utf8(authorization).unwrap()),
        ("x-amz-date".to_owned(), text(&stamp.date)),
    ];
    headers.extend(stamp.token.as_ref().map(|token| ("x-amz-security-token".to_owned(), text(token))));
    headers
}

fn sent_path(endpoint: &str, id: &str) -> String {
    let mut path = Vec::new();
    Endpoint::parse(endpoint).unwrap().write_path(&ConnectionId::parse(id).unwrap(), &mut path);
    String::from_utf8(path).unwrap()
}

prop_compose! {
    fn credentials()(
        key in "[A-Z0-9]{16,32}",
        secret in "[A-Za-z0-9/+]{20,80}",
        token in proptest::option::of("[A-Za-z0-9/+=]{1,1500}"),
    ) -> Credentials {
        Credentials::new(key, secret, token, None, "test")
    }
}

prop_compose! {
    /// Scheme and host, and a stage's path.
    fn endpoint()(
        origin in "https?://([a-z0-9]{1,10}\\.execute-api\\.eu-north-1\\.amazonaws\\.com|127\\.0\\.0\\.1)(:(80|443|4566))?",
        stage in "(/[A-Za-z0-9_~.-]{3,12}){0,3}|/(%20|:|,|\\+|=|@|!){3}",
    ) -> (String, String) {
        (origin, stage)
    }
}

/// Any second of two days, and many around the midnight between them.
fn second() -> impl Strategy<Value = i64> {
    const MIDNIGHT: i64 = 1_795_392_000;
    prop_oneof![MIDNIGHT - 86_400..MIDNIGHT + 86_400, MIDNIGHT - 2..MIDNIGHT + 2, 0..4_102_444_800i64]
}

proptest! {
    #[test]
    fn a_signature_is_the_sdks(
        credentials in credentials(),
        (origin, stage) in endpoint(),
        id in "[A-Za-z0-9+/_=-]{1,128}",
        body in proptest::collection::vec(any::<u8>(), 0..300),
        second in second(),
    ) {
        let endpoint = format!("{origin}{stage}");
        let url = format!("{origin}{}", sent_path(&endpoint, &id));
        prop_assert_eq!(
            ours(&credentials, &endpoint, &id, &body, second),
            expected(&credentials, &url, &body, second)
        );
    }
}

#[test]
fn a_stamp_of_one_day_signs_for_no_other() {
    let credentials = Credentials::new("key", "secret", None, None, "test");
    let stamp = |second| Stamp::new(&credentials, "eu-north-1", "host", second).unwrap();
    assert!(stamp(1_795_391_999).credential.contains("20261122/eu-north-1/execute-api/aws4_request"));
    assert!(stamp(1_795_392_000).credential.contains("20261123/eu-north-1/execute-api/aws4_request"));
}

#[test]
fn a_token_that_cannot_stand_in_a_header_signs_nothing() {
    let credentials = Credentials::new("key", "secret", Some("two\nlines".to_owned()), None, "test");
    assert!(Stamp::new(&credentials, "eu-north-1", "host", 0).is_none());
}

#[test]
fn secrets_are_in_no_debug_text() {
    let credentials = Credentials::new("key", "secret", Some("a token".to_owned()), None, "test");
    let text = format!("{:?}", Stamp::new(&credentials, "eu-north-1", "host", 0));
    assert!(!text.contains("secret") && !text.contains("token"), "{text}");
}
