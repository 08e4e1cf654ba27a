//! The addresses of development: regions, tokens, faults, metrics, the console.

use serde_json::{Value, json};

use crate::stage::{Stage, json_of, until};

#[tokio::test]
async fn regions_say_where_they_are_and_what_their_topic_is() {
    let stage = Stage::start().await;
    let listed = stage.http.get(stage.url("/regions")).send().await.unwrap();
    let listed = json_of(listed).await;
    let ready = serde_json::to_value(stage.dev.regions()).unwrap();
    assert_eq!(listed, ready);
    assert_eq!(
        listed[1],
        json!({
            "region": "eu-north-1",
            "url": stage.socket_url("eu-north-1"),
            "topic": "arn:aws:sns:eu-north-1:000000000000:sorl-dev-messages",
        })
    );
}

#[tokio::test]
async fn pages_on_loopback_may_use_tokens_regions_and_the_client_and_others_may_not() {
    let stage = Stage::start().await;
    let allowed = async |method: &str, path: &str, origin: &str| {
        let request = stage
            .http
            .request(method.parse().unwrap(), stage.url(path))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .body(r#"{"user":"alice"}"#);
        let answer = request.send().await.unwrap();
        let allowed = answer.headers().get("access-control-allow-origin");
        (answer.status().as_u16(), allowed.map(|origin| origin.to_str().unwrap().to_owned()))
    };
    for origin in ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:8080"] {
        for (method, path) in [
            ("OPTIONS", "/token"),
            ("POST", "/token"),
            ("GET", "/regions"),
            ("OPTIONS", "/regions"),
            ("GET", "/client/index.js"),
        ] {
            assert_eq!(
                allowed(method, path, origin).await,
                (200, Some(origin.to_owned())),
                "{method} {path}"
            );
        }
    }
    let foreign = "https://evil.example";
    assert_eq!(allowed("OPTIONS", "/token", foreign).await.1, None);
    assert_eq!(allowed("GET", "/regions", foreign).await.1, None);
    assert_eq!(allowed("GET", "/client/index.js", foreign).await.1, None);
    assert_eq!(allowed("POST", "/token", foreign).await, (403, None));
    assert_eq!(allowed("POST", "/faults", foreign).await, (403, None));
}

