//! `publish`: a client's message gets its id and goes to the own region's `relay` topic, from where every
//! region has it. Acknowledged only when SNS accepted it.

use serde_json::value::RawValue;

use super::{Ports, no_grant, refuse_blocked, rights_on};
use crate::authorize::Caller;
use crate::config::Site;
use crate::envelope::Relayed;
use crate::error::{ErrorCode, Refusal};
use crate::grants::Right;
use crate::ids::{Key, MessageId, Tail};
use crate::message::Message;
use crate::names::ChannelName;
use crate::ports::Rate;
use crate::protocol::{Fields, PublishResult, json};

struct Wanted {
    channel: ChannelName,
    data: Box<RawValue>,
    key: Option<Key>,
    ephemeral: bool,
}

impl Wanted {
    fn parse(fields: &Fields) -> Result<Self, Refusal> {
        let channel = fields.channel()?;
        let data = fields.raw("data")?;
        json::check_depth(data.get()).map_err(|fault| Refusal::bad_request(fault.to_string()))?;
        let key: Option<String> = fields.optional("key", "a string")?;
        let key = key
            .map(|key| Key::parse(&key))
            .transpose()
            .map_err(|fault| Refusal::bad_request(fault.to_string()))?;
        let ephemeral = fields.optional("ephemeral", "true or false")?.unwrap_or(false);
        Ok(Self { channel, data, key, ephemeral })
    }
}

pub(super) async fn publish(
    fields: &Fields,
    caller: &Caller,
    ports: Ports<'_>,
    site: &Site,
) -> Result<PublishResult, Refusal> {
    let wanted = Wanted::parse(fields)?;
    if !rights_on(caller, site, &wanted.channel).has(Right::Publish) {
        return Err(no_grant("publish", &wanted.channel));
    }
    refuse_blocked(caller, &wanted.channel, ports, site).await?;
    let ephemeral = wanted.ephemeral;
    let message = accept(wanted, caller, ports, site)?;
    keep_rate(&message.channel, caller, ports, site).await?;
    let accepted = PublishResult { message_id: message.id, at: message.at() };
    let envelope = [Relayed::Message { message, ephemeral }];
    if let Err(partial) = ports.bus.publish(&envelope).await {
        tracing::warn!(message_id = %accepted.message_id, "a message was not relayed");
        return Err(partial.source.into());
    }
    Ok(accepted)
}

/// The message with its id; the time of acceptance is now.
fn accept(wanted: Wanted, caller: &Caller, ports: Ports<'_>, site: &Site) -> Result<Message, Refusal> {
    let user = caller.principal.user.clone();
    let tail = match &wanted.key {
        Some(key) => Tail::keyed(&wanted.channel, &user, key),
        None => Tail::from_bits(ports.entropy.bits()),
    };
    let (now, fraction) = ports.clock.now_precisely();
    let id = MessageId::new(now, fraction, tail);
    let message = Message::new(id, wanted.channel, wanted.data, Some((user, true)), site.region.clone());
    let (length, length_max) = (message.to_json().len(), site.config.message_len_max);
    if length > length_max {
        let explanation = format!("the message has {length} bytes as clients get it, at most {length_max}");
        return Err(Refusal::new(ErrorCode::TooLarge, explanation));
    }
    Ok(message)
}

async fn keep_rate(
    channel: &ChannelName,
    caller: &Caller,
    ports: Ports<'_>,
    site: &Site,
) -> Result<(), Refusal> {
    let namespace = site.config.namespace(channel);
    let Some(bound) = namespace.rate else { return Ok(()) };
    let rate = Rate {
        user: caller.principal.user.clone(),
        namespace: namespace.name.clone(),
        count: bound.count,
        window: bound.window,
    };
    if ports.registry.spend(&site.region, &rate, ports.clock.now()).await? {
        return Ok(());
    }
    let explanation =
        format!("at most {} publishes in {} s; wait and try again", bound.count, bound.window.as_secs());
    Err(Refusal::new(ErrorCode::RateLimited, explanation))
}
