//! Lambda's events: an event of whatever shape speaks for nobody, or for exactly whom the authorizer let in; and no
//! record of a queue gets lost between those that are taken and those that stay.

use serde_json::{Value, json};
use sorl_aws::events::{Allowance, AuthorizerEvent, QueueEvent, WebSocketEvent};
use sorl_core::names::UserName;
use sorl_core::region::Region;

/// Holds for every event.
pub fn hold(bytes: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<AuthorizerEvent>(bytes) {
        knocked(event);
    }
    if let Ok(event) = serde_json::from_slice::<WebSocketEvent>(bytes) {
        called(event);
    }
    if let Ok(event) = serde_json::from_slice::<QueueEvent>(bytes) {
        let sent = serde_json::from_slice::<Value>(bytes).ok();
        let (records, strangers) = event.records();
        // An event that is a list of its fields' values is read too.
        if let Some(count) = sent.as_ref().and_then(|sent| sent.get("Records")?.as_array().map(Vec::len)) {
            assert_eq!(records.len() + strangers.len(), count, "each record is taken or stays");
        }
    }
}

fn knocked(mut event: AuthorizerEvent) {
    let handshake = event.handshake();
    let (token, origin) = (handshake.token().map(str::to_owned), handshake.origin.map(str::to_owned));
    let again = event.handshake();
    assert_eq!((again.token(), again.origin), (token.as_deref(), origin.as_deref()));
}

fn called(mut event: WebSocketEvent) {
    let frame = event.frame().into_owned();
    assert_eq!(event.frame(), frame);
    let region = Region::parse("eu-north-1").expect("a region");
    if let Ok(caller) = event.caller(&region) {
        let principal = &caller.principal;
        assert!(UserName::parse(principal.user.as_str()).is_ok());
        // What the authorizer would say of this principal is read back as the same one.
        let allowance = Allowance::new(&AuthorizerEvent::default(), principal).expect("JSON");
        let context = serde_json::to_value(allowance).expect("JSON")["context"].take();
        let heard = json!({"requestContext": {
            "connectionId": caller.connection, "connectedAt": caller.connected_at, "authorizer": context}});
        let heard: WebSocketEvent = serde_json::from_value(heard).expect("an event");
        assert_eq!(&heard.caller(&region).expect("a caller").principal, principal);
    }
    let answer = serde_json::to_value(event.opened()).expect("JSON");
    assert_eq!(answer["statusCode"], 200);
}
