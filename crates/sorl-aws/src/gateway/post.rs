//! Posting: a signed request over a link of the pool.
//!
//! Not what an answer means (`gateway`). The invariant: a post goes out once. One that found its link closed before
//! a byte was written takes another; whatever happens later is for `deliver`'s slices to repeat.

use std::fmt;
use std::time::Instant;

use aws_config::SdkConfig;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use sorl_core::ids::ConnectionId;
use sorl_core::ports::Unavailable;
use sorl_core::protocol::Frame;
use tokio::time::timeout;

use super::PORT;
use super::dial::Dialer;
use super::endpoint::Endpoint;
use super::link::{Link, Lost, Post};
use super::pool::Pool;
use super::sign::Signer;
use crate::clients::POST_MAX;

const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const AMZ_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
/// What the SDK's client says of a frame.
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// Bytes of a path and of an `authorization`: some 350, and rarely more than this.
const HEADERS_LEN: usize = 512;

/// Posts to one endpoint.
pub(super) struct Poster {
    endpoint: Endpoint,
    signer: Signer,
    dialer: Dialer,
    idle: Pool<Link>,
}

impl Poster {
    pub(super) fn new(configuration: &SdkConfig, endpoint: Endpoint) -> Self {
        Self {
            signer: Signer::new(configuration, endpoint.authority.clone()),
            dialer: Dialer::new(&endpoint),
            idle: Pool::new(),
            endpoint,
        }
    }

    /// Posts a frame; returns the answer's status.
    pub(super) async fn post(&self, connection: &ConnectionId, frame: &Frame) -> Result<u16, Unavailable> {
        let posted =
            timeout(POST_MAX, async { self.send(self.request(connection, frame).await?).await }).await;
        posted.unwrap_or_else(|elapsed| Err(unavailable(elapsed)))
    }

    async fn request(&self, connection: &ConnectionId, frame: &Frame) -> Result<Post, Unavailable> {
        let stamp = self.signer.stamp().await?;
        let mut bytes = Vec::with_capacity(HEADERS_LEN);
        self.endpoint.write_path(connection, &mut bytes);
        let path_len = bytes.len();
        stamp.write_authorization(&self.endpoint, connection, frame.sha256(), &mut bytes);
        let mut path = Bytes::from(bytes);
        let authorization = path.split_off(path_len);
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(HOST, self.endpoint.host_header.clone());
        headers.insert(AMZ_DATE, stamp.date.clone());
        if let Some(token) = &stamp.token {
            headers.insert(AMZ_TOKEN, token.clone());
        }
        headers.insert(CONTENT_TYPE, OCTETS);
        headers.insert(AUTHORIZATION, HeaderValue::from_maybe_shared(authorization).map_err(unavailable)?);
        let mut post = Request::new(Full::new(frame.text().clone()));
        *post.method_mut() = Method::POST;
        *post.uri_mut() = Uri::from_maybe_shared(path).map_err(unavailable)?;
        *post.headers_mut() = headers;
        Ok(post)
    }

    async fn send(&self, mut post: Post) -> Result<u16, Unavailable> {
        loop {
            let mut link = match self.idle.take(Instant::now()) {
                Some(link) => link,
                None => self.dialer.dial(|| self.idle.take(Instant::now())).await?,
            };
            let was_used = link.was_used();
            match link.send(post).await {
                Ok((status, is_whole)) => {
                    if is_whole {
                        self.idle.put(link, Instant::now());
                    }
                    return Ok(status);
                }
                Err(Lost::Unsent(unsent)) if was_used => post = *unsent,
                Err(Lost::Unsent(_)) => return Err(Unavailable::new(PORT, "a new link was closed at once")),
                Err(Lost::Unanswered(fault)) => return Err(unavailable(fault)),
            }
        }
    }
}

fn unavailable(fault: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Unavailable {
    Unavailable::new(PORT, fault)
}

impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poster").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
