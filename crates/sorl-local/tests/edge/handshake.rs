//! What a handshake is answered with.

use serde_json::json;
use sorl_core::config::Config;

use crate::stage::{HOME, Stage, json_of, options};

#[tokio::test]
async fn a_token_is_taken_from_the_subprotocol_the_header_or_the_query() {
    let stage = Stage::start().await;
    let token = stage.token("alice").await;
    let offered = format!("sorl.v1, sorl.token.{token}");
    let bearer = format!("Bearer {token}");
    assert!(stage.handshake(HOME, &[("sec-websocket-protocol", &offered)]).await.is_ok());
    assert!(stage.handshake(HOME, &[("authorization", &bearer)]).await.is_ok());
    assert!(stage.handshake(&format!("{HOME}?a=%25&token={token}"), &[]).await.is_ok());
}

#[tokio::test]
async fn no_token_or_a_bad_one_is_401() {
    let stage = Stage::start().await;
    let expired = stage.post_json("/token", &json!({"user": "alice", "ttl": 0})).await;
    let expired = json_of(expired).await["token"].as_str().unwrap().to_owned();
    let nameless = stage.post_json("/token", &json!({"user": "no body"})).await;
    let nameless = json_of(nameless).await["token"].as_str().unwrap().to_owned();
    let good = stage.token("alice").await;
    for token in ["", "x", "a.b.c", &expired, &nameless, &good[..good.len() - 4]] {
        let status = stage.handshake(&format!("{HOME}?token={token}"), &[]).await.err();
        assert_eq!(status, Some(401), "{token}");
    }
    assert_eq!(stage.handshake(HOME, &[]).await.err(), Some(401));
    assert!(stage.connections("alice").await.is_empty());
}

#[tokio::test]
async fn sorl_is_selected_only_where_it_is_offered_and_a_token_never() {
    let stage = Stage::start().await;
    let token = stage.token("alice").await;
    let selected = async |offer: &str| {
        let offer = offer.replace("TOKEN", &format!("sorl.token.{token}"));
        stage.handshake(HOME, &[("sec-websocket-protocol", &offer)]).await
    };
    for offer in ["sorl.v1, TOKEN", "TOKEN,sorl.v1", "chat, TOKEN, sorl.v1"] {
        assert_eq!(selected(offer).await.unwrap().1.as_deref(), Some("sorl.v1"), "{offer}");
    }
    let url = format!("{HOME}?token={token}");
    assert_eq!(stage.handshake(&url, &[]).await.unwrap().1, None);
}

#[tokio::test]
async fn unknown_regions_are_404_and_what_is_no_websocket_426() {
    let stage = Stage::start().await;
    let token = stage.token("alice").await;
    assert_eq!(stage.handshake(&format!("mars-1?token={token}"), &[]).await.err(), Some(404));
    let plain = stage.http.get(stage.url("/regions/eu-north-1")).send().await.unwrap();
    assert_eq!(plain.status(), 426);
    assert_eq!(plain.headers()["upgrade"], "websocket");
    let half = stage.http.get(stage.url("/regions/eu-north-1")).header("upgrade", "websocket");
    assert_eq!(half.send().await.unwrap().status().as_u16() / 100, 4);
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_503_and_tokens_are_minted_elsewhere() {
    let config = "[auth]\nalgorithm = \"EdDSA\"\njwks = \"http://127.0.0.1:9/jwks.json\"\n";
    let stage = Stage::start_with(Config::parse(config).unwrap(), options()).await;
    // {"alg":"EdDSA"} and an empty claim, signed by nobody: the keys are asked for before anything is verified.
    let token = "eyJhbGciOiJFZERTQSJ9.e30.c2ln";
    assert_eq!(stage.handshake(&format!("{HOME}?token={token}"), &[]).await.err(), Some(503));
    let refused = stage.post_json("/token", &json!({"user": "alice"})).await;
    assert_eq!(refused.status(), 501);
    assert!(json_of(refused).await["error"].as_str().unwrap().contains("JWKS"));
}

#[tokio::test]
async fn connection_ids_have_api_gateways_form() {
    let stage = Stage::start().await;
    let _socket = stage.connect("alice").await;
    let id = stage.connection("alice").await;
    assert_eq!((id.as_str().len(), id.as_str().ends_with('=')), (16, true));
}
