//! What a client is started with: where the service is, and who it is for.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sorl_core::region::Region;

use crate::machine::Endpoint;

/// Where no token could be had from, and why.
pub type TokenFault = Box<dyn std::error::Error + Send + Sync>;

type Provide = dyn Fn() -> BoxFuture<'static, Result<String, TokenFault>> + Send + Sync;

/// Where tokens come from: asked before every connection, since the last one may have expired.
#[derive(Clone)]
pub struct TokenProvider(Arc<Provide>);

impl TokenProvider {
    /// Tokens that are fetched, or made, when they are needed.
    pub fn new<F, Fut>(provide: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, TokenFault>> + Send + 'static,
    {
        Self(Arc::new(move || provide().boxed()))
    }

    /// One token for good: when it expires, no connection opens any more.
    #[must_use]
    pub fn fixed(token: String) -> Self {
        Self::new(move || std::future::ready(Ok(token.clone())))
    }

    pub(super) async fn token(&self) -> Result<String, TokenFault> {
        (self.0)().await
    }
}

impl fmt::Debug for TokenProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenProvider")
    }
}

/// Hears every text frame as it came, before the client makes anything of it: for whoever counts what the wire
/// brought, which the client does not tell twice.
#[derive(Clone)]
pub struct Tap(Arc<dyn Fn(&str) + Send + Sync>);

impl Tap {
    /// Calls `hear` for each frame; it should be quick, since nothing is read meanwhile.
    pub fn new(hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    pub(super) fn hear(&self, frame: &str) {
        (self.0)(frame);
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

/// What a client is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the service is. After a failed attempt the next one is tried.
    pub endpoints: Vec<Endpoint>,
    /// The region to begin with. Unless said it is the nearest, by the time that a TCP connection takes, and
    /// the next one is the next nearest.
    pub region: Option<Region>,
    /// Where tokens come from.
    pub token: TokenProvider,
    /// Events that wait for the application; when there are as many, the client reads no further, and the
    /// service takes it for slow.
    pub events_max: usize,
    /// Publishes that may be under way, be it that they wait for a connection or for a reply; one more is
    /// refused at once.
    pub queue_max: usize,
    /// Who hears the frames themselves, if anybody.
    pub tap: Option<Tap>,
}

impl Options {
    /// A client of these endpoints, with room for 1,024 events and 1,000 publishes.
    #[must_use]
    pub const fn new(endpoints: Vec<Endpoint>, token: TokenProvider) -> Self {
        Self { endpoints, region: None, token, events_max: 1_024, queue_max: 1_000, tap: None }
    }

    /// Begins in `region`.
    #[must_use]
    pub fn in_region(self, region: Region) -> Self {
        Self { region: Some(region), ..self }
    }

    /// Lets somebody hear the frames themselves.
    #[must_use]
    pub fn tapped(self, tap: Tap) -> Self {
        Self { tap: Some(tap), ..self }
    }
}
