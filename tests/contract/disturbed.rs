//! A network under the SDK's clients that fails every second call when the suite wants it to, in turn before and
//! after the effect.
//!
//! Not a recorded answer: what is answered comes from the service. A call fails with all its attempts, which share
//! an invocation's id, so that the SDK's own retries do not hide it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use parking_lot::Mutex;

/// The network.
#[derive(Debug, Clone)]
pub(crate) struct Disturbed {
    below: SharedHttpClient,
    switch: Arc<Switch>,
}

#[derive(Debug, Default)]
struct Switch {
    on: AtomicBool,
    /// The number of each call, by its invocation's id.
    calls: Mutex<BTreeMap<String, usize>>,
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Spared,
    FailsBefore,
    FailsAfter,
}

impl Disturbed {
    pub(crate) fn over(below: SharedHttpClient) -> Self {
        Self { below, switch: Arc::default() }
    }

    pub(crate) fn set(&self, on: bool) {
        self.switch.on.store(on, Ordering::Relaxed);
    }
}

impl Switch {
    fn fate(&self, request: &HttpRequest) -> Fate {
        if !self.on.load(Ordering::Relaxed) {
            return Fate::Spared;
        }
        let invocation = request.headers().get("amz-sdk-invocation-id").unwrap_or_default().to_owned();
        let mut calls = self.calls.lock();
        let next = calls.len();
        match *calls.entry(invocation).or_insert(next) % 4 {
            1 => Fate::FailsBefore,
            3 => Fate::FailsAfter,
            _ => Fate::Spared,
        }
    }
}

impl HttpClient for Disturbed {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        parts: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let below = self.below.http_connector(settings, parts);
        SharedHttpConnector::new(Connector { below, switch: Arc::clone(&self.switch) })
    }
}

#[derive(Debug)]
struct Connector {
    below: SharedHttpConnector,
    switch: Arc<Switch>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let fate = self.switch.fate(&request);
        let below = self.below.clone();
        HttpConnectorFuture::new(async move {
            let broken = || ConnectorError::io("the connection was reset".into());
            match fate {
                Fate::FailsBefore => Err(broken()),
                Fate::FailsAfter => below.call(request).await.and_then(|_answer| Err(broken())),
                Fate::Spared => below.call(request).await,
            }
        })
    }
}
