//! A region's gateway as its clients see it: an address that can go away, with all connections over it, and return.
//!
//! Only bytes are passed on. What stands behind goes on as if nothing had happened, as behind a network that failed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sorl_tests::stage::Stage;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Ports that no outgoing connection gets by chance: below what Linux, BSD and IANA hand out. A client that dials a
/// port of its own machine on which nobody listens could otherwise find itself.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let first = u16::try_from(std::process::id() % 9_000).unwrap_or_default();
    let mut ports = PORTS.skip(first.into()).chain(PORTS);
    ports.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

/// One region's.
pub(crate) struct Gate {
    pub(crate) region: String,
    port: u16,
    behind: String,
    /// None while it is shut.
    open: Option<JoinHandle<()>>,
    /// When somebody came, in order.
    knocks: Arc<Mutex<Vec<Instant>>>,
}

impl Gate {
    /// One for each of the stage's regions, open.
    pub(crate) async fn of(stage: &Stage) -> Vec<Self> {
        let mut gates = Vec::new();
        for address in &stage.regions {
            let behind = stage.url.strip_prefix("http://").expect("an address").to_owned();
            let region = address.region.clone();
            let mut gate = Self { region, port: free_port(), behind, open: None, knocks: Arc::default() };
            gate.open().await;
            gates.push(gate);
        }
        gates
    }

    /// Its region and its address, as a client takes them.
    pub(crate) fn endpoint(&self) -> (String, String) {
        (self.region.clone(), format!("ws://127.0.0.1:{}/regions/{}", self.port, self.region))
    }

    /// Lets in whoever comes.
    pub(crate) async fn open(&mut self) {
        let listener = sorl_tests::within(Duration::from_secs(10), "the port is free", async || {
            TcpListener::bind(("127.0.0.1", self.port)).await.ok()
        })
        .await;
        self.open = Some(tokio::spawn(pass_on(listener, self.behind.clone(), Arc::clone(&self.knocks))));
    }

    /// When those came who did so since the last time that this was asked.
    pub(crate) fn knocks(&self) -> Vec<Instant> {
        std::mem::take(&mut self.knocks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Refuses whoever comes, and cuts off whoever is there.
    pub(crate) async fn shut(&mut self) {
        if let Some(open) = self.open.take() {
            open.abort();
            // An abort is what was asked for.
            open.await.ok();
        }
    }
}

async fn pass_on(listener: TcpListener, behind: String, knocks: Arc<Mutex<Vec<Instant>>>) {
    let mut passing = JoinSet::new();
    loop {
        let Ok((mut outside, _)) = listener.accept().await else { continue };
        knocks.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        let behind = behind.clone();
        passing.spawn(async move {
            let Ok(mut inside) = TcpStream::connect(&behind).await else { return };
            // Whichever side ends it, it is over.
            copy_bidirectional(&mut outside, &mut inside).await.ok();
        });
        // What ended needs no room.
        while passing.try_join_next().is_some() {}
    }
}
