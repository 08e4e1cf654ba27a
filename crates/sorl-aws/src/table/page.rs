//! A page of a query, read from the answer's bytes.
//!
//! Not the request: the SDK's client sends it, gives it its time, tries again and reads what DynamoDB refuses. Only
//! rows it need not read, since it makes of each a hash map of its attributes, and a delivery to a thousand
//! connections reads a thousand of them. The invariant: an answer that is no page fails as one that the client
//! itself could not read.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::operation::query::{Query, QueryOutput};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, Error, Output,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin as _;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::config_bag::ConfigBag;
use serde::Deserialize;

use super::Row;

/// Rows, and the key behind which the next ones are.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Page {
    pub(super) items: Vec<Row>,
    pub(super) last_evaluated_key: Option<Row>,
}

/// Takes the page of one request from its answer, in place of the SDK's own reader.
#[derive(Debug, Clone, Default)]
pub(super) struct PageReader(Arc<Mutex<Option<Page>>>);

impl PageReader {
    /// The page, once the request succeeded.
    pub(super) fn page(&self) -> Page {
        self.slot().take().unwrap_or_default()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Page>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for PageReader {
    fn name(&self) -> &'static str {
        "page reader"
    }

    fn modify_before_serialization(
        &self,
        _context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(SharedResponseDeserializer::new(self.clone()));
        Ok(())
    }
}

impl DeserializeResponse for PageReader {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        config: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        if !response.status().is_success() {
            return refusal(response, config);
        }
        let page = serde_json::from_slice(response.body().bytes().unwrap_or_default());
        *self.slot() = Some(page.map_err(|fault| OrchestratorError::response(fault.into()))?);
        Ok(Output::erase(QueryOutput::builder().build()))
    }
}

/// What the SDK's own reader makes of it, by which its client decides whether to try again.
fn refusal(response: &HttpResponse, config: &ConfigBag) -> Result<Output, OrchestratorError<Error>> {
    let query = Query::new().config();
    match query.as_ref().and_then(|query| query.load::<SharedResponseDeserializer>()) {
        Some(sdk) => sdk.deserialize_nonstreaming_with_config(response, config),
        None => Err(OrchestratorError::other("nobody reads refusals")),
    }
}
