//! Pages from elsewhere: which may open a WebSocket, and what they can do to a service on this machine.

use serde_json::json;
use sorl_tests::http::{form, request};
use sorl_tests::names::unique;
use sorl_tests::server::{Launch, Server};

use crate::handshake::{bearer, knock};
use crate::shared::stage;

const CONFIG: &str = r#"
[auth]
origins = ["https://chat.example.com", "https://*.example.org"]
"#;

async fn listed() -> Server {
    Launch::plain().config(CONFIG).start().await
}

fn page(origin: &str) -> (&'static str, String) {
    ("Origin", origin.to_owned())
}

#[tokio::test]
async fn a_foreign_page_is_401_whatever_its_token_and_the_reason_is_counted_and_logged() {
    let server = listed().await;
    let stage = &server.stage;
    let token = stage.token("alice").await;
    let foreign = [
        "https://evil.example",
        "http://chat.example.com",
        "https://chat.example.com:8443",
        "https://example.org",
        "https://evilexample.org",
        "https://chat.example.com.evil.example",
        "null",
        "",
        "http://localhost.evil.example",
    ];
    for origin in foreign {
        let status = knock(stage, "", &[bearer(&token), page(origin)]).await.status;
        assert_eq!(status, 401, "{origin:?}");
    }
    let twice = [bearer(&token), page("https://chat.example.com"), page("https://evil.example")];
    assert_eq!(knock(stage, "", &twice).await.status, 401, "two origins are none");
    let labels = [("region", stage.three()[0]), ("reason", "foreign_origin")];
    let refused = stage.metric("sorl_handshakes_refused_total", &labels).await;
    assert!((refused - 10.0).abs() < 0.5, "{refused}");
    assert!(server.log().contains("foreign_origin") && server.log().contains("https://evil.example"));
}

#[tokio::test]
async fn named_pages_programs_and_pages_of_this_machine_get_in_with_a_token_and_not_without() {
    let server = listed().await;
    let stage = &server.stage;
    let token = stage.token("alice").await;
    for origin in [
        "https://chat.example.com",
        "https://a.b.example.org",
        "http://localhost:5173",
        &stage.url,
        "http://[::1]:8080",
    ] {
        assert_eq!(knock(stage, "", &[bearer(&token), page(origin)]).await.status, 101, "{origin}");
        assert_eq!(knock(stage, "", &[page(origin)]).await.status, 401, "{origin} without a token");
    }
    assert_eq!(knock(stage, "", &[bearer(&token)]).await.status, 101, "a program sends no origin");
}

#[tokio::test]
async fn without_a_list_any_page_gets_in_with_a_token_and_none_without() {
    let stage = stage().await;
    let token = stage.token("alice").await;
    let foreign = page("https://anywhere.example");
    assert_eq!(knock(&stage, "", &[bearer(&token), foreign.clone()]).await.status, 101);
    // The browser would add a cookie by itself; there is none that opens anything.
    let cookie = ("Cookie", format!("token={token}; sorl={token}; Authorization={token}"));
    assert_eq!(knock(&stage, "", &[foreign, cookie]).await.status, 401);
}

#[tokio::test]
async fn a_foreign_page_can_neither_publish_nor_give_orders_nor_read_on_this_machine() {
    let server = Launch::plain().start().await;
    let stage = &server.stage;
    let region = stage.region(stage.three()[0]);
    let channel = unique("room:test");
    let mut member = stage.member(&region.region, &channel).await;
    let message = json!({"channel": channel, "data": "forged"}).to_string();
    let publish = form(&[("Action", "Publish"), ("TopicArn", &region.topic), ("Message", &message)]);
    // What a page may send without asking first: a form.
    for origin in ["https://evil.example", "null", "http://localhost.evil.example"] {
        let headers = [("origin", origin), ("content-type", "application/x-www-form-urlencoded")];
        for (method, path) in [
            ("POST", "/"),
            ("POST", "/token"),
            ("POST", "/faults"),
            ("POST", "/dead-letters/x/redrive"),
            ("DELETE", "/dead-letters/x"),
            ("POST", "/regions/us-east-1/@connections/L0SM9cOFvHcCIhw="),
            ("DELETE", "/regions/us-east-1/@connections/L0SM9cOFvHcCIhw="),
        ] {
            let answer =
                request(method, &format!("{}{path}", stage.url), &headers, publish.clone()).await.unwrap();
            assert_eq!(answer.status, 403, "{method} {path} {origin}: {answer:?}");
        }
    }
    // And what it may read, if its name was rebound to this machine.
    let rebound = [("host", "sorl.evil.example:4600")];
    for path in ["/dead-letters", "/metrics", "/faults"] {
        let answer = request("GET", &format!("{}{path}", stage.url), &rebound, "").await.unwrap();
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    member.publish(&channel, "mine").await;
    member.message(&channel, "mine").await;
    assert!(member.kept(&channel).iter().all(|message| message["data"] != "forged"));
}
