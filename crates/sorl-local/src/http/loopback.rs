//! Who counts as this machine: what mints tokens and breaks regions is for it alone.
//!
//! A peer on loopback is not enough: a page from anywhere, opened here, connects from here too. So the host
//! that was asked for must be loopback as well (against names that were rebound to 127.0.0.1), and the page's
//! origin, where there is one.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::fault;

/// Proof that a request comes from this machine, by somebody who meant it.
pub(super) struct Loopback;

impl<S: Send + Sync> FromRequestParts<S> for Loopback {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let from_here = peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
        if from_here && asks_here(&parts.headers, &parts.uri) && comes_from_here(&parts.headers) {
            return Ok(Self);
        }
        Err(fault(StatusCode::FORBIDDEN, "this address answers on loopback only"))
    }
}

/// Pages on loopback, of any port, may use an address; others may not.
pub(super) fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(|origin, _parts| is_loopback_origin(origin)))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE])
}

fn asks_here(headers: &HeaderMap, uri: &Uri) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    host.is_some_and(is_loopback_host)
}

fn comes_from_here(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_none_or(is_loopback_origin)
}

fn is_loopback_origin(origin: &HeaderValue) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")).is_some_and(is_loopback_host)
}

/// Whether `host` or `host:port` is loopback.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_loopback() {
        for host in
            ["localhost", "localhost:4600", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:4600"]
        {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io:4600",
            "10.0.0.1",
            "[::2]:1",
            "localhost:x",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn only_origins_on_loopback_are_let_in() {
        let allowed = |origin| is_loopback_origin(&HeaderValue::from_static(origin));
        assert!(
            allowed("http://localhost:5173") && allowed("http://[::1]:3000") && allowed("https://127.0.0.1")
        );
        assert!(!allowed("null") && !allowed("https://evil.example") && !allowed("file://localhost"));
        assert!(!allowed("http://localhost:1@evil.example"));
    }
}
