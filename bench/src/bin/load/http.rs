//! One kept-alive HTTP/1.1 connection, for the few plain calls to `sorl dev`: regions, tokens, SNS's API.
//!
//! Not a client library: it takes answers that have a `Content-Length`, which all of these have.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection to the server.
pub(crate) struct Http {
    stream: TcpStream,
    host: SocketAddr,
}

/// What the load client needs to know of a region.
#[derive(Debug, Deserialize)]
pub(crate) struct RegionListed {
    /// Its WebSocket.
    pub(crate) url: String,
    /// Its `messages` topic.
    pub(crate) topic: String,
}

#[derive(Deserialize)]
struct Minted {
    token: String,
}

impl Http {
    /// Connects.
    pub(crate) async fn connect(host: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host).await.with_context(|| format!("nobody listens at {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host })
    }

    /// The first region of the server's configuration.
    pub(crate) async fn first_region(&mut self) -> anyhow::Result<RegionListed> {
        let listed: Vec<RegionListed> = serde_json::from_str(&self.call("GET", "/regions", "").await?)?;
        listed.into_iter().next().context("a server without regions")
    }

    /// A token for `user`, with the grants that the namespace gives to tokens without a claim.
    pub(crate) async fn token(&mut self, user: &str) -> anyhow::Result<String> {
        let minted = self.call("POST", "/token", &format!(r#"{{"user":"{user}"}}"#)).await?;
        Ok(serde_json::from_str::<Minted>(&minted)?.token)
    }

    /// SNS's `Publish` of an external message.
    pub(crate) async fn publish(&mut self, topic: &str, channel: &str, data: &str) -> anyhow::Result<()> {
        let message = form_encoded(&format!(r#"{{"channel":"{channel}","data":{data}}}"#));
        let topic = form_encoded(topic);
        let body = format!("Action=Publish&Version=2010-03-31&TopicArn={topic}&Message={message}");
        self.call("POST", "/", &body).await.map(drop)
    }

    async fn call(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let kind = if path == "/" { "x-www-form-urlencoded" } else { "json" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/{kind}\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        let (head, body) = self.answer().await?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{method} {path} was answered {head}{body}");
        Ok(body)
    }

    async fn answer(&mut self) -> anyhow::Result<(String, String)> {
        let mut text = Vec::new();
        loop {
            if let Some((head, body)) = whole(&text)? {
                return Ok((head.to_owned(), body.to_owned()));
            }
            if self.stream.read_buf(&mut text).await? == 0 {
                bail!("closed before the answer");
            }
        }
    }
}

/// Head and body, once both are there.
fn whole(text: &[u8]) -> anyhow::Result<Option<(&str, &str)>> {
    let text = std::str::from_utf8(text)?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Ok(None) };
    let len = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let len = len.context("an answer without Content-Length")??;
    Ok((body.len() >= len).then_some((head, body)))
}

/// Everything but letters and digits as `%XX`.
fn form_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_once_its_body_is() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(whole(text).unwrap(), Some(("HTTP/1.1 200 OK\r\ncontent-length: 3", "abc")));
        assert_eq!(whole(&text[..text.len() - 1]).unwrap(), None);
        assert_eq!(whole(&text[..10]).unwrap(), None);
    }

    #[test]
    fn a_form_escapes_what_it_must() {
        assert_eq!(form_encoded("a:b\"1"), "a%3Ab%221");
    }
}
