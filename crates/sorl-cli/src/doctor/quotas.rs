//! Does AWS let the account do what the configuration counts on?
//!
//! Asked of Service Quotas, region by region; what it does not tell is unknown, whatever AWS's defaults are.

use aws_sdk_servicequotas::Client;
use futures::future::join_all;
use sorl_core::region::Region;

use super::finding::{Finding, Look, Subject};
use crate::target::{Stage, told};

/// Frames that all clients of a region may send a second: `throttleRate` of the template, each a publish at most.
const FRAMES_PER_SECOND: f64 = 2_000.0;
/// Invocations of `deliver` at once: `liveConcurrency` and `bulkConcurrency` of the template.
const DELIVER_CONCURRENCY: f64 = 14.0;
/// Invocations at once of what clients wait for: that many frames, at 50 ms each.
const COMMAND_CONCURRENCY: f64 = FRAMES_PER_SECOND * 0.050;

/// A quota: where Service Quotas has it, and what hangs on it.
struct Quota {
    service: &'static str,
    code: &'static str,
    name: &'static str,
    judge: fn(&Stage, f64) -> Option<Shortage>,
}

/// The quota is below what may be asked for.
struct Shortage {
    what: String,
    is_fault: bool,
}

const QUOTAS: [Quota; 3] = [
    Quota {
        service: "apigateway",
        code: "L-8A5B8E43",
        name: "API Gateway's requests a second",
        judge: posts,
    },
    Quota { service: "sns", code: "L-F8E2BA85", name: "SNS's messages a second", judge: publishes },
    Quota {
        service: "lambda",
        code: "L-B99A9384",
        name: "Lambda's concurrent executions",
        judge: invocations,
    },
];

pub(super) async fn examine(stage: &Stage, region: &Region) -> Vec<Finding> {
    let look = Look::at(Subject::Quotas, region);
    let client = Client::new(&stage.aws(region).await);
    join_all(QUOTAS.iter().map(|quota| of_quota(stage, &look, &client, quota))).await
}

async fn of_quota(stage: &Stage, look: &Look, client: &Client, quota: &Quota) -> Finding {
    let Quota { service, code, name, judge } = quota;
    let value = match value(client, quota).await {
        Ok(value) => value,
        Err(fault) => {
            let remedy = "the right that is needed is servicequotas:GetServiceQuota";
            return look.unknown(format!("{name}: {fault:#}"), remedy);
        }
    };
    let raise = format!(
        "aws service-quotas request-service-quota-increase --service-code {service} --quota-code {code} --desired-value N"
    );
    match judge(stage, value) {
        None => look.ok(format!("{name}: {value}")),
        Some(Shortage { what, is_fault: true }) => look.fault(format!("{name}: {value}, {what}"), raise),
        Some(Shortage { what, is_fault: false }) => look.warning(format!("{name}: {value}, {what}"), raise),
    }
}

/// The account's own value; AWS's default where it was never changed.
async fn value(client: &Client, quota: &Quota) -> anyhow::Result<f64> {
    let call = client.get_service_quota().service_code(quota.service).quota_code(quota.code);
    let answer = match call.send().await {
        Ok(answer) => answer.quota,
        Err(fault) if crate::target::is_absent(&fault) => {
            let call = client.get_aws_default_service_quota();
            let call = call.service_code(quota.service).quota_code(quota.code);
            call.send().await.map_err(told)?.quota
        }
        Err(fault) => return Err(told(fault)),
    };
    answer.and_then(|quota| quota.value).ok_or_else(|| anyhow::anyhow!("Service Quotas tells no value"))
}

/// Posts and clients' frames share one rate.
fn posts(stage: &Stage, value: f64) -> Option<Shortage> {
    let wanted = f64::from(stage.config.delivery.post_rate);
    (value < wanted).then(|| Shortage {
        what: format!("but limits.posts counts on {wanted}: deliveries will be throttled; raise it, or lower limits.posts"),
        is_fault: false,
    })
}

fn publishes(_stage: &Stage, value: f64) -> Option<Shortage> {
    (value < FRAMES_PER_SECOND).then(|| Shortage {
        what: format!(
            "but clients may send {FRAMES_PER_SECOND} frames a second (throttleRate): \
             what is above it is answered `unavailable`"
        ),
        is_fault: false,
    })
}

fn invocations(_stage: &Stage, value: f64) -> Option<Shortage> {
    if value < DELIVER_CONCURRENCY {
        let what = format!(
            "but deliver alone may run {DELIVER_CONCURRENCY} times at once: clients will wait for it"
        );
        return Some(Shortage { what, is_fault: true });
    }
    let wanted = DELIVER_CONCURRENCY + COMMAND_CONCURRENCY;
    (value < wanted).then(|| Shortage {
        what: format!("but {wanted} are needed when clients send all that they may"),
        is_fault: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_accounts_concurrency_is_a_fault_and_a_usual_one_is_not() {
        let stage = stage();
        assert!(invocations(&stage, 10.0).unwrap().is_fault);
        assert!(!invocations(&stage, 100.0).unwrap().is_fault);
        assert!(invocations(&stage, 1_000.0).is_none());
    }

    #[test]
    fn rates_are_compared_with_what_is_configured() {
        let stage = stage();
        assert!(posts(&stage, 2_500.0).unwrap().what.contains("10000"));
        assert!(posts(&stage, 10_000.0).is_none());
        assert!(publishes(&stage, 300.0).is_some() && publishes(&stage, 30_000.0).is_none());
    }

    fn stage() -> Stage {
        Stage::of("dev", sorl_core::config::Config::default(), None)
    }
}
