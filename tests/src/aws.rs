//! What tests ask of AWS itself, by its public APIs: one HTTP request each, in the region that is meant.
//!
//! Not an SDK, and not signed: the emulator takes account and region from the credential and checks no signature.
//! The programs that are tested sign theirs, and so do the stock clients of the tests that publish with them.

use serde_json::Value;

use crate::http::{Answer, form, request};

/// An endpoint that answers for all services and regions.
#[derive(Debug, Clone)]
pub struct Aws {
    /// `http://HOST:PORT`
    pub endpoint: String,
}

impl Aws {
    /// A call of a service that speaks JSON, such as `("sqs", "AmazonSQS.ReceiveMessage")`.
    ///
    /// # Panics
    /// If there is no answer, or one that is no success.
    pub async fn json(&self, region: &str, service: &str, target: &str, body: &Value) -> Value {
        let authorization = credential(region, service);
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target),
            ("authorization", &authorization),
        ];
        let answer = request("POST", &format!("{}/", self.endpoint), &headers, body.to_string()).await;
        let answer = answer.expect("an answer of AWS");
        assert_eq!(answer.status, 200, "{target} in {region}: {answer:?}");
        answer.json()
    }

    /// A call of a service that speaks the query protocol, whatever comes of it.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn query(&self, region: &str, service: &str, fields: &[(&str, &str)]) -> Answer {
        let authorization = credential(region, service);
        let headers = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("authorization", &authorization),
        ];
        request("POST", &format!("{}/", self.endpoint), &headers, form(fields))
            .await
            .expect("an answer of AWS")
    }

    /// A call of a service that has an address for each thing, such as `GET /2013-04-01/healthcheck`, whatever comes of
    /// it.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn rest(&self, region: &str, service: &str, call: (&str, &str), body: &str) -> Answer {
        let authorization = credential(region, service);
        let (method, path) = call;
        let headers = [("authorization", authorization.as_str())];
        request(method, &format!("{}{path}", self.endpoint), &headers, body.to_owned())
            .await
            .expect("an answer of AWS")
    }

    /// The lines that a function logged.
    ///
    /// # Panics
    /// If it has no log.
    pub async fn log_of(&self, region: &str, function: &str) -> Vec<String> {
        let wanted =
            serde_json::json!({ "logGroupName": format!("/aws/lambda/{function}"), "limit": 10_000 });
        let answer = self.json(region, "logs", "Logs_20140328.FilterLogEvents", &wanted).await;
        let events = answer["events"].as_array().expect("events").iter();
        let texts = events.map(|event| event["message"].as_str().unwrap_or_default());
        texts.flat_map(str::lines).map(str::to_owned).collect()
    }

    /// Reads a secret.
    ///
    /// # Panics
    /// If it cannot be had.
    pub async fn secret(&self, region: &str, name: &str) -> String {
        let wanted = serde_json::json!({ "SecretId": name });
        let answer = self.json(region, "secretsmanager", "secretsmanager.GetSecretValue", &wanted).await;
        answer["SecretString"].as_str().expect("a secret is a text").to_owned()
    }
}

/// The header that says on whose behalf, where and to which service a request is.
fn credential(region: &str, service: &str) -> String {
    let scope = format!("test/20260101/{region}/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={:064}", 0)
}
