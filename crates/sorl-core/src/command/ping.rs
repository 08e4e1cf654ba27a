//! `ping`: shows that both ends are there; costs nothing but the frame.

use serde::Serialize;

use crate::ports::Clock;
use crate::time::Timestamp;

#[derive(Serialize)]
pub(super) struct PingResult {
    at: Timestamp,
}

pub(super) fn ping(clock: &dyn Clock) -> PingResult {
    PingResult { at: clock.now() }
}
