//! The configuration: what `sorl.toml` says, parsed once, in `main`, with every fault named at once, by line.
//!
//! Not limits (`limits`), which nobody sets. A configuration that exists is consistent: it has a region, its
//! namespaces read at least as many shards as they write, and its algorithm has the keys it needs.

mod bounds;
mod delivery;
mod file;
mod namespace;
mod origins;
pub mod quantity;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use bounds::Bounds;
pub use delivery::Delivery;
pub use file::{ConfigFault, ConfigFaults};
pub use namespace::{Namespace, PublishRate};
pub use origins::Origins;

use crate::names::ChannelName;
use crate::region::Region;

/// Everything that an operator may set.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The deployment, such as `dev` or `prod`: part of the names of topics.
    pub stage: String,
    /// Where it runs; at least one, each once.
    pub regions: Vec<Region>,
    /// How tokens are verified.
    pub auth: Auth,
    /// Accounts that may publish to the `messages` topic.
    pub publishers: Vec<String>,
    /// Bytes of a message as clients get it; at most [`crate::limits::MESSAGE_LEN_MAX`].
    pub message_len_max: usize,
    /// How much one region, and one invocation, may post.
    pub delivery: Delivery,
    /// How much one client may take.
    pub bounds: Bounds,
    /// Options of channels, by prefix; `default` and `@` are always there.
    namespaces: BTreeMap<String, Arc<Namespace>>,
    fallback: Arc<Namespace>,
}

/// How tokens are verified: pinned here, never chosen by a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// The one algorithm.
    pub algorithm: Algorithm,
    /// Where the public keys are; there for every algorithm but HS256.
    pub jwks: Option<String>,
    /// The shared secret, for `sorl dev` only; a deployed stage refers to a parameter instead.
    pub secret: Option<String>,
    /// A second one that is accepted as well, while one takes the place of the other; for `sorl dev` only too.
    pub second_secret: Option<String>,
    /// `iss` that is required, if any.
    pub issuer: Option<String>,
    /// `aud` that is required, if any.
    pub audience: Option<String>,
    /// Pages that may connect; absent, those of any origin. What is no page sends no origin, and is never refused here.
    pub origins: Option<Origins>,
}

impl Auth {
    /// Tokens of this algorithm, and nothing else asked of them.
    pub(crate) const fn of(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            jwks: None,
            secret: None,
            second_secret: None,
            issuer: None,
            audience: None,
            origins: None,
        }
    }

    /// Whether a page of this origin may connect.
    #[must_use]
    pub fn admits(&self, origin: &str) -> bool {
        self.origins.as_ref().is_none_or(|origins| origins.admit(origin))
    }
}

/// Signature algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// A shared secret.
    Hs256,
    /// RSA, PKCS#1 v1.5.
    Rs256,
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Config {
    /// The options of a channel.
    #[must_use]
    pub fn namespace(&self, channel: &ChannelName) -> &Arc<Namespace> {
        channel.namespace().and_then(|prefix| self.namespaces.get(prefix)).unwrap_or(&self.fallback)
    }

    /// All namespaces, by name.
    pub fn namespaces(&self) -> impl Iterator<Item = &Arc<Namespace>> {
        self.namespaces.values()
    }
}

/// One region of a stage: where a handler runs and what it is configured with.
#[derive(Debug, Clone)]
pub struct Site {
    /// The region.
    pub region: Region,
    /// The stage's configuration.
    pub config: Arc<Config>,
}
