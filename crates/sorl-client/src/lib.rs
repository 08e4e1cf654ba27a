//! The Rust client of Sorl, in three layers.
//!
//! - [`session`]: what a client knows and what it says, as a state machine without I/O, clock or chance.
//!   The simulator drives it step by step.
//! - [`machine`]: the whole client as such a machine: connections that are replaced before they end, retries,
//!   what waits. The scenarios of `tests/scenarios` drive it.
//! - [`client`]: the same over real WebSockets: it connects, reconnects and resumes by itself.
//!
//! Below them: [`wire`] (frames as this side writes and reads them) and [`backoff`].
//!
//! An application starts a [`Client`], subscribes, and listens. What happens to the connection is none of its
//! business: each message is told once, and where something may have been missed it is told of the gap.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use futures::StreamExt as _;
//! use sorl_client::{Client, Endpoint, Event, Options, Past, Start, Subscription, TokenProvider};
//! use sorl_core::{names::ChannelName, region::Region};
//!
//! let endpoint = |region: &str| -> Result<Endpoint, sorl_core::region::RegionError> {
//!     let url = format!("ws://127.0.0.1:4600/regions/{region}");
//!     Ok(Endpoint { region: Region::parse(region)?, url })
//! };
//! // Asked before every connection: the next one is opened before a token expires.
//! let tokens = TokenProvider::new(|| async { Ok("… from your own service …".to_owned()) });
//! let endpoints = vec![endpoint("eu-north-1")?, endpoint("us-east-1")?];
//! let (client, mut events) = Client::start(Options::new(endpoints, tokens));
//!
//! let room = ChannelName::parse("room:42")?;
//! client.subscribe(&room, Start::Rewind(20)).await?;
//! // Or in the order of ids, each message held back for a quarter of a second.
//! let news = ChannelName::parse("room:news")?;
//! client.subscribe(&news, Subscription::from(Start::Now).ordered(Duration::from_millis(250))).await?;
//!
//! client.publish(&room, &"hello").await?;
//! let mut past = std::pin::pin!(client.messages(&room, Past::Latest));
//! while let Some(message) = past.next().await {
//!     println!("earlier: {}", message?.data);
//! }
//! while let Some(event) = events.next().await {
//!     match event {
//!         Event::Message { message, .. } => println!("{}: {}", message.channel, message.data),
//!         Event::Gap { channel } => println!("something may be missing in {channel}"),
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```

pub mod backoff;
pub mod client;
pub mod machine;
pub mod session;
pub mod wire;

pub use client::{
    Client, ClientError, Endpoint, Events, Members, Options, Outgoing, Status, Tap, TokenProvider,
};
pub use session::{Cursor, Event, Exit, Failure, Origin, Past, Start, Subscription};
