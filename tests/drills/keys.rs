//! Keys of an identity provider rotated under load: the next published beside the old, tokens signed with the next, the
//! old withdrawn; and the provider down in between.
//!
//! The service runs on all the while, so who is connected stays. A withdrawn key holds for ten minutes where no token
//! names a key that is not known, and for a day while the provider is down: nobody waits for that here, and
//! `sorl-jwks` tests it with a clock that is told the time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use sorl_client::TokenProvider;
use sorl_tests::names::{now, unique};
use sorl_tests::provider::{Answer, Provider};
use sorl_tests::server::Launch;
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;
use sorl_tests::within;

use crate::field::Field;
use crate::report::Outcome;
use crate::scale::Scale;

/// A key pair of the provider.
#[derive(Debug, Clone, Copy)]
struct Key {
    kid: &'static str,
    private: &'static [u8],
    public: &'static str,
}

const OLD: Key = Key {
    kid: "ed-1",
    private: include_bytes!("../fixtures/jwt/eddsa.pem"),
    public: "FdE8M1WLuqyolTgoIIQlWgHzsluj95FI3MFnxQUDHbM",
};
const NEXT: Key = Key {
    kid: "ed-2",
    private: include_bytes!("../fixtures/jwt/eddsa-next.pem"),
    public: "CcJIIYCzfKcPtfNUGemyUHB5jKaiVMLApKY_c5r17v0",
};
/// One that the provider never heard of.
const STRANGE: Key = Key { kid: "ed-3", ..OLD };

/// How long a look at the provider's keys may take to come: it is taken at most every ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two clients that are told to connect anew.
const PACE: Duration = Duration::from_millis(20);

/// The three steps of a rotation.
pub(crate) async fn of_an_identity_provider(_: Scale) -> Outcome {
    let provider = Provider::answering(published(&[OLD])).await;
    let config = format!(
        "[auth]\nalgorithm = \"EdDSA\"\njwks = \"{}\"\n\n[namespaces.room]\ngrants = [\"*\"]\n",
        provider.url
    );
    let server = Launch::plain().config(&config).start().await;
    let signer = Arc::new(Mutex::new(OLD));
    let mut field = Field::gather(&server.stage, &tokens(&signer)).await;
    let door = Door { stage: server.stage.clone(), provider };
    let mut staying = Vec::new();
    for region in door.stage.three() {
        staying.push(Socket::open("staying", &door.stage.region(region).url, &token(OLD)).await);
    }
    let mut outcome = Outcome { attempts: 3, ..Outcome::default() };
    outcome.must(!door.admits(NEXT).await, "a key counts that nobody published");

    let known = door.publish(&[OLD, NEXT], async || door.admits(NEXT).await).await;
    *signer.lock().expect("nobody panics with it") = NEXT;
    // Everybody's next connection, with the next key's token.
    field.audience.return_to(door.stage.three()[1], PACE).await;
    field.goes_on(50).await;

    door.goes_down().await;
    outcome.must(door.admits(OLD).await, "the provider is down, and the old key counts no more");
    outcome.must(door.admits(NEXT).await, "the provider is down, and the next key counts no more");
    field.goes_on(50).await;

    let refused = door.publish(&[NEXT], async || door.looks_again_and_refuses(OLD).await).await;
    outcome.must(door.admits(NEXT).await, "the next key counts no more");
    for connection in &mut staying {
        connection.lives().await;
    }
    field.goes_on(50).await;
    outcome.lost += field.audience.catch_up(&field.ledger).await;
    let (known, refused) = (known.as_millis(), refused.as_millis());
    outcome.note(format!(
        "the next key's tokens were let in after {known} ms, the old one's refused after {refused} ms"
    ));
    field.judge_with(&door.stage, &token(NEXT), &mut outcome).await;
    outcome
}

/// Where people knock, and the provider that is asked about their tokens.
struct Door {
    stage: Stage,
    provider: Provider,
}

impl Door {
    async fn admits(&self, key: Key) -> bool {
        let url = &self.stage.region(self.stage.three()[0]).url;
        Socket::is_admitted("somebody", url, &token(key)).await
    }

    /// Publishes these keys; how long it takes until that is `seen`.
    async fn publish(&self, keys: &[Key], mut seen: impl AsyncFnMut() -> bool) -> Duration {
        self.provider.answers(published(keys));
        let began = Instant::now();
        within(PATIENCE, "the keys are looked at", async || seen().await.then_some(())).await;
        began.elapsed()
    }

    /// The provider fails, and somebody found out.
    async fn goes_down(&self) {
        self.provider.answers(Answer::Says("503 Service Unavailable", String::new()));
        let asked = self.provider.asked().len();
        let url = &self.stage.region(self.stage.three()[0]).url;
        within(PATIENCE, "the provider is asked", async || {
            let let_in = Socket::try_open("stranger", url, &token(STRANGE), None).await;
            assert!(let_in.is_err(), "a key that nobody knows opens the door");
            (self.provider.asked().len() > asked).then_some(())
        })
        .await;
    }

    /// A token that names another key makes the service look again, as soon as it may.
    async fn looks_again_and_refuses(&self, key: Key) -> bool {
        let url = &self.stage.region(self.stage.three()[0]).url;
        let let_in = Socket::try_open("stranger", url, &token(STRANGE), None).await;
        assert!(let_in.is_err(), "a key that nobody knows opens the door");
        !self.admits(key).await
    }
}

/// A JWKS of these.
fn published(keys: &[Key]) -> Answer {
    let public = |key: &Key| json!({"kty": "OKP", "crv": "Ed25519", "kid": key.kid, "x": key.public});
    let keys: Vec<_> = keys.iter().map(public).collect();
    Answer::Says("200 OK", json!({ "keys": keys }).to_string())
}

fn tokens(signer: &Arc<Mutex<Key>>) -> TokenProvider {
    let signer = Arc::clone(signer);
    TokenProvider::new(move || {
        let key = *signer.lock().expect("nobody panics with it");
        std::future::ready(Ok(token(key)))
    })
}

/// A token of an hour.
fn token(key: Key) -> String {
    let claims = json!({"sub": unique("user"), "exp": now().as_secs_ceil() + 3_600});
    let header = Header { kid: Some(key.kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
    let private = EncodingKey::from_ed_pem(key.private).expect("a key");
    jsonwebtoken::encode(&header, &claims, &private).expect("it is signed")
}
