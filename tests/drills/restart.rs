//! The service stopped in an orderly way under load, and started again over the same folder with another
//! configuration: a newer one, another number of shards, another secret.
//!
//! On one machine a restart is what a deployment is on AWS; but here every client has to come back, and there they
//! stay. That members whose rows stand are found while the number of shards changes is shown by the simulation
//! (`tests/sim/schedule.rs`) and on the handlers.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;
use sorl_client::TokenProvider;
use sorl_tests::names::{now, unique};
use sorl_tests::server::{Folder, Launch, Server};
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

use crate::field::Field;
use crate::gate::free_port;
use crate::report::{Outcome, Times};
use crate::scale::Scale;

const OLD: &str = "the secret of yesterday, longer than 32 bytes";
const NEW: &str = "the secret of tomorrow, longer than 32 bytes too";

/// Keeps history longer, bounds what was not bounded, knows another namespace; and back.
pub(crate) async fn with_a_newer_configuration(scale: Scale) -> Outcome {
    let old = room("history = \"24h\"");
    let new = format!(
        "[limits]\nmessage = \"32KB\"\nchannels = 100\n\n{}\n[namespaces.news]\ngrants = [\"*\"]\n",
        room("history = \"7d\"\njoin_leave = true")
    );
    let turns: Vec<_> = std::iter::repeat_n([new, old.clone()], scale.outages()).flatten().collect();
    let mut line = Line::start(&old).await;
    for config in &turns {
        line.turn(config).await;
    }
    line.judge().await
}

/// Reads more shards before it writes more, and writes fewer before it reads fewer.
pub(crate) async fn with_more_and_fewer_shards(_: Scale) -> Outcome {
    let config = |written: u16, read: u16| room(&format!("shards = {written}\nshards_read = {read}"));
    let mut line = Line::start(&config(1, 1)).await;
    for (written, read) in [(1, 4), (4, 4), (1, 4), (1, 1)] {
        line.turn(&config(written, read)).await;
    }
    line.judge().await
}

/// Takes the new secret beside the old, signs with the new, and takes the old no more.
pub(crate) async fn with_another_secret(_: Scale) -> Outcome {
    let auth = |lines: &str| format!("[auth]\n{lines}\n{}", room(""));
    let mut line = Line::start(&auth(&format!("secret = \"{OLD}\""))).await;
    line.admits(OLD, true).await;
    line.admits(NEW, false).await;
    line.turn(&auth(&format!("secret = \"{OLD}\"\nsecond_secret = \"{NEW}\""))).await;
    line.admits(OLD, true).await;
    line.admits(NEW, true).await;
    line.sign_with(NEW);
    line.turn(&auth(&format!("secret = \"{NEW}\"\nsecond_secret = \"{OLD}\""))).await;
    line.admits(OLD, true).await;
    line.admits(NEW, true).await;
    line.turn(&auth(&format!("secret = \"{NEW}\""))).await;
    line.admits(OLD, false).await;
    line.admits(NEW, true).await;
    line.judge().await
}

/// What `sorl.toml` says of the rooms.
fn room(lines: &str) -> String {
    format!("[namespaces.room]\ngrants = [\"*\"]\n{lines}\n")
}

/// A service that is started again and again over one folder, and its clients.
struct Line {
    data: Folder,
    port: u16,
    server: Server,
    stage: Stage,
    field: Field,
    /// What clients' tokens are signed with from now on.
    signer: Arc<Mutex<String>>,
    outcome: Outcome,
    stops: Vec<Duration>,
}

impl Line {
    async fn start(config: &str) -> Self {
        let (data, port) = (Folder::new("data"), free_port());
        let server = launch(&data, port, config).start().await;
        let stage = server.stage.clone();
        let signer = Arc::new(Mutex::new(OLD.to_owned()));
        let field = Field::gather(&stage, &tokens(&signer)).await;
        let (outcome, stops) = (Outcome::default(), Vec::new());
        Self { data, port, server, stage, field, signer, outcome, stops }
    }

    /// Stops the service and starts it with another configuration, while everybody goes on.
    async fn turn(&mut self, config: &str) {
        let began = Instant::now();
        self.field.audience.wait_from(began, None);
        self.server.signal("TERM");
        let status = self.server.ended().await;
        assert!(status.success(), "it was stopped in an orderly way: {status}");
        self.server = launch(&self.data, self.port, config).start().await;
        self.stops.push(began.elapsed());
        self.outcome.attempts += 1;
        self.field.audience.has_waited(None).await;
        self.field.goes_on(50).await;
        self.outcome.lost += self.field.audience.catch_up(&self.field.ledger).await;
    }

    fn sign_with(&self, secret: &str) {
        secret.clone_into(&mut self.signer.lock().expect("nobody panics with it"));
    }

    /// Whether a token signed with `secret` lets somebody in is as it should be.
    async fn admits(&mut self, secret: &str, expected: bool) {
        let url = &self.stage.region(self.stage.three()[0]).url;
        let admitted = Socket::is_admitted("somebody", url, &token(secret)).await;
        let which = if secret == OLD { "old" } else { "new" };
        let told =
            format!("turn {}: the {which} secret's tokens: admitted {admitted}", self.outcome.attempts);
        self.outcome.must(admitted == expected, told);
    }

    async fn judge(mut self) -> Outcome {
        if let Some(times) = Times::of(&self.stops) {
            self.outcome
                .note(format!("from the signal until connections are taken, ms p50 / p99 / max: {times}"));
        }
        self.field.judge(&self.stage, &mut self.outcome).await;
        self.outcome
    }
}

fn launch(data: &Folder, port: u16, config: &str) -> Launch {
    let auth =
        if config.contains("[auth]") { String::new() } else { format!("[auth]\nsecret = \"{OLD}\"\n\n") };
    Launch::plain().data(data).port(port).config(&format!("{auth}{config}"))
}

fn tokens(signer: &Arc<Mutex<String>>) -> TokenProvider {
    let signer = Arc::clone(signer);
    TokenProvider::new(move || {
        let secret = signer.lock().expect("nobody panics with it").clone();
        std::future::ready(Ok(token(&secret)))
    })
}

/// A token of an hour.
fn token(secret: &str) -> String {
    let claims = json!({"sub": unique("user"), "exp": now().as_secs_ceil() + 3_600});
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).expect("it is signed")
}
