//! Ports over other ports: what stands in between says only what it changes, and everything else is handed on.
//!
//! The invariant: what is not overridden reaches the port below as it came, and its answer comes back so.

use async_trait::async_trait;
use sorl_core::ids::{ConnectionId, MessageId};
use sorl_core::member::{Block, Member, MemberKey, Partition};
use sorl_core::names::{ChannelName, UserName};
use sorl_core::ports::{
    Epoch, LateMark, Log, LogEntry, LogPage, LogQuery, Marks, MemberPage, Partial, Rate, Registry,
    Unavailable,
};
use sorl_core::region::Region;
use sorl_core::time::Timestamp;

/// What stands over a port, as a port.
pub struct Over<T>(pub T);

/// Defines the trait of what stands over a port, every method handed on, and the port that it makes of [`Over`].
macro_rules! over {
    ($(#[$doc:meta])* $name:ident over $port:ident by $below:ident { $(
        fn $method:ident($($argument:ident: $type:ty),*) -> $answer:ty;
    )* }) => {
        $(#[$doc])*
        #[async_trait]
        pub trait $name: Send + Sync {
            /// The port below.
            fn $below(&self) -> &dyn $port;
            $(
                /// As the port says, unless it is overridden.
                async fn $method(&self, $($argument: $type),*) -> $answer {
                    self.$below().$method($($argument),*).await
                }
            )*
        }

        #[async_trait]
        impl<T: $name> $port for Over<T> {
            $(
                async fn $method(&self, $($argument: $type),*) -> $answer {
                    self.0.$method($($argument),*).await
                }
            )*
        }
    };
}

over! {
    /// Stands over a log.
    OverLog over Log by log {
        fn append(entries: &[LogEntry]) -> Result<(), Partial>;
        fn mark(mark: &LateMark) -> Result<(), Unavailable>;
        fn marks(channel: &ChannelName, after: Timestamp, now: Timestamp, limit: usize) -> Result<Marks, Unavailable>;
        fn read(channel: &ChannelName, ids: &[MessageId]) -> Result<Vec<LogEntry>, Unavailable>;
        fn range(query: &LogQuery) -> Result<LogPage, Unavailable>;
        fn epochs(namespace: &str) -> Result<Vec<Epoch>, Unavailable>;
    }
}

over! {
    /// Stands over a registry.
    OverRegistry over Registry by registry {
        fn put(member: &Member) -> Result<Option<Member>, Unavailable>;
        fn get(key: &MemberKey) -> Result<Option<Member>, Unavailable>;
        fn delete(key: &MemberKey) -> Result<Option<Member>, Unavailable>;
        fn audience(partition: &Partition, after: Option<&ConnectionId>) -> Result<MemberPage, Unavailable>;
        fn presence(partition: &Partition, after: Option<&ConnectionId>) -> Result<MemberPage, Unavailable>;
        fn rows_of(region: &Region, connection: &ConnectionId) -> Result<Vec<MemberKey>, Unavailable>;
        fn put_block(region: &Region, block: &Block) -> Result<(), Unavailable>;
        fn blocks(region: &Region, user: &UserName) -> Result<Vec<Block>, Unavailable>;
        fn spend(region: &Region, rate: &Rate, now: Timestamp) -> Result<bool, Unavailable>;
    }
}
