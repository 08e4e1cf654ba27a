//! `command`: a frame from a client becomes a reply. One file a verb; what two verbs share has a file of its own.
//!
//! Whatever the client did is answered by an error of the closed list; whatever else failed is answered too.

mod history;
mod page;
mod ping;
mod presence;
mod publish;
mod recovery;
mod subscribe;
mod unsubscribe;

use crate::authorize::Caller;
use crate::config::Site;
use crate::error::{ErrorCode, Refusal};
use crate::grants::{Rights, rights};
use crate::ids::MessageId;
use crate::names::ChannelName;
use crate::ports::{Bus, Clock, Entropy, Log, Registry};
use crate::protocol::{Action, Request, error_frame, reply_frame};

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
    /// The message that was accepted, if one was.
    pub message: Option<MessageId>,
}

impl Answer {
    fn refused(id: Option<u64>, action: &'static str, refusal: &Refusal) -> Self {
        Self { frame: error_frame(id, refusal), action, error: Some(refusal.code), message: None }
    }

    /// What a client is told when the handler itself broke down.
    #[must_use]
    pub fn internal() -> Self {
        Self::refused(None, "none", &Refusal::new(ErrorCode::Internal, "a fault of the service; try again"))
    }
}

/// Carries out one frame; never fails.
pub async fn command(frame: &str, caller: &Caller, ports: Ports<'_>, site: &Site) -> Answer {
    let request = match Request::parse(frame) {
        Ok(request) => request,
        Err(refusal) => return Answer::refused(None, "none", &refusal),
    };
    if let Err(refusal) = refuse_expired(caller, ports) {
        return Answer::refused(Some(request.id), "none", &refusal);
    }
    let action = match request.action() {
        Ok(action) => action,
        Err(refusal) => return Answer::refused(Some(request.id), "none", &refusal),
    };
    match carry_out(action, &request, caller, ports, site).await {
        Ok((frame, message)) => Answer { frame, action: action.as_str(), error: None, message },
        Err(refusal) => Answer::refused(Some(request.id), action.as_str(), &refusal),
    }
}

async fn carry_out(
    action: Action,
    request: &Request,
    caller: &Caller,
    ports: Ports<'_>,
    site: &Site,
) -> Result<(String, Option<MessageId>), Refusal> {
    let Request { id, fields } = request;
    let mut accepted = None;
    let frame = match action {
        Action::Subscribe => reply_frame(*id, subscribe::subscribe(fields, caller, ports, site).await?),
        Action::Unsubscribe => reply_frame(*id, unsubscribe::unsubscribe(fields, caller, ports, site).await?),
        Action::Publish => {
            let published = publish::publish(fields, caller, ports, site).await?;
            accepted = Some(published.message_id);
            reply_frame(*id, published)
        }
        Action::History => reply_frame(*id, history::history(fields, caller, ports, site).await?),
        Action::Presence => reply_frame(*id, presence::presence(fields, caller, ports, site).await?),
        Action::Ping => reply_frame(*id, ping::ping(ports.clock)),
    };
    if action.reads() {
        // A dependency that was slow may have answered after the expiry, with what came into being since.
        refuse_expired(caller, ports)?;
    }
    Ok((frame, accepted))
}

fn refuse_expired(caller: &Caller, ports: Ports<'_>) -> Result<(), Refusal> {
    if caller.principal.expires_at <= ports.clock.now() {
        return Err(Refusal::new(ErrorCode::Expired, "the token expired; connect again with a new one"));
    }
    Ok(())
}

/// What the caller may do on `channel`, blocks aside.
fn rights_on(caller: &Caller, site: &Site, channel: &ChannelName) -> Rights {
    let defaults = site.config.namespace(channel).grants;
    rights(&caller.principal.user, caller.principal.grants.as_ref(), defaults, channel)
}

/// Refuses a caller whom an operator keeps out of `channel`, or of everything.
async fn refuse_blocked(
    caller: &Caller,
    channel: &ChannelName,
    ports: Ports<'_>,
    site: &Site,
) -> Result<(), Refusal> {
    let blocks = ports.registry.blocks(&site.region, &caller.principal.user).await?;
    let now = ports.clock.now();
    if blocks.iter().any(|block| block.bars_channel(channel, now)) {
        return Err(Refusal::new(ErrorCode::Unauthorized, format!("{channel} is closed to you for now")));
    }
    Ok(())
}

fn no_grant(right: &str, channel: &ChannelName) -> Refusal {
    Refusal::forbidden(format!("no grant to {right} in {channel}"))
}
