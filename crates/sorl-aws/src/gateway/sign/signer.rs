//! The stamp of the present second, made of credentials that are in force.
//!
//! Not the signing (`sign`). The invariant: credentials are asked for again before they expire, and once for all
//! posts that wait for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_types::DateTime;
use sorl_core::ports::Unavailable;

use super::Stamp;
use crate::gateway::PORT;

/// So long before they expire credentials are asked for again: more than a post may take.
const RENEWED_BEFORE: Duration = Duration::from_secs(30);

/// Stamps posts to one host.
#[derive(Debug)]
pub(in crate::gateway) struct Signer {
    provider: Option<SharedCredentialsProvider>,
    region: String,
    authority: String,
    credentials: tokio::sync::Mutex<Option<Credentials>>,
    stamp: Mutex<Option<Arc<Stamp>>>,
}

impl Signer {
    pub(in crate::gateway) fn new(configuration: &SdkConfig, authority: String) -> Self {
        Self {
            provider: configuration.credentials_provider(),
            region: configuration.region().map(ToString::to_string).unwrap_or_default(),
            authority,
            credentials: tokio::sync::Mutex::default(),
            stamp: Mutex::default(),
        }
    }

    /// The stamp of this second.
    pub(in crate::gateway) async fn stamp(&self) -> Result<Arc<Stamp>, Unavailable> {
        let now = SystemTime::now();
        let second = DateTime::from(now).secs();
        if let Some(stamp) = self.kept().as_ref().filter(|stamp| stamp.second == second) {
            return Ok(Arc::clone(stamp));
        }
        let credentials = self.credentials(now).await?;
        let stamp = Stamp::new(&credentials, &self.region, &self.authority, second);
        let stamp = stamp.map(Arc::new);
        self.kept().clone_from(&stamp);
        stamp.ok_or_else(|| Unavailable::new(PORT, "the credentials cannot stand in a header"))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Arc<Stamp>>> {
        self.stamp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn credentials(&self, now: SystemTime) -> Result<Credentials, Unavailable> {
        let mut kept = self.credentials.lock().await;
        if let Some(credentials) = kept.as_ref().filter(|credentials| is_in_force(credentials, now)) {
            return Ok(credentials.clone());
        }
        let Some(provider) = &self.provider else {
            return Err(Unavailable::new(PORT, "nobody provides credentials"));
        };
        let fresh = provider.provide_credentials().await.map_err(|fault| Unavailable::new(PORT, fault))?;
        Ok(kept.insert(fresh).clone())
    }
}

fn is_in_force(credentials: &Credentials, now: SystemTime) -> bool {
    credentials.expiry().is_none_or(|expiry| now + RENEWED_BEFORE < expiry)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use aws_config::Region;
    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::future::ProvideCredentials as Provided;

    use super::*;

    /// Numbers what it gives; nothing the first time.
    #[derive(Debug, Default)]
    struct Numbering {
        given: AtomicU32,
        lasting: Option<Duration>,
    }

    impl ProvideCredentials for Numbering {
        fn provide_credentials<'a>(&'a self) -> Provided<'a>
        where
            Self: 'a,
        {
            let number = self.given.fetch_add(1, Ordering::Relaxed);
            let expiry = self.lasting.map(|lasting| SystemTime::now() + lasting);
            Provided::ready(match number {
                0 => Err(CredentialsError::not_loaded("too early")),
                _ => Ok(Credentials::new(number.to_string(), "secret", None, expiry, "test")),
            })
        }
    }

    fn signer(lasting: Option<Duration>) -> Signer {
        let provider = SharedCredentialsProvider::new(Numbering { lasting, ..Numbering::default() });
        let configuration =
            SdkConfig::builder().region(Region::new("eu-north-1")).credentials_provider(provider).build();
        Signer::new(&configuration, "host".to_owned())
    }

    async fn key(signer: &Signer) -> String {
        signer.credentials(SystemTime::now()).await.unwrap().access_key_id().to_owned()
    }

    #[tokio::test]
    async fn credentials_are_kept_until_shortly_before_they_expire() {
        for (lasting, second) in
            [(None, "1"), (Some(RENEWED_BEFORE + Duration::from_hours(1)), "1"), (Some(RENEWED_BEFORE), "2")]
        {
            let signer = signer(lasting);
            assert!(signer.stamp().await.is_err(), "the first answer is a refusal");
            assert_eq!(
                (key(&signer).await.as_str(), key(&signer).await.as_str()),
                ("1", second),
                "{lasting:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_refusal_of_credentials_is_no_last_word() {
        let signer = signer(None);
        assert_eq!(signer.stamp().await.unwrap_err().port, PORT);
        assert!(signer.stamp().await.unwrap().credential.contains("Credential=1/"));
        let nobody = Signer::new(&SdkConfig::builder().build(), "host".to_owned());
        assert!(nobody.stamp().await.is_err());
    }
}
