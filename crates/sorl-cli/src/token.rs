//! `sorl token`: a token of any user, from `sorl dev`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::dev_server::{DevServer, USUAL_URL};
use crate::{output, span};

/// Mints a token for a user of a running `sorl dev`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sorl token alice --grants '{\"room:*\":[\"*\"]}' --ttl 8h")]
pub(crate) struct Args {
    /// Whose it is
    user: String,
    /// The rights, as JSON; without it the namespaces' default grants hold
    #[arg(long, value_name = "JSON", value_parser = grants)]
    grants: Option<Value>,
    /// How long it lives
    #[arg(long, default_value = "1h", value_parser = span::parse, value_name = "SPAN")]
    ttl: Duration,
    /// Where `sorl dev` listens
    #[arg(long, default_value = USUAL_URL)]
    url: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let server = DevServer::at(&args.url)?;
    let token = server.token(&args.user, args.grants.as_ref(), args.ttl).await?;
    if args.json {
        output::json(&json!({ "token": token }))?;
    } else {
        output::line(&token)?;
    }
    Ok(())
}

fn grants(text: &str) -> Result<Value, String> {
    serde_json::from_str::<Value>(text)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| "write a JSON object, such as {\"room:*\":[\"subscribe\"]}".to_owned())
}
