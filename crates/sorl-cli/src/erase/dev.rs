//! The logs of `sorl dev`, which erases by itself.

use serde_json::json;

use super::{Found, Wanted};
use crate::target::DevServer;

/// Counts, or erases, in every region's log.
pub(super) async fn each(server: &DevServer, wanted: &Wanted<'_>, erase: bool) -> anyhow::Result<Vec<Found>> {
    let channels = (!wanted.everywhere).then_some(&wanted.channels);
    let asked = json!({"user": wanted.user, "channels": channels, "erase": erase});
    server.ask("/erase", asked.to_string()).await
}
