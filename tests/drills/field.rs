//! The field of a drill: people who listen in every region, and people and programs who publish, while something is
//! changed under them.
//!
//! Invariant: who publishes goes on from before the change until after it.

use std::sync::Arc;
use std::time::Duration;

use sorl_client::TokenProvider;
use sorl_tests::names::room;
use sorl_tests::stage::Stage;
use tokio::task::JoinSet;

use crate::audience::{Audience, client_with};
use crate::histories;
use crate::ledger::Ledger;
use crate::publishers::{Desk, by_client, by_sns};
use crate::report::Outcome;

/// Between two messages of a publisher.
const PACE: Duration = Duration::from_millis(30);
/// Who listens in each region.
pub(crate) const LISTENERS: usize = 4;

pub(crate) struct Field {
    pub(crate) audience: Audience,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) channel: String,
    publishers: JoinSet<()>,
}

impl Field {
    /// Gathers everybody, and waits until messages flow.
    pub(crate) async fn gather(stage: &Stage, tokens: &TokenProvider) -> Self {
        let endpoints: Vec<_> = stage.regions.iter().map(|at| (at.region.clone(), at.url.clone())).collect();
        let channel = room();
        let audience = Audience::gather_with(&endpoints, tokens, &channel, LISTENERS).await;
        let ledger = Arc::new(Ledger::default());
        let desk = Desk {
            stage: stage.clone(),
            // Nobody publishes over a bare WebSocket here: such a one would not know what a `bye` asks of it.
            token: String::new(),
            channel: channel.clone(),
            ledger: Arc::clone(&ledger),
            pace: PACE,
        };
        let mut publishers = JoinSet::new();
        for (region, _) in &endpoints {
            publishers.spawn(by_sns(desk.clone(), region.clone()));
            publishers.spawn(by_client(desk.clone(), client_with(&endpoints, tokens.clone(), region).0));
        }
        ledger.grows(0, 100).await;
        Self { audience, ledger, channel, publishers }
    }

    /// Waits until so many more were acknowledged, so that what was changed is under load.
    pub(crate) async fn goes_on(&self, more: usize) {
        self.ledger.grows(self.ledger.count(), more).await;
    }

    /// Nobody publishes any more; everything acknowledged must have been shown to everybody, once.
    pub(crate) async fn judge(self, stage: &Stage, outcome: &mut Outcome) {
        let token = stage.token("reader").await;
        self.judge_with(stage, &token, outcome).await;
    }

    /// As [`Self::judge`], where the service mints no tokens.
    pub(crate) async fn judge_with(self, stage: &Stage, token: &str, outcome: &mut Outcome) {
        self.ledger.end();
        self.publishers.join_all().await;
        outcome.recovery.extend(self.audience.waited());
        self.audience.judge(&self.ledger, outcome).await;
        histories::judge_with(stage, token, &self.channel, &self.ledger, outcome).await;
        let (refused, unknown) = (self.ledger.refused(), self.ledger.unknown());
        outcome.note(format!("publishes refused for now {refused}, lost sight of {unknown}"));
    }
}
