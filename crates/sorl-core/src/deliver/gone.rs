//! The end of a connection: closed first, which makes a 410 true, then forgotten, and its leave told.

use super::Run;
use crate::disconnect::{forget, tell_leaves};
use crate::envelope::Recipient;
use crate::ids::ConnectionId;
use crate::member::{MemberKey, Partition, shard_of};
use crate::names::{ChannelName, UserName};
use crate::ports::{CloseError, PostError};
use crate::protocol::{Bye, Frame};

/// Closes the connection for certain and forgets it. Rows that cannot be deleted now are found gone again at
/// the next post, or expire.
pub(super) async fn close(to: &Recipient, run: &Run<'_>) -> Result<(), CloseError> {
    run.ports.gateway.close(&to.connection).await?;
    forget_connection(&to.connection, &to.user, run).await;
    Ok(())
}

/// Posts a `bye`, where it can still be sent.
pub(super) async fn say_bye(to: &Recipient, bye: Bye, run: &Run<'_>) -> Result<(), PostError> {
    let frame = Frame::from(bye.frame());
    run.ports.gateway.post(&to.connection, &frame).await
}

/// Deletes the rows of a connection that is closed, the connection record first.
pub(super) async fn forget_connection(connection: &ConnectionId, user: &UserName, run: &Run<'_>) {
    let (registry, bus, site) = (run.ports.registry, run.ports.bus, run.site);
    let channel = ChannelName::personal(user);
    let shard = shard_of(connection, site.config.namespace(&channel).shards);
    let partition = Partition { channel, region: site.region.clone(), shard };
    let record = MemberKey { partition, connection: connection.clone() };
    let forgotten = async {
        let gone: Vec<_> = registry.delete(&record).await?.into_iter().collect();
        tell_leaves(&gone, bus, site).await?;
        forget(connection, registry, bus, site).await
    };
    if let Err(fault) = forgotten.await {
        tracing::warn!(%connection, source = %fault.source, "rows of a closed connection stay until they expire");
    }
}
