//! Where posts go: an endpoint's parts, as they are dialled, sent and signed.
//!
//! Not the dialling (`dial`) and not the signature (`sign`). The invariant: what is signed is what is sent, encoded
//! once more, as Signature Version 4 demands of every service but S3.

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use sorl_core::ids::ConnectionId;

/// What the SDK's client sends as it is, and signs encoded.
const SENT: &str = "/@connections/";
const SIGNED: &str = "/%40connections/";

/// No URL that can be posted to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no http or https URL of a host, perhaps a port, and a path")]
pub struct EndpointError(String);

/// The endpoint of a WebSocket API's stage.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) is_tls: bool,
    /// Whom to ask for, and whose certificate to expect.
    pub(super) host: String,
    pub(super) port: u16,
    /// The header `host`: with the port, unless it is the scheme's own.
    pub(super) authority: String,
    /// The same, as it is sent.
    pub(super) host_header: HeaderValue,
    /// What precedes a connection's id in the path, as sent.
    base: String,
    /// The same, as signed.
    signed_base: String,
}

impl Endpoint {
    pub(super) fn parse(url: &str) -> Result<Self, EndpointError> {
        let fault = || EndpointError(url.to_owned());
        let uri: Uri = url.parse().map_err(|_not_a_uri| fault())?;
        let (Some(scheme), Some(host), None) = (uri.scheme(), uri.host(), uri.query()) else {
            return Err(fault());
        };
        let (is_tls, usual_port) = match () {
            () if *scheme == Scheme::HTTPS => (true, 443),
            () if *scheme == Scheme::HTTP => (false, 80),
            () => return Err(fault()),
        };
        let path = uri.path().trim_end_matches('/');
        // AWS would sign another path than these name.
        if path.split('/').skip(1).any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(fault());
        }
        let port = uri.port_u16().unwrap_or(usual_port);
        let authority = if port == usual_port { host.to_owned() } else { format!("{host}:{port}") };
        Ok(Self {
            is_tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            host_header: HeaderValue::try_from(&authority).map_err(|_no_text| fault())?,
            authority,
            base: format!("{path}{SENT}"),
            signed_base: format!("{}{SIGNED}", encode(path)),
        })
    }

    /// Appends the path to `connection` as it is sent.
    pub(super) fn write_path(&self, connection: &ConnectionId, path: &mut Vec<u8>) {
        path.extend_from_slice(self.base.as_bytes());
        write_id(connection, ["%2B", "%2F", "%3D"], path);
    }

    /// Appends the path to `connection` as it is signed.
    pub(super) fn write_signed_path(&self, connection: &ConnectionId, path: &mut Vec<u8>) {
        path.extend_from_slice(self.signed_base.as_bytes());
        write_id(connection, ["%252B", "%252F", "%253D"], path);
    }
}

/// Of an id's alphabet three characters are encoded: `+`, `/` and `=`.
fn write_id(connection: &ConnectionId, [plus, slash, equals]: [&str; 3], path: &mut Vec<u8>) {
    for byte in connection.as_str().bytes() {
        match byte {
            b'+' => path.extend_from_slice(plus.as_bytes()),
            b'/' => path.extend_from_slice(slash.as_bytes()),
            b'=' => path.extend_from_slice(equals.as_bytes()),
            plain => path.push(plain),
        }
    }
}

fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(endpoint: &Endpoint, connection: &str) -> String {
        let mut path = Vec::new();
        endpoint.write_path(&ConnectionId::parse(connection).unwrap(), &mut path);
        String::from_utf8(path).unwrap()
    }

    #[test]
    fn an_endpoint_is_taken_apart() {
        let aws = Endpoint::parse("https://abc123.execute-api.eu-north-1.amazonaws.com/prod").unwrap();
        assert!(aws.is_tls);
        assert_eq!((aws.port, aws.authority.as_str()), (443, "abc123.execute-api.eu-north-1.amazonaws.com"));
        assert_eq!(path(&aws, "L0SM9c+FvHc/Ihw="), "/prod/@connections/L0SM9c%2BFvHc%2FIhw%3D");
        let emulator = Endpoint::parse("http://127.0.0.1:4566/regions/eu-north-1/").unwrap();
        assert!(!emulator.is_tls);
        assert_eq!((emulator.port, emulator.authority.as_str()), (4566, "127.0.0.1:4566"));
        assert_eq!(path(&emulator, "a-_b"), "/regions/eu-north-1/@connections/a-_b");
        let bare = Endpoint::parse("https://[::1]:443").unwrap();
        assert_eq!((bare.host.as_str(), bare.authority.as_str()), ("::1", "[::1]"));
        assert_eq!(path(&bare, "a"), "/@connections/a");
    }

    #[test]
    fn what_cannot_be_posted_to_is_no_endpoint() {
        for url in
            ["", "prod", "wss://x/prod", "https:///prod", "https://x/a//b", "https://x/../b", "https://x/a?b"]
        {
            assert_eq!(Endpoint::parse(url).unwrap_err(), EndpointError(url.to_owned()), "{url}");
        }
    }
}
