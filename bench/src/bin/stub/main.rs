//! AWS as `deliver` and its peers see it, in one thread: Lambda's runtime API, DynamoDB, SQS, SNS and `@connections`.
//!
//! Not an emulator: it answers what the subjects ask, as fast as it can, so that it is never what limits them, and it
//! keeps count. The invariant: every post is counted by connection and message, and what a run reports about missing,
//! repeated and strange ones comes from those counts alone.
//!
//! It is told what to do by JSON lines on standard input and answers each with one on standard output; its first line
//! says where it listens. `stub FOLDER`: the certificate that signs its TLS is written there.

mod dynamodb;
mod gateway;
mod http;
mod lambda;
mod ledger;
mod queues;
mod scenario;
mod starts;
mod tls;

use std::cell::RefCell;
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};
use tokio_rustls::TlsAcceptor;

use lambda::Stub;
use scenario::Scenario;

/// What the harness may ask for.
#[derive(Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
enum Order {
    /// Hands out a scenario's invocations until everything is done, its slices too, and reports the counts.
    Run(Scenario),
    /// Starts a program again and again and reports when each first polled.
    Starts(starts::Starts),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let folder = std::env::args().nth(1).context("usage: stub FOLDER")?;
    LocalSet::new().run_until(stub(Path::new(&folder))).await
}

async fn stub(folder: &Path) -> Result<()> {
    let plain = TcpListener::bind("127.0.0.1:0").await?;
    let encrypted = TcpListener::bind("127.0.0.1:0").await?;
    let port = plain.local_addr()?.port();
    let (acceptor, authority) = tls::acceptor(folder)?;
    say(&json!({ "port": port, "tls_port": encrypted.local_addr()?.port(), "authority": authority }))?;
    let stub = Rc::new(RefCell::new(Stub::default()));
    spawn_local(accept(plain, None, Rc::clone(&stub)));
    spawn_local(accept(encrypted, Some(acceptor), Rc::clone(&stub)));
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = orders.next_line().await? {
        say(&match serde_json::from_str(&line)? {
            Order::Run(scenario) => lambda::run(&stub, scenario).await,
            Order::Starts(starts) => starts.measure(&stub, port).await?,
        })?;
    }
    Ok(())
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, stub: Rc<RefCell<Stub>>) {
    while let Ok((socket, _)) = listener.accept().await {
        let (tls, stub) = (tls.clone(), Rc::clone(&stub));
        spawn_local(async move {
            socket.set_nodelay(true)?;
            match tls {
                None => http::serve(socket, &stub).await,
                Some(tls) => http::serve(tls.accept(socket).await?, &stub).await,
            }
        });
    }
}

fn say(value: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}
