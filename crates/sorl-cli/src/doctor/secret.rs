//! Can tokens be verified in this region? Whether the secret is there, not what it is.

use sorl_core::region::Region;

use super::finding::{Finding, Look, Subject};
use crate::target::Stage;

pub(super) async fn examine(stage: &Stage, region: &Region) -> Vec<Finding> {
    let look = Look::at(Subject::Secret, region);
    if let Some(jwks) = &stage.config.auth.jwks {
        let what = format!(
            "tokens are verified with the keys at {jwks}, which the region fetches, not this machine"
        );
        return vec![look.unknown(what, "look for faults of authorize in its log, or connect with a token")];
    }
    vec![of_secret(stage, region, &look).await]
}

/// Each region reads its own replica.
async fn of_secret(stage: &Stage, region: &Region, look: &Look) -> Finding {
    let name = stage.resource("jwt");
    let client = aws_sdk_secretsmanager::Client::new(&stage.aws(region).await);
    match client.describe_secret().secret_id(&name).send().await {
        Ok(secret) if secret.deleted_date().is_some() => look.fault(
            format!("the secret {name} is about to be deleted: nobody can connect"),
            format!("aws secretsmanager restore-secret --secret-id {name} --region {region}"),
        ),
        Ok(_) => look.ok(format!("the secret {name} is there")),
        Err(fault) => look.refused(&format!("the secret {name}"), &stage.name, fault),
    }
}