#[tokio::test]
async fn a_name_that_was_rebound_to_loopback_gets_no_token() {
    let stage = Stage::start().await;
    let request = stage.http.post(stage.url("/token")).header("host", "evil.example:4600");
    assert_eq!(request.body(r#"{"user":"alice"}"#).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_token_says_what_was_asked_for() {
    let stage = Stage::start().await;
    for (wanted, status) in [
        (json!({"user": "alice", "grants": {"room:*": ["*"]}, "ttl": -5}), 200),
        (json!({"user": "alice", "grants": null, "ttl": null, "more": 1}), 200),
        (json!({"user": 5}), 400),
        (json!({"user": "alice", "ttl": "1h"}), 400),
        (json!({"user": "alice", "ttl": 1.5}), 400),
        (json!({"user": "alice", "ttl": i64::MAX}), 400),
        (json!(["alice"]), 400),
        (json!(null), 400),
    ] {
        let answer = stage.post_json("/token", &wanted).await;
        assert_eq!(answer.status(), status, "{wanted}");
        let answer = json_of(answer).await;
        assert!(answer[if status == 200 { "token" } else { "error" }].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn faults_are_replaced_shown_and_refused_with_what_is_wrong() {
    let stage = Stage::start().await;
    let shown = async || json_of(stage.http.get(stage.url("/faults")).send().await.unwrap()).await;
    let none = shown().await;
    assert_eq!(none, json!({"cut": [], "lag_ms": 200, "duplicate": 0.0, "throttle": 0.0}));
    let wanted = json!({"cut": ["eu-north-1"], "lag_ms": 2000, "duplicate": 0.3, "throttle": 0.1});
    assert_eq!(stage.post_json("/faults", &wanted).await.status(), 200);
    assert_eq!(shown().await, wanted);
    for (bad, named) in [
        (json!({"cut": ["mars-1"]}), "mars-1"),
        (json!({"throttle": 2}), "throttle"),
        (json!({"lag": 5}), "lag"),
        (json!(5), ""),
        (json!([]), "object"),
    ] {
        let refused = stage.post_json("/faults", &bad).await;
        assert_eq!(refused.status(), 400, "{bad}");
        let error = json_of(refused).await["error"].as_str().unwrap().to_owned();
        assert!(error.contains(named), "{error}");
    }
    assert_eq!(shown().await, wanted, "refused faults change nothing");
    assert_eq!(stage.post_json("/faults", &json!({})).await.status(), 200);
    assert_eq!(shown().await, none);
}

#[tokio::test]
async fn the_console_and_its_client_are_served_and_nothing_else() {
    let stage = Stage::start().await;
    let get = async |path: &str| {
        let answer = stage.http.get(stage.url(path)).header("accept", "text/html,*/*").send().await.unwrap();
        let header = |name: &str| {
            answer.headers().get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned())
        };
        (
            answer.status().as_u16(),
            header("content-type"),
            header("cache-control"),
            header("content-security-policy"),
        )
    };
    let (status, kind, cache, policy) = get("/").await;
    assert_eq!((status, kind.as_str(), cache.as_str()), (200, "text/html; charset=utf-8", "no-cache"));
    assert!(policy.contains("default-src 'self'") && policy.contains("connect-src 'self' ws:"));
    for path in ["/console.js", "/client/index.js"] {
        let (status, kind, ..) = get(path).await;
        assert_eq!((status, kind.as_str()), (200, "text/javascript; charset=utf-8"), "{path}");
    }
    for path in ["/nothing", "/%2e%2e/Cargo.toml", "/client/%2e%2e/package.json", "/client/", "/regions/x/y"]
    {
        assert_eq!(get(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let stage = Stage::start().await;
    let _socket = stage.connect("alice").await;
    let answer = stage.http.get(stage.url("/metrics")).send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().contains("text"));
    let text = answer.text().await.unwrap();
    assert!(text.contains(r#"sorl_connections{region="eu-north-1"} 1"#), "{text}");
}

/// The metrics as JSON.
async fn metrics(stage: &Stage, since: &str) -> reqwest::Response {
    let url = stage.url(&format!("/metrics?since={since}"));
    stage.http.get(url).header("accept", "application/json").send().await.unwrap()
}

#[tokio::test]
async fn metrics_as_json_tell_each_messages_way_and_never_what_it_says() {
    let stage = Stage::start().await;
    let mut alice = stage.connect("alice").await;
    alice.ask(json!({"action": "subscribe", "id": 1, "channel": "room:way"})).await;
    let before = json_of(metrics(&stage, "0").await).await;
    assert_eq!(before["ways"]["messages"], json!([]), "nobody watched yet");
    let publish = json!({"action": "publish", "id": 2, "channel": "room:way", "data": "a secret"});
    let id = alice.ask(publish).await["result"]["message_id"].clone();
    let way = async || {
        let told = json_of(metrics(&stage, &before["ways"]["next"].to_string()).await).await;
        assert!(!told.to_string().contains("secret") && !told.to_string().contains("alice"), "{told}");
        told["ways"]["messages"].as_array().unwrap().iter().find(|way| way["id"] == id).cloned()
    };
    let regions = async || way().await.map_or(Value::Null, |way| way["regions"].clone());
    let is_done = |legs: &Value| {
        legs.as_object().is_some_and(|legs| legs.len() == 3 && legs.values().all(|leg| leg["done"].is_f64()))
    };
    until("all regions are done with it", async || is_done(&regions().await)).await;
    let way = way().await.unwrap();
    assert_eq!((&way["origin"], &way["via"]), (&json!("eu-north-1"), &json!("websocket")));
    let home = &way["regions"]["eu-north-1"];
    assert_eq!((&home["posts"], &home["receives"]), (&json!(1), &json!(1)), "{way}");
    let steps = [&way["accepted"], &home["queued"], &home["received"], &home["first_post"], &home["done"]];
    assert!(steps.map(|at| at.as_f64().unwrap()).is_sorted(), "{way}");
    assert_eq!(way["regions"]["us-east-1"]["posts"], 0, "nobody is there");
    assert_eq!(metrics(&stage, "nonsense").await.status(), 400);
}

#[tokio::test]
async fn every_address_survives_rubbish() {
    let stage = Stage::start().await;
    let rubbish: [Vec<u8>; 4] =
        [Vec::new(), vec![0xff; 100], b"{\"user\":".to_vec(), vec![b'['; 2 * 1024 * 1024]];
    for path in
        ["/", "/token", "/faults", "/dead-letters/x/redrive", "/regions", "/metrics", "/%ff", "/regions/%ff"]
    {
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"] {
            for body in &rubbish {
                let request = stage.http.request(method.parse().unwrap(), stage.url(path)).body(body.clone());
                // A body that is too large may cost its connection, never the service.
                if let Ok(answer) = request.send().await {
                    assert!(answer.status().as_u16() < 500, "{method} {path}: {}", answer.status());
                }
            }
        }
    }
    assert!(matches!(
        json_of(stage.http.get(stage.url("/regions")).send().await.unwrap()).await,
        Value::Array(_)
    ));
}
