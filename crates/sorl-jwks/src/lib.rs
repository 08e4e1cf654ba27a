//! The keys that tokens are verified with, where they are kept elsewhere.
//!
//! [`Cache`] keeps what a [`Source`] has; [`Jwks`] is the source behind an identity provider's URL. Not the
//! verification (`sorl_core::authorize`).

mod cache;
mod jwks;

pub use cache::{Cache, Source};
pub use jwks::Jwks;
