//! `command`: a frame from a client becomes a reply. One file a verb.

use crate::authorize::Caller;
use crate::config::Site;
use crate::error::ErrorCode;
use crate::ports::{Bus, Clock, Entropy, Log, Registry};

/// What `command` may touch.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// get, query, put, delete.
    pub registry: &'a dyn Registry,
    /// query.
    pub log: &'a dyn Log,
    /// publish to `relay`.
    pub bus: &'a dyn Bus,
    /// The time.
    pub clock: &'a dyn Clock,
    /// For ids that no key determines.
    pub entropy: &'a dyn Entropy,
}

/// The reply, and what there is to know about it besides.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The frame to send back.
    pub frame: String,
    /// The verb; `"none"` if the frame had none.
    pub action: &'static str,
    /// The error that the frame tells, if any.
    pub error: Option<ErrorCode>,
}

/// Carries out one frame. Never fails: whatever the client did is answered, whatever else fails is answered too.
pub async fn command(_frame: &str, _caller: &Caller, _ports: Ports<'_>, _site: &Site) -> Answer {
    Answer { frame: String::new(), action: "none", error: None }
}
