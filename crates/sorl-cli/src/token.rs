//! `sorl token`: a token of any user, from `sorl dev` or signed with a stage's secret.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{output, span, target};

/// Mints a token for a user, of a running `sorl dev` or a deployed stage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl token alice --grants '{\"room:*\":[\"*\"]}' --ttl 8h
  sorl token alice --stage prod     # with the stage's secret: SORL_SECRET, else Secrets Manager's")]
pub(crate) struct Args {
    /// Whose it is
    user: String,
    /// The rights, as JSON; without it the namespaces' default grants hold
    #[arg(long, value_name = "JSON", value_parser = grants)]
    grants: Option<Value>,
    /// How long it lives
    #[arg(long, default_value = "1h", value_parser = span::parse, value_name = "SPAN")]
    ttl: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: target::Flags,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let token = args.place.place()?.token(&args.user, args.grants.as_ref(), args.ttl).await?;
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
