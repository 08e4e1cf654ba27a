//! Signature Version 4 for posts: everything that many of them share is made once a second.
//!
//! Not a general signer: the method is POST, the service `execute-api`, and the signed headers are always the same.
//! The invariant: a signature is, byte for byte, the one that the SDK's own signer makes; a test compares them.

mod signer;
#[cfg(test)]
mod tests;

use std::fmt;

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::HeaderValue;
use ring::digest::{self, SHA256};
use ring::hmac::{self, HMAC_SHA256};
use sorl_core::ids::ConnectionId;

use super::endpoint::Endpoint;
pub(super) use signer::Signer;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "execute-api";
const TERMINATOR: &str = "aws4_request";
/// Characters of a signature, and of a body's hash: a digest in hexadecimal.
const HEX_LEN: usize = 64;

/// What the posts of one second have in common.
pub(super) struct Stamp {
    /// Seconds since the epoch.
    second: i64,
    /// The header `x-amz-date`.
    pub(super) date: HeaderValue,
    /// The header `x-amz-security-token`: temporary credentials have one.
    pub(super) token: Option<HeaderValue>,
    /// The header `authorization` as far as the signature.
    credential: String,
    /// The canonical request between the path and the body's hash.
    headers: String,
    /// The keyed hash of the text to sign, as far as the hash of the canonical request.
    mac: hmac::Context,
}

impl Stamp {
    /// For the second that begins at `second`. None if the credentials cannot stand in a header.
    fn new(credentials: &Credentials, region: &str, authority: &str, second: i64) -> Option<Self> {
        let date = basic_format(second)?;
        let day = date.get(..8)?;
        let token = credentials.session_token();
        let mut headers = format!("\n\nhost:{authority}\nx-amz-date:{date}\n");
        let mut signed_headers = "host;x-amz-date".to_owned();
        if let Some(token) = token {
            headers.push_str(&format!("x-amz-security-token:{token}\n"));
            signed_headers.push_str(";x-amz-security-token");
        }
        headers.push_str(&format!("\n{signed_headers}\n"));
        let scope = format!("{day}/{region}/{SERVICE}/{TERMINATOR}");
        let key = signing_key(credentials.secret_access_key(), day, region);
        let mut mac = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, &key));
        mac.update(format!("{ALGORITHM}\n{date}\n{scope}\n").as_bytes());
        let credential = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={signed_headers}, Signature=",
            credentials.access_key_id()
        );
        Some(Self {
            second,
            date: HeaderValue::try_from(date).ok()?,
            token: match token {
                Some(token) => Some(sensitive(token)?),
                None => None,
            },
            credential,
            headers,
            mac,
        })
    }

    /// Appends the header `authorization` of a post to `connection` whose body hashes to `body`.
    pub(super) fn write_authorization(
        &self,
        endpoint: &Endpoint,
        connection: &ConnectionId,
        body: &[u8; 32],
        header: &mut Vec<u8>,
    ) {
        let begin = header.len();
        // The canonical request's path stands where the header will.
        endpoint.write_signed_path(connection, header);
        let mut canonical = digest::Context::new(&SHA256);
        canonical.update(b"POST\n");
        canonical.update(header.get(begin..).unwrap_or_default());
        canonical.update(self.headers.as_bytes());
        canonical.update(&hex(body));
        let mut mac = self.mac.clone();
        mac.update(&hex(canonical.finish().as_ref()));
        header.truncate(begin);
        header.extend_from_slice(self.credential.as_bytes());
        header.extend_from_slice(&hex(mac.sign().as_ref()));
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest holds a secret's work, or a secret.
        f.debug_struct("Stamp").field("second", &self.second).finish_non_exhaustive()
    }
}

/// The key of a day, region and service.
fn signing_key(secret: &str, day: &str, region: &str) -> Vec<u8> {
    let key = format!("AWS4{secret}").into_bytes();
    [day, region, SERVICE, TERMINATOR].iter().fold(key, |key, part| {
        hmac::sign(&hmac::Key::new(HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec()
    })
}

/// Such as `20261123T021651Z`.
fn basic_format(second: i64) -> Option<String> {
    let extended = DateTime::from_secs(second).fmt(Format::DateTime).ok()?;
    Some(extended.chars().filter(|character| !matches!(character, '-' | ':')).collect())
}

fn sensitive(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(token).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn hex(digest: &[u8]) -> [u8; HEX_LEN] {
    const fn digit(nibble: u8) -> u8 {
        if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
    }
    let mut text = [b'0'; HEX_LEN];
    for ([high, low], byte) in text.as_chunks_mut().0.iter_mut().zip(digest) {
        *high = digit(byte >> 4);
        *low = digit(byte & 0xf);
    }
    text
}
