//! A crowd of connections in a process of its own: opened, subscribed, and never read again.
//!
//! This program started once more, with a role: only so do both ends have as many descriptors as the limit allows.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use serde_json::json;
use sorl_tests::socket::Socket;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What this program is started with to be a crowd.
pub(crate) const ROLE: &str = "crowd";

/// Handshakes at a time.
const AT_ONCE: usize = 64;

/// The crowd's own life: opens, says how many there are, and holds them until its standard input ends.
pub(crate) fn run(url: &str, token: &str, count: &str, channel: &str) {
    // More than a login shell allows, as the service has it too.
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let sockets = runtime.block_on(open(url, token, count.parse().expect("a number"), channel));
    println!("{}", sockets.len());
    std::io::stdout().flush().expect("somebody reads this");
    std::io::stdin().read_to_end(&mut Vec::new()).expect("it ends");
}

async fn open(url: &str, token: &str, count: usize, channel: &str) -> Vec<Socket> {
    let (mut opening, room) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
    for _ in 0..count {
        let (url, token, channel) = (url.to_owned(), token.to_owned(), channel.to_owned());
        let room = Arc::clone(&room);
        opening.spawn(async move {
            let _room = room.acquire().await.expect("nobody closes it");
            let mut socket = Socket::try_open("silent", &url, &token, Some(4096)).await.ok()?;
            let subscribe = json!({"id": 1, "action": "subscribe", "channel": channel});
            socket.send_raw(subscribe.to_string().into()).await.ok()?;
            // The answer; what comes after it is never read.
            socket.next().await;
            Some(socket)
        });
    }
    opening.join_all().await.into_iter().flatten().collect()
}

/// A crowd as the one who started it sees it.
pub(crate) struct Crowd {
    child: Child,
    /// The crowd goes when this does.
    hold: Option<ChildStdin>,
    /// How many got in.
    pub(crate) count: usize,
}

impl Crowd {
    /// Starts one and waits until all who get in are there.
    pub(crate) async fn gather(url: &str, token: &str, count: usize, channel: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let arguments = [ROLE, url, token, &count.to_string(), channel].map(str::to_owned);
        let gathering = move || {
            let mut command = Command::new("sh");
            command.args(["-c", "ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\""]).arg(program).args(arguments);
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts again");
            let mut line = String::new();
            let mut told = BufReader::new(child.stdout.take().expect("piped"));
            told.read_line(&mut line).expect("it says how many");
            let hold = child.stdin.take();
            Self { child, hold, count: line.trim().parse().expect("a number") }
        };
        tokio::task::spawn_blocking(gathering).await.expect("a crowd")
    }

    /// Sends them all away at once.
    pub(crate) async fn disperse(mut self) {
        self.hold.take();
        tokio::task::spawn_blocking(move || self.child.wait()).await.expect("a thread").expect("it ends");
    }
}
