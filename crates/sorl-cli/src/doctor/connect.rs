//! Does a region take connections, and answer? The one look that goes the clients' way.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::future::join_all;
use sorl_client::{Endpoint, Options, TokenProvider};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

use super::finding::{Finding, Look, Subject};
use super::stacks::Standing;
use crate::target::{Kind, Place, Stage, TOKEN_TTL};
use crate::visit::visit;

/// Longer, and a region counts as one that does not answer: a cold start takes a second or two.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Who the doctor is.
const USER: &str = "sorl-doctor";

/// What a ping told.
pub(super) struct Pong {
    /// The service's time, halfway.
    pub(super) at: Timestamp,
    /// There and back.
    pub(super) took: Duration,
}

pub(super) async fn examine_stage(stage: &Stage, standing: &[Standing]) -> Vec<Finding> {
    let place = Place::Stage(stage.clone());
    // May connect, and nothing else.
    let nothing = serde_json::json!({});
    match place.token(USER, Some(&nothing), TOKEN_TTL).await {
        Ok(token) => join_all(standing.iter().map(|standing| of_region(stage, standing, &token))).await,
        Err(fault) => {
            let remedy = "look by hand: sorl tail CHANNEL --token TOKEN";
            vec![
                Look::over_all(Subject::Connect)
                    .unknown(format!("no token can be minted: {fault:#}"), remedy),
            ]
        }
    }
}

async fn of_region(stage: &Stage, standing: &Standing, token: &str) -> Finding {
    let look = Look::at(Subject::Connect, &standing.region);
    let Some(url) = standing.get(Kind::Running).and_then(|running| stage.websocket(running)) else {
        return look.unknown(
            "its WebSocket is not known, since its stack is not",
            super::finding::deploy(&stage.name),
        );
    };
    finding(&look, &ping(&standing.region, url, token).await)
}

/// What a ping says of a region.
pub(super) fn finding(look: &Look, pong: &anyhow::Result<Pong>) -> Finding {
    match pong {
        Ok(pong) => look.ok(format!("takes connections, and answers a ping in {} ms", pong.took.as_millis())),
        Err(fault) => look.fault(
            format!("does not take a connection: {fault:#}"),
            "look at the logs of authorize, connect and command of that region, and at the secret",
        ),
    }
}

/// Connects, asks for the time, and leaves.
pub(super) async fn ping(region: &Region, url: String, token: &str) -> anyhow::Result<Pong> {
    let endpoint = Endpoint { region: region.clone(), url };
    let options = Options::new(vec![endpoint], TokenProvider::fixed(token.to_owned()));
    let visiting = visit(options, |client| async move {
        client.connected().await?;
        let asked = Instant::now();
        let at = client.ping().await?;
        Ok(Pong { at, took: asked.elapsed() })
    });
    tokio::time::timeout(ANSWER_MAX, visiting)
        .await
        .with_context(|| format!("no answer within {} s", ANSWER_MAX.as_secs()))?
}
