//! `@connections`, as AWS answers it.

use serde_json::json;

use crate::stage::{Stage, json_of, until};

#[tokio::test]
async fn an_open_connection_is_posted_to_described_and_deleted() {
    let stage = Stage::start().await;
    let mut socket = stage.connect("alice").await;
    let id = stage.connection("alice").await;
    // The SDKs escape the padding.
    let url = stage.callback(&id.as_str().replace('=', "%3D"));
    let posted = stage.http.post(&url).body("hej").send().await.unwrap();
    assert_eq!(posted.status(), 200);
    assert_eq!(socket.text().await, "hej");

    let described = stage.http.get(&url).send().await.unwrap();
    assert_eq!(described.status(), 200);
    let described = json_of(described).await;
    assert_eq!(described["identity"]["sourceIp"], "127.0.0.1");
    for time in ["connectedAt", "lastActiveAt"] {
        assert!(described[time].as_str().is_some_and(|time| time.len() == 24 && time.ends_with('Z')));
    }

    stage.post(&id, "last").await;
    assert_eq!(stage.http.delete(&url).send().await.unwrap().status(), 204);
    assert_eq!(stage.post(&id, "too late").await, 410);
    assert_eq!(socket.text().await, "last");
    assert_eq!(socket.close_code().await, 1000);
    until("forgotten", async || stage.connections("alice").await.is_empty()).await;
}

#[tokio::test]
async fn faults_have_the_words_of_aws() {
    let stage = Stage::start().await;
    let _socket = stage.connect("alice").await;
    let id = stage.connection("alice").await;
    let call = async |method: reqwest::Method, id: &str, len: usize| {
        let request = stage.http.request(method, stage.callback(id)).body("x".repeat(len));
        let answer = request.send().await.unwrap();
        let kind = answer.headers().get("x-amzn-errortype").map(|kind| kind.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        let message = json_of(answer).await["message"].is_string();
        (status, kind.unwrap_or_default(), message)
    };
    let unknown = "L0SM9cOFvHcCIhw=";
    let fault = |status: u16, kind: &str| (status, kind.to_owned(), true);
    for method in [reqwest::Method::POST, reqwest::Method::GET, reqwest::Method::DELETE] {
        assert_eq!(call(method.clone(), unknown, 1).await, fault(410, "GoneException"));
        assert_eq!(call(method, "not%20an%20id", 1).await, fault(400, "BadRequestException"));
    }
    let too_large = call(reqwest::Method::POST, id.as_str(), 128 * 1024 + 1).await;
    assert_eq!(too_large, fault(413, "PayloadTooLargeException"));
    assert_eq!(stage.post(&id, &"x".repeat(128 * 1024)).await, 200);

    let throttle_all = stage.post_json("/faults", &json!({"throttle": 1.0})).await;
    assert_eq!(throttle_all.status(), 200);
    let throttled = call(reqwest::Method::POST, id.as_str(), 1).await;
    assert_eq!(throttled, fault(429, "LimitExceededException"));
}
