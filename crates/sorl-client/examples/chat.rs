//! The program of the Rust guide (docs/rust.md), to the letter: a first message, there and back.
//!
//! The page shows all below the next line; the tests of the pages compare the two and run this.
#![allow(clippy::print_stdout, reason = "a program that people type in prints what it is told")]

use std::env;

use serde_json::json;
use sorl_client::{Client, Endpoint, Event, Options, Start, TokenProvider};
use sorl_core::names::ChannelName;
use sorl_core::region::Region;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = Endpoint { region: Region::parse("eu-north-1")?, url: env::var("SORL_URL")? };
    let tokens = TokenProvider::fixed(env::var("SORL_TOKEN")?);
    let (client, mut events) = Client::start(Options::new(vec![endpoint], tokens));

    let room = ChannelName::parse("room:rust-guide")?;
    client.subscribe(&room, Start::Rewind(20)).await?;
    client.publish(&room, &json!({ "text": "hello from Rust" })).await?;

    while let Some(event) = events.next().await {
        match event {
            Event::Message { message, .. } => {
                let user = message.user.as_ref().map_or("somebody", |user| user.as_str());
                println!("{user}: {}", message.data);
                break;
            }
            Event::Gap { channel } => println!("{channel}: something was missed; load it anew"),
            Event::Unsubscribed { channel, reason } => println!("{channel}: {reason}"),
            _ => {}
        }
    }
    client.close().await;
    Ok(())
}
