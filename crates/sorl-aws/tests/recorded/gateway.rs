//! The gateway on the answers of `@connections`.

use std::time::Duration;

use sorl_aws::clients;
use sorl_aws::gateway::AwsGateway;
use sorl_core::ids::ConnectionId;
use sorl_core::ports::{CloseError, Gateway, PostError};
use sorl_core::protocol::Frame;

use crate::aws::{Answer, Aws};

const ENDPOINT: &str = "https://abc123.execute-api.eu-north-1.amazonaws.com/prod";

async fn gateway(aws: &Aws) -> AwsGateway {
    AwsGateway::new(clients::gateway(&aws.configuration().await, ENDPOINT))
}

fn alice() -> ConnectionId {
    ConnectionId::parse("L0SM9cOFvHc/Ihw=").unwrap()
}

async fn post(answer: Answer) -> (Result<(), PostError>, Aws) {
    let aws = Aws::answering([answer]);
    (gateway(&aws).await.post(&alice(), &Frame::from("{}")).await, aws)
}

async fn close(answer: Answer) -> Result<(), CloseError> {
    gateway(&Aws::answering([answer])).await.close(&alice()).await
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
    let (outcome, aws) = post(Answer::Status(200, String::new())).await;
    outcome.unwrap();
    let asked = aws.asked()[0].clone();
    assert_eq!((asked.method.as_str(), asked.body.as_str()), ("POST", "{}"));
    assert_eq!(asked.uri, format!("{ENDPOINT}/@connections/L0SM9cOFvHc%2FIhw%3D"));
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
        let (outcome, aws) = post(answer).await;
        assert!(outcome.is_err());
        assert_eq!(aws.asked().len(), 1, "slices are the ones that try again");
    }
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
