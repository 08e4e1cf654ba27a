//! A secret by its name in Secrets Manager, for whoever signs or shows it rather than verifies with it.
//!
//! Not the keys of `authorize` (`keys`), which are cached and have several sources. The invariant: a secret is never
//! logged, not even in part.

pub use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;

/// The present value of the secret called `name`, a text.
///
/// # Errors
/// Why it cannot be had, in words for the log.
pub async fn read(client: &Client, name: &str) -> Result<String, String> {
    let answer = client.get_secret_value().secret_id(name).send().await;
    let answer = answer.map_err(|fault| format!("{name}: {}", DisplayErrorContext(fault)))?;
    answer.secret_string().map(str::to_owned).ok_or_else(|| format!("{name}: no text"))
}
