//! The dead letters of a `sorl dev`, by its addresses.

use sorl_core::region::Region;

use super::letter::{Held, Letter};
use crate::target::DevServer;

/// Its letters, of some regions or of all.
pub(super) struct Letters {
    server: DevServer,
    regions: Vec<Region>,
}

impl Letters {
    /// Those of `regions`; of all, if none is named.
    pub(super) const fn of(server: DevServer, regions: Vec<Region>) -> Self {
        Self { server, regions }
    }

    pub(super) async fn take(&self, most: usize) -> anyhow::Result<Vec<Held>> {
        if !self.regions.is_empty() {
            let there: Vec<_> =
                self.server.regions().await?.into_iter().map(|listed| listed.region).collect();
            if let Some(stranger) = self.regions.iter().find(|region| !there.contains(region)) {
                return Err(crate::target::no_such_region(Some(stranger), there.iter()));
            }
        }
        let letters: Vec<Letter> = self.server.get("/dead-letters").await?;
        let mut taken: Vec<Held> = Vec::new();
        for letter in letters {
            let wanted = self.regions.is_empty() || self.regions.contains(&letter.region);
            let of_region = taken.iter().filter(|held| held.letter.region == letter.region).count();
            if wanted && of_region < most {
                taken.push(Held { letter, receipt: None });
            }
        }
        Ok(taken)
    }

    /// The server does both in one step.
    pub(super) async fn redrive(&self, letter: &Letter) -> anyhow::Result<()> {
        self.server.post(&format!("/dead-letters/{}/redrive", letter.id), String::new()).await
    }

    pub(super) async fn delete(&self, letter: &Letter) -> anyhow::Result<()> {
        self.server.delete(&format!("/dead-letters/{}", letter.id)).await
    }
}
