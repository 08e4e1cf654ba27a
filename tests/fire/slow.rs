//! Peers that take their time, or speak no HTTP: headers and bodies that never end, half of a handshake, garbage.
//!
//! Each is let go in time and harms nobody: somebody chats all the while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sorl_tests::names::{room, unique};
use sorl_tests::server::Launch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::audience::Audience;
use crate::ledger::Ledger;
use crate::memory::{megabytes, resident};
use crate::publishers::Desk;
use crate::report::{Outcome, Times};
use crate::scale::Scale;

/// How long the slowest may hold a connection: the bound on a whole request, and some.
const PATIENCE: Duration = Duration::from_secs(45);
/// Of each kind.
const PEERS: usize = 100;

/// What a peer says at once, and what it repeats, a byte a second, for as long as it is heard.
const KINDS: [(&str, &[u8], &[u8]); 7] = [
    ("says nothing", b"", b""),
    ("a header without an end", b"GET /regions/eu-north-1 HTTP/1.1\r\nhost: x\r\nx-slow: ", b"a"),
    ("a request line without an end", b"GET /", b"a"),
    ("half of a handshake", b"GET /regions/eu-north-1 HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n", b""),
    ("a body without an end", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n", b"a"),
    (
        "chunks without an end",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
        b"1\r\na\r\n",
    ),
    ("garbage", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is no HTTP \xff\xfe\r\n\r\n", b"\x00"),
];

/// A hundred of each kind at once, beside people who chat.
pub(crate) async fn peers(scale: Scale) -> Outcome {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let (token, channel) = (stage.token(&unique("user")).await, room());
    let endpoints: Vec<_> = stage.regions.iter().map(|at| (at.region.clone(), at.url.clone())).collect();
    let audience = Audience::gather(&endpoints, &token, &channel, 2).await;
    let ledger = Arc::new(Ledger::default());
    let pace = Duration::from_millis(50);
    let desk = Desk { stage: stage.clone(), token, channel, ledger: Arc::clone(&ledger), pace };
    let publishers = desk.staff(1, 1);

    let before = resident(server.pid());
    let count = if scale.is_long() { PEERS * 5 } else { PEERS };
    let address = stage.url.strip_prefix("http://").expect("an address").to_owned();
    let mut slow = JoinSet::new();
    for (kind, first, then) in KINDS {
        for _ in 0..count {
            slow.spawn(held(kind, address.clone(), first, then));
        }
    }
    let held = slow.join_all().await;
    ledger.end();
    publishers.join_all().await;
    let mut outcome = Outcome { attempts: held.len(), ..Outcome::default() };
    for (kind, _, _) in KINDS {
        let times: Vec<_> = held.iter().filter(|(of, _)| *of == kind).filter_map(|(_, took)| *took).collect();
        outcome.must(times.len() == count, format!("{kind}: {} of {count} were let go", times.len()));
        if let Some(times) = Times::of(&times) {
            outcome.note(format!("{kind}: let go after ms p50 / p99 / max: {times}"));
        }
    }
    let after = resident(server.pid());
    outcome.note(format!("memory {} before, {} after", megabytes(before), megabytes(after)));
    outcome.must(ledger.refused() + ledger.unknown() == 0, "others were harmed");
    audience.judge(&ledger, &mut outcome).await;
    outcome
}

/// How long the service kept a peer of this kind; none if it never let it go.
async fn held(
    kind: &'static str,
    address: String,
    first: &[u8],
    then: &[u8],
) -> (&'static str, Option<Duration>) {
    let started = Instant::now();
    let talking = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(first).await?;
        let (mut from, mut to) = stream.split();
        let mut answer = [0; 1024];
        loop {
            tokio::select! {
                read = from.read(&mut answer) => if read? == 0 { return std::io::Result::Ok(()) },
                () = tokio::time::sleep(Duration::from_secs(1)) => to.write_all(then).await?,
            }
        }
    };
    // However it ended, by an end of file or by a reset, it is over for the service.
    let ended = tokio::time::timeout(PATIENCE, talking).await;
    (kind, ended.is_ok().then(|| started.elapsed()))
}
