//! The keys that tokens are verified with here, and, with a shared secret, minted with.
//!
//! Not the verification (`sorl_core::authorize`). Invariant: a secret that nobody configured is drawn once and
//! kept with the data, so that tokens outlive a restart where anything does.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use sorl_core::authorize::{self, Unsigned, VerifyKey, Wanted};
use sorl_core::config::Auth;
use sorl_core::ports::{Clock, Entropy, Keys, Unavailable};
use sorl_core::time::Timestamp;
use sorl_jwks::{Cache, Jwks};

use crate::store::{Batch, Key, Store, StoreError, Tag};

/// Draws of 64 bits in a secret: 256 bits, as many as HS256 can use.
const SECRET_DRAWS: usize = 4;

/// Why a token was not minted.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The private keys are elsewhere.
    #[error("tokens are signed elsewhere")]
    Foreign,
    /// The claims could not be signed.
    #[error(transparent)]
    Failed(#[from] Unsigned),
}

/// The stage's keys.
pub struct LocalKeys {
    source: Source,
    auth: Auth,
}

enum Source {
    /// The one that signs, and perhaps one that is accepted as well.
    Secret(Vec<u8>, Option<Vec<u8>>),
    Jwks(Box<Cache<Jwks>>),
}

impl LocalKeys {
    /// The keys that the configuration names; without any, the secret that the store keeps.
    ///
    /// # Errors
    /// [`StoreError`] if the secret can be neither read nor kept.
    pub async fn open(
        auth: &Auth,
        store: &dyn Store,
        entropy: &dyn Entropy,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let source = match (&auth.jwks, &auth.secret) {
            (Some(url), _) => Source::Jwks(Box::new(Jwks::cached(url.clone(), auth.algorithm, clock))),
            (None, Some(secret)) => {
                let second = auth.second_secret.clone().map(String::into_bytes);
                Source::Secret(secret.clone().into_bytes(), second)
            }
            (None, None) => Source::Secret(kept_secret(store, entropy).await?, None),
        };
        Ok(Self { source, auth: auth.clone() })
    }

    /// A token for `user`, with `grants` as its claim, if given, that expires `ttl` seconds from `now`.
    ///
    /// # Errors
    /// [`MintError`].
    pub fn mint(
        &self,
        user: &str,
        grants: Option<&Value>,
        ttl: i64,
        now: Timestamp,
    ) -> Result<String, MintError> {
        let Source::Secret(secret, _) = &self.source else { return Err(MintError::Foreign) };
        Ok(authorize::sign(secret, &self.auth, &Wanted { user, grants, ttl }, now)?)
    }
}

/// The secret of a stage that has none configured.
async fn kept_secret(store: &dyn Store, entropy: &dyn Entropy) -> Result<Vec<u8>, StoreError> {
    let key = Key::new(Tag::Secret);
    if let Some(secret) = store.get(key.as_bytes())? {
        return Ok(secret.to_vec());
    }
    let secret: Vec<u8> = (0..SECRET_DRAWS).flat_map(|_| entropy.bits().to_be_bytes()).collect();
    let mut batch = Batch::default();
    batch.put(key, secret.clone());
    store.write(batch).await?;
    Ok(secret)
}

#[async_trait]
impl Keys for LocalKeys {
    async fn find(&self, kid: Option<&str>) -> Result<Vec<VerifyKey>, Unavailable> {
        match &self.source {
            Source::Secret(secret, second) => {
                let all = std::iter::once(secret).chain(second);
                Ok(all.map(|secret| VerifyKey::secret(None, secret)).collect())
            }
            Source::Jwks(jwks) => jwks.find(kid).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use sorl_core::authorize::{AuthorizeError, Handshake, authorize};
    use sorl_core::config::{Config, Site};
    use sorl_core::region::Region;

    use super::*;
    use crate::clock::{OsEntropy, SystemClock};
    use crate::store::MemoryStore;

    async fn keys(store: &MemoryStore) -> LocalKeys {
        LocalKeys::open(&Config::default().auth, store, &OsEntropy, Arc::new(SystemClock)).await.unwrap()
    }

    async fn verify(keys: &LocalKeys, token: &str) -> Result<String, AuthorizeError> {
        let site = Site { region: Region::parse("eu-north-1").unwrap(), config: Arc::new(Config::default()) };
        let handshake = Handshake { query_token: Some(token), ..Handshake::default() };
        let principal = authorize(&handshake, keys, &SystemClock, &site).await?;
        Ok(principal.user.as_str().to_owned())
    }

    #[tokio::test]
    async fn a_minted_token_is_verified_until_it_expires() {
        let keys = keys(&MemoryStore::default()).await;
        let mint = |ttl| keys.mint("alice", None, ttl, SystemClock.now()).unwrap();
        assert_eq!(verify(&keys, &mint(60)).await.unwrap(), "alice");
        assert!(verify(&keys, &mint(0)).await.is_err() && verify(&keys, &mint(-60)).await.is_err());
    }

    #[tokio::test]
    async fn while_a_secret_takes_the_place_of_another_tokens_of_both_are_good() {
        let (one, two) = ("1".repeat(32), "2".repeat(32));
        let open = async |secret: &str, second: Option<&str>| {
            let mut auth = Config::default().auth;
            (auth.secret, auth.second_secret) = (Some(secret.to_owned()), second.map(str::to_owned));
            LocalKeys::open(&auth, &MemoryStore::default(), &OsEntropy, Arc::new(SystemClock)).await.unwrap()
        };
        let old = open(&one, None).await.mint("alice", None, 60, SystemClock.now()).unwrap();
        let new = open(&two, None).await.mint("alice", None, 60, SystemClock.now()).unwrap();
        for both in [open(&one, Some(&two)).await, open(&two, Some(&one)).await] {
            assert!(verify(&both, &old).await.is_ok() && verify(&both, &new).await.is_ok());
        }
        let after = open(&two, None).await;
        assert!(verify(&after, &old).await.is_err() && verify(&after, &new).await.is_ok());
    }

    #[tokio::test]
    async fn tokens_outlive_a_restart_where_the_data_does() {
        let store = MemoryStore::default();
        let token = keys(&store).await.mint("alice", None, 60, SystemClock.now()).unwrap();
        assert!(verify(&keys(&store).await, &token).await.is_ok());
        assert!(verify(&keys(&MemoryStore::default()).await, &token).await.is_err());
    }
}
