//! The door of a region: whether new connections come in while it is drained.
//!
//! `sorl dev` shuts it by itself. On AWS that is a deployment's and DNS's to do, so there it is only said how: no
//! command of an operator's machine shall change what the templates describe.

use sorl_core::region::Region;

use crate::target::{DevServer, Place, Target};

/// One region's.
pub(super) enum Door {
    Dev { server: DevServer, region: Region },
    Stage { stage: String, region: Region },
}

impl Door {
    pub(super) fn of(target: &Target, region: &Region) -> Self {
        let region = region.clone();
        match &target.place {
            Place::Dev(server) => Self::Dev { server: server.clone(), region },
            Place::Stage(stage) => Self::Stage { stage: stage.name.clone(), region },
        }
    }

    /// Refuses new connections; whether it does.
    pub(super) async fn shut(&self) -> anyhow::Result<bool> {
        self.set(true).await
    }

    /// Takes new connections again; whether it does by now.
    pub(super) async fn open(&self) -> anyhow::Result<bool> {
        self.set(false).await
    }

    async fn set(&self, shut: bool) -> anyhow::Result<bool> {
        let Self::Dev { server, region } = self else { return Ok(false) };
        let mut drained: Vec<Region> = server.get("/drained").await?;
        drained.retain(|other| other != region);
        drained.extend(shut.then(|| region.clone()));
        server.post("/drained", serde_json::to_string(&drained)?).await?;
        Ok(true)
    }

    /// The command that makes the region refuse new connections, or take them again.
    pub(super) fn deployment(&self, shut: bool) -> Option<String> {
        let Self::Stage { stage, region } = self else { return None };
        let params = if shut { " PARAMS=\"handshakes=refused\"" } else { "" };
        Some(format!("make deploy STAGE={stage} REGIONS={region}{params}"))
    }
}
