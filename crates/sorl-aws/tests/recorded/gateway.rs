//! The gateway on the answers of `@connections`.

use std::time::Duration;

use sorl_aws::gateway::AwsGateway;
use sorl_core::ids::ConnectionId;
use sorl_core::ports::{CloseError, Gateway, PostError};
use sorl_core::protocol::Frame;

use crate::aws::{Answer, Aws};
use crate::endpoint::Endpoint;

const CLOSES: &str = "https://abc123.execute-api.eu-north-1.amazonaws.com/prod";

/// A gateway that posts to `endpoint`; the clients are those that are deployed, with anybody's credentials.
async fn gateway(endpoint: &Endpoint) -> AwsGateway {
    let nobody = Aws::answering([Answer::Silence]);
    AwsGateway::new(&nobody.configuration().await, &endpoint.url).unwrap()
}

fn alice() -> ConnectionId {
    ConnectionId::parse("L0SM9cOFvHc/Ihw=").unwrap()
}

async fn post(answer: Answer) -> (Result<(), PostError>, Endpoint) {
    let endpoint = Endpoint::answering([answer]).await;
    (gateway(&endpoint).await.post(&alice(), &Frame::from("{}")).await, endpoint)
}

async fn close(answer: Answer) -> Result<(), CloseError> {
    let gateway = AwsGateway::new(&Aws::answering([answer]).configuration().await, CLOSES).unwrap();
    gateway.close(&alice()).await
}

fn name(outcome: &Result<(), PostError>) -> &'static str {
    match outcome {
        Ok(()) => "posted",
        Err(PostError::Gone) => "gone",
        Err(PostError::Throttled) => "throttled",
        Err(PostError::TooLarge) => "too large",
        Err(PostError::Forbidden) => "forbidden",
        Err(PostError::Unavailable(_)) => "unavailable",
    }
}

#[tokio::test]
async fn a_frame_goes_to_its_connection_at_the_configured_endpoint() {
    let (outcome, endpoint) = post(Answer::Status(200, String::new())).await;
    outcome.unwrap();
    let asked = endpoint.asked()[0].clone();
    assert_eq!((asked.method.as_str(), asked.body.as_str()), ("POST", "{}"));
    assert_eq!(asked.uri, format!("{}/@connections/L0SM9cOFvHc%2FIhw%3D", endpoint.url));
}

#[tokio::test]
async fn each_refusal_is_told_apart_with_and_without_its_type() {
    for (status, kind, expected) in [
        (410, "GoneException", "gone"),
        (403, "ForbiddenException", "forbidden"),
        (403, "AccessDeniedException", "forbidden"),
        (429, "LimitExceededException", "throttled"),
        (429, "TooManyRequestsException", "throttled"),
        (413, "PayloadTooLargeException", "too large"),
        (400, "BadRequestException", "unavailable"),
        (500, "InternalServerErrorException", "unavailable"),
    ] {
        assert_eq!(name(&post(Answer::Fault(status, kind)).await.0), expected, "{status} {kind}");
        for body in ["", "<html>", "{\"message\":null}"] {
            let answer = Answer::Status(status, body.to_owned());
            assert_eq!(name(&post(answer).await.0), expected, "{status} {body}");
        }
    }
}

#[tokio::test]
async fn a_post_is_made_once_whatever_comes_of_it() {
    for answer in [
        Answer::Fault(429, "LimitExceededException"),
        Answer::Status(503, "<html>".to_owned()),
        Answer::Reset,
        Answer::Silence,
    ] {
        let (outcome, endpoint) = post(answer).await;
        assert!(outcome.is_err());
        assert_eq!(endpoint.asked().len(), 1, "slices are the ones that try again");
    }
}

#[tokio::test]
async fn posts_follow_one_another_on_one_connection_whatever_they_are_answered() {
    let answers = [Answer::Status(200, String::new()), Answer::Fault(410, "GoneException")];
    let endpoint = Endpoint::answering(answers).await;
    let gateway = gateway(&endpoint).await;
    for expected in ["posted", "gone", "gone"] {
        assert_eq!(name(&gateway.post(&alice(), &Frame::from("{}")).await), expected);
    }
    assert_eq!(endpoint.taken(), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced_unnoticed() {
    let endpoint = Endpoint::answering([Answer::Status(200, String::new())]).await;
    let gateway = gateway(&endpoint).await;
    for taken in 1..=3 {
        gateway.post(&alice(), &Frame::from("{}")).await.unwrap();
        assert_eq!((endpoint.taken(), endpoint.asked().len()), (taken, taken));
        endpoint.hang_up().await;
    }
}

#[tokio::test]
async fn a_post_that_is_not_answered_costs_the_others_nothing() {
    let endpoint = Endpoint::answering([Answer::Silence, Answer::Status(200, String::new())]).await;
    let gateway = gateway(&endpoint).await;
    let (alice, frame) = (alice(), Frame::from("{}"));
    let mut silent = std::pin::pin!(gateway.post(&alice, &frame));
    tokio::select! {
        biased;
        _ = &mut silent => panic!("nobody answers it"),
        () = endpoint.was_asked() => (),
    }
    for _ in 0..10 {
        gateway.post(&alice, &frame).await.unwrap();
    }
    assert_eq!(endpoint.taken(), 2, "it keeps its own connection, and nobody else's");
    assert_eq!(name(&silent.await), "unavailable");
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gateway = AwsGateway::new(&Aws::answering([Answer::Silence]).configuration().await, &url).unwrap();
    assert_eq!(name(&gateway.post(&alice(), &Frame::from("{}")).await), "unavailable");
}

#[tokio::test]
async fn what_is_no_url_is_no_endpoint() {
    let configuration = Aws::answering([Answer::Silence]).configuration().await;
    assert!(AwsGateway::new(&configuration, "wss://abc123.execute-api.eu-north-1.amazonaws.com").is_err());
}

#[tokio::test]
async fn answers_in_time() {
    let silent = tokio::time::timeout(Duration::from_secs(30), post(Answer::Silence)).await;
    assert_eq!(name(&silent.unwrap().0), "unavailable");
    let silent = tokio::time::timeout(Duration::from_secs(30), close(Answer::Silence)).await;
    assert!(matches!(silent.unwrap(), Err(CloseError::Unavailable(_))));
}

#[tokio::test]
async fn closing_what_is_gone_succeeds() {
    assert!(close(Answer::Status(204, String::new())).await.is_ok());
    assert!(close(Answer::Fault(410, "GoneException")).await.is_ok());
    assert!(close(Answer::Status(410, String::new())).await.is_ok());
}

#[tokio::test]
async fn a_close_that_was_not_made_is_told() {
    assert!(matches!(close(Answer::Status(403, String::new())).await, Err(CloseError::Forbidden)));
    for answer in
        [Answer::Fault(429, "LimitExceededException"), Answer::Status(500, String::new()), Answer::Reset]
    {
        assert!(matches!(close(answer).await, Err(CloseError::Unavailable(_))));
    }
}
