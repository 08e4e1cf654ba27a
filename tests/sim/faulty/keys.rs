//! The keys with faults.

use async_trait::async_trait;
use sorl_core::authorize::VerifyKey;
use sorl_core::ports::{Keys, Unavailable};

use super::Faulty;

#[async_trait]
impl Keys for Faulty<dyn Keys> {
    async fn find(&self, kid: Option<&str>) -> Result<Vec<VerifyKey>, Unavailable> {
        self.invocation.around("keys", self.inner.find(kid)).await
    }
}
