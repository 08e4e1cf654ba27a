//! One region of a probe: the connection that listens there, and who publishes.
//!
//! The invariant: a region that cannot be reached is a finding, not the end of the probe: its row and its column stay
//! empty, and why is told.

use std::sync::Arc;
use std::time::Duration;

use sorl_client::{Client, Event};
use sorl_core::names::{ChannelName, UserName};
use tokio::task::JoinHandle;

use super::Args;
use super::matrix::Matrix;
use crate::measure::{Mark, Member, Speaker, Via};
use crate::target::{RegionAddress, Target};

/// Time to connect, unless the bound is longer: a canary is not to wait for a region that is gone.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);

/// A region, as far as it could be reached.
#[derive(Debug)]
pub(super) struct Station {
    /// Who publishes.
    pub(super) speaker: Option<Speaker>,
    ears: Option<(Client, JoinHandle<()>)>,
    /// Why nobody listens.
    pub(super) fault: Option<String>,
}

impl Station {
    /// Connects to the region with this number.
    pub(super) async fn open(
        matrix: Arc<Matrix>,
        target: &Target,
        args: &Args,
        (number, place): (usize, &RegionAddress),
    ) -> anyhow::Result<Self> {
        let channel = channel(&matrix)?;
        let user = UserName::parse(&format!("probe-{}-{number}", matrix.run))?;
        let grants = serde_json::json!({ channel.as_str(): ["subscribe", "publish"] });
        let tokens = target.tokens(&args.who, &user, Some(grants));
        let patience = args.bound.max(CONNECTED_WITHIN);
        let (ears, fault) = match Member::enter(place, tokens.clone(), &channel, patience).await {
            Ok(member) => {
                let client = member.client.clone();
                (Some((client, tokio::spawn(listen(member, matrix, number)))), None)
            }
            Err(fault) => (None, Some(format!("nobody listens in {fault:#}"))),
        };
        let speaker = match (args.publish_via, &ears) {
            (Via::Ws, Some((client, _))) => Some(Speaker::Ws(client.clone())),
            (Via::Ws, None) => None,
            (Via::Sns, _) => Some(Speaker::open(Via::Sns, target, place, tokens).await?),
        };
        Ok(Self { speaker, ears, fault })
    }

    /// Whether somebody listens here.
    pub(super) const fn listens(&self) -> bool {
        self.ears.is_some()
    }

    /// Closes the connection.
    pub(super) async fn close(self) {
        if let Some((client, listening)) = self.ears {
            client.close().await;
            listening.abort();
        }
    }
}

/// The channel of a probe, which no other has.
pub(super) fn channel(matrix: &Matrix) -> anyhow::Result<ChannelName> {
    Ok(ChannelName::parse(&format!("probe:{}", matrix.run))?)
}

async fn listen(mut member: Member, matrix: Arc<Matrix>, number: usize) {
    while let Some(event) = member.events.next().await {
        if let Event::Message { message, .. } = event
            && let Some(marker) = Mark::read(&matrix.run, &message.data)
        {
            matrix.arrive(marker, number);
        }
    }
}
