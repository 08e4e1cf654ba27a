//! The keys that tokens are verified with: a shared secret, or a JWKS fetched and cached by the adapter.

use async_trait::async_trait;

use super::Unavailable;
use crate::authorize::VerifyKey;

/// Finds verifying keys.
///
/// - **`rotation_is_seen`**: a `kid` that is not cached makes the adapter fetch again (at a bounded rate) before
///   it says that there is none.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The keys that a token naming `kid` may be verified with; none if it is unknown. Without a `kid`: all.
    ///
    /// # Errors
    /// [`Unavailable`] if the keys cannot be had: not the client's fault.
    async fn find(&self, kid: Option<&str>) -> Result<Vec<VerifyKey>, Unavailable>;
}
