//! A secret by its name in Secrets Manager, for whoever signs or shows it rather than verifies with it.
//!
//! Not the keys of `authorize` (`keys`), which are cached and have several sources. The invariant: a secret is never
//! logged, not even in part, and not as part of an answer that could not be read either.

use std::iter::successors;

pub use aws_sdk_secretsmanager::Client;

/// The present value of the secret called `name`, a text.
///
/// # Errors
/// Why it cannot be had, in words for the log.
pub async fn read(client: &Client, name: &str) -> Result<String, String> {
    let answer = client.get_secret_value().secret_id(name).send().await;
    let answer = answer.map_err(|fault| format!("{name}: {}", told(&fault)))?;
    answer.secret_string().map(str::to_owned).ok_or_else(|| format!("{name}: no text"))
}

/// Why a call failed, in the words of each link of the chain. `DisplayErrorContext` says more: what came over the network,
/// which may be an answer with the secret in it, cut short.
pub(crate) fn told(fault: &(dyn std::error::Error + 'static)) -> String {
    let causes = successors(Some(fault), |fault| fault.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
