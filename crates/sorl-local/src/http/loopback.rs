//! Who counts as this machine: what mints tokens and breaks regions is for it alone; and what a page from elsewhere,
//! opened here, may not make its visitor's browser do.
//!
//! A peer on loopback is not enough: a page from anywhere, opened here, connects from here too. So the host
//! that was asked for must be loopback as well (against names that were rebound to 127.0.0.1), and the page's
//! origin, where there is one.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::fault;

/// Proof that a request comes from this machine, by somebody who meant it.
pub(super) struct Loopback;

impl<S: Send + Sync> FromRequestParts<S> for Loopback {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        let from_here = parts.extensions.get::<ConnectInfo<SocketAddr>>().is_some_and(is_here);
        if from_here && asks_here(&parts.headers, &parts.uri) && comes_from_here(&parts.headers) {
            return Ok(Self);
        }
        Err(fault(StatusCode::FORBIDDEN, "this address answers on loopback only"))
    }
}

/// Lets nothing through that a page from elsewhere sends to change something here: for a form no browser asks first.
pub(super) async fn refuse_foreign_pages(request: Request, next: Next) -> Response {
    let from_here = request.extensions().get::<ConnectInfo<SocketAddr>>().is_some_and(is_here);
    let is_own = if from_here { comes_from_here } else { comes_from_its_host };
    if request.method().is_safe() || is_own(request.headers()) {
        return next.run(request).await;
    }
    fault(StatusCode::FORBIDDEN, "a page of another origin may not do this")
}

/// Lets nobody through who asks from this machine for another's name: a page whose name was rebound to 127.0.0.1
/// would read the answer as its own.
pub(super) async fn refuse_rebound(request: Request, next: Next) -> Response {
    let from_here = request.extensions().get::<ConnectInfo<SocketAddr>>().is_some_and(is_here);
    if !from_here || asks_here(request.headers(), request.uri()) {
        return next.run(request).await;
    }
    fault(StatusCode::FORBIDDEN, "on loopback this address answers to names of loopback only")
}

/// The origin of the page that a request comes from; none if it is no page's, or one of this machine's own, such as
/// the console, which `[auth] origins` need not name.
pub(crate) fn foreign_page(headers: &HeaderMap, peer: IpAddr) -> Option<String> {
    let origins: Vec<_> = headers.get_all(header::ORIGIN).iter().collect();
    match origins.as_slice() {
        [] => None,
        [one] if peer.to_canonical().is_loopback() && is_loopback_origin(one) => None,
        several => {
            let texts: Vec<_> = several.iter().map(|one| String::from_utf8_lossy(one.as_bytes())).collect();
            Some(texts.join(","))
        }
    }
}

/// Pages on loopback, of any port, may use an address; others may not.
pub(super) fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(|origin, _parts| is_loopback_origin(origin)))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE])
}

fn is_here(ConnectInfo(peer): &ConnectInfo<SocketAddr>) -> bool {
    peer.ip().to_canonical().is_loopback()
}

/// Whether a page, if it is one, was served by the host that it asks: somebody looks at the console from elsewhere.
fn comes_from_its_host(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let page = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    page.is_some_and(|(_, host)| text(header::HOST) == Some(host))
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
    fn a_foreign_page_is_told_from_this_machines_own_and_from_none() {
        let page = |origins: &[&'static [u8]], peer: &str| {
            let origins =
                origins.iter().map(|origin| (header::ORIGIN, HeaderValue::from_bytes(origin).unwrap()));
            foreign_page(&origins.collect(), peer.parse().unwrap())
        };
        assert_eq!(page(&[], "127.0.0.1"), None);
        assert_eq!(page(&[b"http://localhost:5173"], "::ffff:127.0.0.1"), None);
        assert_eq!(page(&[b"http://localhost:5173"], "10.0.0.1").as_deref(), Some("http://localhost:5173"));
        assert_eq!(page(&[b"https://evil.example"], "127.0.0.1").as_deref(), Some("https://evil.example"));
        let two = page(&[b"http://localhost", b"https://evil.example"], "127.0.0.1");
        assert_eq!(two.as_deref(), Some("http://localhost,https://evil.example"));
        assert_eq!(page(&[b"\xff"], "127.0.0.1").as_deref(), Some("\u{fffd}"), "what is no text is there");
    }

    #[test]
    fn a_page_seen_from_elsewhere_is_its_hosts_own_or_foreign() {
        let is_own = |origin, host| {
            let pairs = [(header::ORIGIN, origin), (header::HOST, host)];
            let pairs = pairs.map(|(name, value)| (name, HeaderValue::from_static(value)));
            comes_from_its_host(&pairs.into_iter().collect())
        };
        assert!(is_own("http://devbox:4600", "devbox:4600"));
        assert!(!is_own("http://evil.example", "devbox:4600") && !is_own("null", "null"));
        assert!(comes_from_its_host(&HeaderMap::new()), "a program sends no origin");
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
