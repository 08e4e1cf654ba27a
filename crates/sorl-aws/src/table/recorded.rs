//! DynamoDB as a list of answers that it once gave, and of the requests that were made for them.
//!
//! For tests of what an adapter makes of answers which no emulator gives. A request for which no answer is left
//! fails, so that a test sees every request.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

/// What DynamoDB, or the network before it, does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Json(u16, Value),
    Text(u16, &'static str),
    Reset,
}

impl Answer {
    pub(crate) const fn ok(body: Value) -> Self {
        Self::Json(200, body)
    }

    pub(crate) fn fault(code: &str) -> Self {
        Self::refused(code, &Value::Null)
    }

    /// A condition did not hold because of `item`.
    pub(crate) fn condition_failed(item: &Value) -> Self {
        Self::refused("ConditionalCheckFailedException", item)
    }

    fn refused(code: &str, item: &Value) -> Self {
        let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
        let mut body = json!({"__type": code, "message": "as recorded"});
        if !item.is_null() {
            body["Item"] = item.clone();
        }
        Self::Json(400, body)
    }

    pub(crate) fn throttled() -> Self {
        Self::fault("ProvisionedThroughputExceededException")
    }
}

/// A request: what was asked, and with what.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) operation: String,
    pub(crate) body: Value,
}

type Answering = Box<dyn FnMut(&Asked) -> Answer + Send>;

/// What answers, and the requests so far.
#[derive(Clone)]
pub(crate) struct Recorded {
    answering: Arc<Mutex<Answering>>,
    left: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Recorded {
    /// One answer a request, in this order.
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let mut answers: VecDeque<_> = answers.into_iter().collect();
        let left = Arc::new(AtomicUsize::new(answers.len()));
        let still_left = Arc::clone(&left);
        let next = move |asked: &Asked| {
            let answer = answers.pop_front();
            still_left.store(answers.len(), Ordering::SeqCst);
            answer.unwrap_or_else(|| panic!("no answer was recorded for {asked:?}"))
        };
        Self { left, ..Self::answering(next) }
    }

    /// An answer for every request.
    pub(crate) fn answering(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Self {
        let answering: Answering = Box::new(answer);
        Self { answering: Arc::new(Mutex::new(answering)), left: Arc::default(), asked: Arc::default() }
    }

    /// A client that gets the answers, with the retries of a deployed one but without their delays.
    pub(crate) fn client(&self) -> Client {
        let connector = SharedHttpConnector::new(self.clone());
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-north-1"))
            .credentials_provider(Credentials::for_tests())
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        Client::from_conf(config)
    }

    /// All requests, once every answer was used.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        assert_eq!(self.left.load(Ordering::SeqCst), 0, "answers that nobody asked for");
        self.asked.lock().expect("no test panicked").clone()
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.operation).collect()
    }
}

impl std::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorded")
    }
}

impl HttpConnector for Recorded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").expect("DynamoDB's header");
        let operation = target.rsplit('.').next().expect("a name").to_owned();
        let body = serde_json::from_slice(request.body().bytes().expect("a body")).expect("JSON");
        let asked = Asked { operation, body };
        let answer = self.answering.lock().expect("no test panicked")(&asked);
        self.asked.lock().expect("no test panicked").push(asked);
        HttpConnectorFuture::ready(respond(answer))
    }
}

fn respond(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let (status, body) = match answer {
        Answer::Json(status, body) => (status, body.to_string()),
        Answer::Text(status, body) => (status, body.to_owned()),
        Answer::Reset => {
            let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            return Err(ConnectorError::io(reset.into()));
        }
    };
    Ok(HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body)))
}
