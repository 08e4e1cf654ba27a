//! AWS as a list of answers that it once gave, and of the requests that were made for them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sns::config::{Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

/// What AWS, or the network before it, does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Status(u16, String),
    /// With `x-amzn-ErrorType`.
    Fault(u16, &'static str),
    Reset,
    Silence,
}

/// A request as it went out.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) body: String,
}

/// One answer a request, in order; the last one holds for all that follow.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Aws {
    pub(crate) fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        Self { answers, asked: Arc::default() }
    }

    /// The configuration that is deployed, with this AWS in place of the real one and no pauses between attempts.
    pub(crate) async fn configuration(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let deployed = sorl_aws::clients::configuration().await;
        let retries = deployed.retry_config().expect("retries are set on purpose").clone();
        let anybody = Credentials::new("any", "any", None, None, "test");
        deployed
            .into_builder()
            .retry_config(retries.with_initial_backoff(Duration::from_millis(1)))
            .region(Region::new("eu-north-1"))
            .credentials_provider(SharedCredentialsProvider::new(anybody))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn next(&self) -> Answer {
        let mut answers = self.answers.lock().unwrap();
        let last = answers.len() == 1;
        if last { answers[0].clone() } else { answers.pop_front().expect("an answer") }
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        self.asked.lock().unwrap().push(Asked {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
        });
        match self.next() {
            Answer::Status(status, body) => HttpConnectorFuture::ready(Ok(response(status, body))),
            Answer::Fault(status, kind) => {
                let mut response = response(status, r#"{"message":"as recorded"}"#.to_owned());
                response.headers_mut().insert("x-amzn-errortype", kind);
                HttpConnectorFuture::ready(Ok(response))
            }
            Answer::Reset => {
                let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                HttpConnectorFuture::ready(Err(ConnectorError::io(reset.into())))
            }
            Answer::Silence => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

fn response(status: u16, body: String) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))
}
