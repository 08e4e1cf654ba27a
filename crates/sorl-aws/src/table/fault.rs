//! A failed request in words for the log: DynamoDB's code and message, or the chain of what broke on the way.
//!
//! Not the SDK's debug text, which holds whole requests and answers, and so what users wrote.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use sorl_core::ports::Unavailable;

pub(super) fn unavailable<E, R>(port: &'static str, request: &str, fault: &SdkError<E, R>) -> Unavailable
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    let why = match fault.as_service_error() {
        Some(answer) => {
            let (code, message) =
                (answer.code().unwrap_or("no code"), answer.message().unwrap_or("no message"));
            format!("{code}: {message}")
        }
        None => chain(fault),
    };
    Unavailable::new(port, format!("{request}: {why}"))
}

fn chain(fault: &dyn Error) -> String {
    let mut text = fault.to_string();
    let mut source = fault.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
