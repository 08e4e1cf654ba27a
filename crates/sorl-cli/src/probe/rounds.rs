//! The rounds of a probe: every region publishes a marker at once, and the round lasts until all have all.
//!
//! The invariant: a round ends, whatever does not arrive: after twice the bound, so that late is told from missing.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::bail;
use futures::future::{join_all, try_join_all};
use sorl_client::Outgoing;

use super::Args;
use super::matrix::Matrix;
use super::station::{Station, channel};
use crate::measure::{Mark, Stop};
use crate::target::Target;

/// Runs all rounds, or those until somebody asks to stop; tells what went wrong on the way.
pub(super) async fn measure(
    matrix: &Arc<Matrix>,
    target: &Target,
    args: &Args,
    stop: &Stop,
) -> anyhow::Result<BTreeSet<String>> {
    let opening = target.regions().iter().enumerate();
    let opening = opening.map(|place| Station::open(Arc::clone(matrix), target, args, place));
    let stations = tokio::select! {
        stations = try_join_all(opening) => stations?,
        () = stop.asked(1) => bail!("interrupted before anything was measured"),
    };
    let mut faults: BTreeSet<_> = stations.iter().filter_map(|station| station.fault.clone()).collect();
    let listen: Vec<_> = stations.iter().map(Station::listens).collect();
    for round in 0..args.rounds as usize {
        matrix.count(round + 1);
        let publishing =
            stations.iter().enumerate().map(|(from, station)| publish(matrix, station, round, from));
        let mut refused = Vec::new();
        let all = async {
            refused = join_all(publishing).await;
            matrix.complete(round, &listen).await;
        };
        tokio::select! {
            () = all => {}
            // What did not arrive is told by the matrix.
            () = tokio::time::sleep(args.bound.saturating_mul(2)) => {}
            () = stop.asked(1) => {
                // What this round would have brought is not known.
                matrix.count(round);
                break;
            }
        }
        faults.extend(refused.into_iter().flatten());
    }
    join_all(stations.into_iter().map(Station::close)).await;
    if matrix.rounds() == 0 {
        bail!("interrupted before a round was complete");
    }
    Ok(faults)
}

/// Publishes a region's marker; a sentence, if it was refused.
async fn publish(matrix: &Matrix, station: &Station, round: usize, from: usize) -> Option<String> {
    let speaker = station.speaker.as_ref()?;
    let marker = matrix.marker(round, from);
    let outgoing = match outgoing(matrix, marker) {
        Ok(outgoing) => outgoing,
        Err(fault) => return Some(fault.to_string()),
    };
    matrix.publish(marker);
    let refused = speaker.publish(outgoing).await.err()?;
    let region = matrix.regions.get(from).map(ToString::to_string).unwrap_or_default();
    Some(format!("a marker was refused in {region}: {refused}"))
}

fn outgoing(matrix: &Matrix, marker: usize) -> anyhow::Result<Outgoing> {
    let data = Mark::data(&matrix.run, marker, "", 0)?;
    let key = Some(format!("{}-{marker}", matrix.run));
    Ok(Outgoing { channel: channel(matrix)?, data, key, ephemeral: true })
}
