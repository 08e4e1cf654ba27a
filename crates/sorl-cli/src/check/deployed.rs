//! What is deployed, as far as AWS tells: the configuration that the stack was made with, else its outputs.
//!
//! The invariant: what cannot be had is said to be unknown, never taken as unchanged.

use anyhow::{Context as _, bail};
use serde_json::Value;
use sorl_core::config::Config;
use sorl_core::region::Region;

use super::changes::{between, publishers, regions};
use super::remark::{Level, Remark};
use crate::target::{Kind, Stack, Stage, told};

/// What deploying the stage's configuration would change.
pub(super) async fn changes(stage: &Stage) -> anyhow::Result<Vec<Remark>> {
    let home = stage.config.regions.first().context("a configuration names a region")?;
    let aws = stage.aws(home).await;
    let state = Stack::find(&aws, &Kind::State.name(&stage.name)).await?;
    let Some(replicas) = state.as_ref().and_then(|state| state.output("Replicas")) else {
        bail!("{home} is not the home region of a stage {}; a new stage changes nothing", stage.name);
    };
    let deployed: Vec<_> = replicas.split(',').filter_map(|name| Region::parse(name).ok()).collect();
    let client = aws_sdk_cloudformation::Client::new(&aws);
    let name = Kind::Running.name(&stage.name);
    let template = client.get_template().stack_name(&name).send().await.map_err(told)?;
    match template.template_body().and_then(configuration) {
        Some(mut old) => {
            // Told by what stands, not by what was once wanted.
            old.regions = deployed;
            let mut found = between(&old, &stage.config);
            found.extend(publishers(&old.publishers, &stage.config.publishers));
            Ok(found)
        }
        None => {
            let what = "was deployed without telling its configuration, so what else would change is not known; deployed once more, it tells";
            let mut found = regions(&deployed, &stage.config.regions);
            found.push(Remark::new(Level::Warning, format!("stage {}", stage.name), what));
            Ok(found)
        }
    }
}

/// The configuration in a template: `make deploy` puts it there, without any secret.
fn configuration(template: &str) -> Option<Config> {
    let template: Value = serde_json::from_str(template).ok()?;
    Config::parse(template.pointer("/Metadata/Sorl/Configuration")?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_tells_the_configuration_that_it_was_made_with() {
        let template = r#"{"Metadata":{"Sorl":{"Configuration":"[namespaces.hall]\nshards = 3\n"}}}"#;
        let config = configuration(template).unwrap();
        assert!(config.namespaces().any(|namespace| namespace.name == "hall" && namespace.shards == 3));
        assert!(configuration("{}").is_none() && configuration("no JSON").is_none());
    }
}
