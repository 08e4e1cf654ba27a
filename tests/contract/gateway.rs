//! What a gateway promises.
//!
//! `pending_connection_is_gone` is not here: no arm can hold a handshake between the row that names its
//! connection and its answer.

use sorl_core::limits::POST_MAX;
use sorl_core::ports::PostError;
use sorl_core::protocol::Frame;

use crate::arm::{connection, in_time};
use crate::sockets::GatewayArm;

/// Frames posted before a client that does not read must have throttled: what the gateway and all the sockets on
/// the way may hold is far less.
const FRAMES_MAX: usize = 10_000;

fn text(len: usize) -> Frame {
    Frame::from("x".repeat(len))
}

pub(crate) async fn frames_of_a_connection_keep_their_order(arm: &dyn GatewayArm) {
    let mut client = arm.open().await;
    let numbers: Vec<_> = (0..200).map(|n| n.to_string()).collect();
    for number in &numbers {
        arm.gateway().post(&client.id, &number.clone().into()).await.unwrap();
    }
    for number in numbers {
        assert_eq!(client.next().await.as_deref(), Some(number.as_str()));
    }
}

pub(crate) async fn unknown_connection_is_gone(arm: &dyn GatewayArm) {
    let post = arm.gateway().post(&connection("L0SM9cOFvHcCIhw="), &text(1)).await;
    assert!(matches!(post, Err(PostError::Gone)), "{post:?}");
}

pub(crate) async fn full_buffer_throttles(arm: &dyn GatewayArm) {
    let (deaf, mut other) = (arm.open().await, arm.open().await);
    let mut posts = 0;
    let refused = loop {
        match arm.gateway().post(&deaf.id, &text(32 * 1024)).await {
            Ok(()) => posts += 1,
            Err(refused) => break refused,
        }
        assert!(posts < FRAMES_MAX, "a client that does not read takes no more");
    };
    assert!(matches!(refused, PostError::Throttled), "{refused:?}");
    arm.gateway().post(&other.id, &"still here".into()).await.unwrap();
    assert_eq!(other.next().await.as_deref(), Some("still here"));
}

pub(crate) async fn oversize_is_refused(arm: &dyn GatewayArm) {
    let mut client = arm.open().await;
    let post = arm.gateway().post(&client.id, &text(POST_MAX + 1)).await;
    assert!(matches!(post, Err(PostError::TooLarge)), "{post:?}");
    arm.gateway().post(&client.id, &text(POST_MAX)).await.unwrap();
    assert_eq!(client.next().await.map(|frame| frame.len()), Some(POST_MAX));
}

pub(crate) async fn closing_twice_is_closing_once(arm: &dyn GatewayArm) {
    let mut client = arm.open().await;
    for _ in 0..2 {
        arm.gateway().close(&client.id).await.unwrap();
        let post = arm.gateway().post(&client.id, &text(1)).await;
        assert!(matches!(post, Err(PostError::Gone)), "{post:?}");
    }
    assert_eq!(client.next().await, None, "the client sees the end");
}

pub(crate) async fn answers_in_time(arm: &dyn GatewayArm) {
    let deaf = arm.open().await;
    let posts = async {
        while arm.gateway().post(&deaf.id, &text(32 * 1024)).await.is_ok() {}
        arm.gateway().close(&deaf.id).await
    };
    in_time(posts).await.unwrap();
}

crate::run!(local: crate::sockets::local() => frames_of_a_connection_keep_their_order, unknown_connection_is_gone,
    full_buffer_throttles, oversize_is_refused, closing_twice_is_closing_once, answers_in_time);
crate::run!(over_http: crate::sockets::over_http() => frames_of_a_connection_keep_their_order,
    unknown_connection_is_gone, full_buffer_throttles, oversize_is_refused, closing_twice_is_closing_once,
    answers_in_time);
