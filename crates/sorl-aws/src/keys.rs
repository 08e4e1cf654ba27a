//! The keys that tokens are verified with: a secret by its name in Secrets Manager, or a JWKS.
//!
//! Not their caching (`sorl_jwks`), which both share: fetched at the first token, again after ten minutes, kept for
//! a day while their keeper is down. The invariant: a secret is never logged, not even in part.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use sorl_core::authorize::VerifyKey;
use sorl_core::config::Auth;
use sorl_core::ports::{Clock, Keys, Unavailable};
use sorl_jwks::{Cache, Jwks, Source};

use crate::secret::told;

/// The stage's keys.
pub struct AwsKeys(Keeper);

enum Keeper {
    Secret(Cache<Secret>),
    Jwks(Cache<Jwks>),
    Nobody,
}

impl AwsKeys {
    /// The keys that the configuration names: its JWKS, or else the secret called `secret`.
    #[must_use]
    pub fn new(
        auth: &Auth,
        client: aws_sdk_secretsmanager::Client,
        secret: Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(match (&auth.jwks, secret) {
            (Some(url), _) => Keeper::Jwks(Jwks::cached(url.clone(), auth.algorithm, clock)),
            (None, Some(name)) => Keeper::Secret(Cache::new(Secret { client, name }, clock)),
            (None, None) => Keeper::Nobody,
        })
    }
}

#[async_trait]
impl Keys for AwsKeys {
    async fn find(&self, kid: Option<&str>) -> Result<Vec<VerifyKey>, Unavailable> {
        match &self.0 {
            // A secret has no name of its own that a token could mean.
            Keeper::Secret(secret) => secret.find(None).await,
            Keeper::Jwks(jwks) => jwks.find(kid).await,
            Keeper::Nobody => Err(Unavailable::new("keys", "neither a secret nor a JWKS is named")),
        }
    }
}

/// A secret in Secrets Manager: the value of today, and those of tomorrow and yesterday while it is rotated, each as
/// text or bytes.
struct Secret {
    client: aws_sdk_secretsmanager::Client,
    name: String,
}

#[async_trait]
impl Source for Secret {
    async fn fetch(&self) -> Result<Vec<VerifyKey>, String> {
        let current =
            self.version(CURRENT).await?.ok_or_else(|| format!("{}: it has no value", self.name))?;
        let (next, former) = futures::try_join!(self.version(NEXT), self.version(FORMER))?;
        let all = [Some(current), next, former];
        Ok(all.iter().flatten().map(|secret| VerifyKey::secret(None, secret)).collect())
    }
}

impl Secret {
    /// The value that has this label; none if no value has it.
    async fn version(&self, label: &str) -> Result<Option<Vec<u8>>, String> {
        let asked = self.client.get_secret_value().secret_id(&self.name).version_stage(label).send().await;
        let answer = match asked {
            Ok(answer) => answer,
            Err(fault) if label != CURRENT && is_absent(&fault) => return Ok(None),
            Err(fault) => return Err(format!("{}: {}", self.name, told(&fault))),
        };
        let text = answer.secret_string().map(str::as_bytes);
        let secret = text.or(answer.secret_binary().map(|blob| blob.as_ref())).unwrap_or_default();
        if secret.len() < SECRET_LEN_MIN {
            return Err(format!("{}: {label} is shorter than {SECRET_LEN_MIN} bytes", self.name));
        }
        Ok(Some(secret.to_vec()))
    }
}

fn is_absent(fault: &SdkError<GetSecretValueError>) -> bool {
    fault.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

/// The labels of the values that are good: the one that signs, the one that soon will, the one that did. A label is
/// set and taken away by hand, so a value that leaked, and is simply replaced, is good no longer.
const CURRENT: &str = "AWSCURRENT";
const NEXT: &str = "sorl-next";
const FORMER: &str = "sorl-former";

/// Bytes of a secret, as many as `sorl.toml` demands: HS256's hash has no fewer.
const SECRET_LEN_MIN: usize = 32;
