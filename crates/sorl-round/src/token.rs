//! The canary's own token: of a minute or two, and good for its own channels only.

use serde_json::json;
use sorl_core::authorize::{self, Unsigned, Wanted};
use sorl_core::config::Auth;
use sorl_core::time::Timestamp;

/// Who the canary is.
pub const USER: &str = "canary";
/// What it may: to hear itself.
const CHANNELS: &str = "canary:*";
/// Seconds that a token is good: longer than any round, too short to be worth stealing.
const LIFE: i64 = 120;

/// A token signed with the stage's shared secret (HS256).
///
/// # Errors
/// If the secret cannot sign.
pub fn sign(secret: &[u8], auth: &Auth, now: Timestamp) -> Result<String, Unsigned> {
    let grants = json!({ CHANNELS: ["subscribe", "publish"] });
    authorize::sign(secret, auth, &Wanted { user: USER, grants: Some(&grants), ttl: LIFE }, now)
}
