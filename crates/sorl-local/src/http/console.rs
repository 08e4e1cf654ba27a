//! The console: `web/` at `/`, and the JavaScript client that it stands on at `/client/`.
//!
//! Files are inside the binary; debug builds read them from disk, so that an edit is a reload away. Invariant:
//! nothing but these files is served, whatever the path says.

use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::fault;

#[derive(RustEmbed)]
#[folder = "../../web"]
#[exclude = "tsconfig.json"]
#[exclude = "*.mjs"]
#[exclude = "*.md"]
struct Web;

#[derive(RustEmbed)]
#[folder = "../../clients/js/src"]
struct Client;

/// Scripts, styles and sockets of this place only; nobody may frame it.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; object-src 'none'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// `GET /`.
pub(super) async fn page(headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    if !["text/html", "text/*", "*/*"].iter().any(|kind| accepted.contains(kind)) {
        return fault(StatusCode::NOT_ACCEPTABLE, "this is the console, a page; SNS answers POST");
    }
    serve(Web::get("index.html"))
}

/// Everything that has no address of its own.
pub(super) async fn file(method: Method, uri: Uri) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return fault(StatusCode::NOT_FOUND, "no such address");
    }
    let path = percent_decode_str(uri.path().trim_start_matches('/')).decode_utf8_lossy();
    serve(find(&path))
}

fn find(path: &str) -> Option<EmbeddedFile> {
    // The release build looks paths up in a table; the debug build must not step out of its folder either.
    if path.split(['/', '\\']).any(|part| part.is_empty() || part.starts_with('.')) {
        return None;
    }
    match path.strip_prefix("client/") {
        Some(path) => Client::get(path),
        None => Web::get(path),
    }
}

fn serve(file: Option<EmbeddedFile>) -> Response {
    let Some(file) = file else { return fault(StatusCode::NOT_FOUND, "no such address") };
    let kind = match file.metadata.mimetype() {
        text if text.starts_with("text/") => format!("{text}; charset=utf-8"),
        other => other.to_owned(),
    };
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_TYPE, &kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, file.data.into_owned()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_the_client_are_there() {
        for path in ["index.html", "console.js", "style/base.css", "vendor/uplot/LICENSE", "client/index.js"]
        {
            assert!(find(path).is_some(), "{path}");
        }
    }

    #[test]
    fn nothing_else_is_served() {
        for path in [
            "",
            "../Cargo.toml",
            "client/../package.json",
            "..",
            "/etc/passwd",
            "client/",
            ".git/config",
            "a\\..\\b",
        ] {
            assert!(find(path).is_none(), "{path}");
        }
    }
}
