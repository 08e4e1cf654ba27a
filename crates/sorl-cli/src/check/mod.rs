//! `sorl check`: whether a configuration is right, what is odd in it, and what deploying it would change.
//!
//! Changes nothing. The invariant: a file that is refused here is refused by `sorl dev` and by the Lambdas, in the same
//! words; what is merely odd is never refused.

mod changes;
mod deployed;
mod lints;
mod patterns;
mod remark;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use sorl_core::config::{Config, ConfigFaults};

use crate::exit::Misuse;
use crate::target::Stage;
use crate::terminal::Busy;
use crate::{config_file, output, terminal};
use remark::{Level, Remark};
use report::Report;

/// Checks sorl.toml: faults, oddities, and what deploying it would change.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl check
  sorl check prod.toml --against prod
  sorl check --members room=100000 --grants '{\"room:*\":[\"subscribe\"]}'

Exit code 2 if the file is wrong; 1 if deploying it would break something, or with --strict if anything is odd.")]
pub(crate) struct Args {
    /// The configuration
    #[arg(default_value = config_file::USUAL)]
    file: PathBuf,
    /// Say what deploying it to this stage would change
    #[arg(long, value_name = "STAGE")]
    against: Option<String>,
    /// Members that a region's largest channel of a namespace has, to judge its shards; several may be named
    #[arg(long = "members", value_name = "NAMESPACE=N", value_parser = lints::expectation)]
    members: Vec<lints::Expectation>,
    /// Check a token's grants as well
    #[arg(long, value_name = "JSON")]
    grants: Option<String>,
    /// Fail if anything is odd
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// What answers in the place of AWS; `AWS_ENDPOINT_URL` says it as well
    #[arg(long, value_name = "URL", requires = "against")]
    endpoint_url: Option<String>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let text = read(&args.file)?;
    let config = match Config::parse(&text) {
        Ok(config) => config,
        Err(faults) => return refused(&args, &faults),
    };
    let mut remarks = lints::of(&config, &text, &args.members);
    remarks.extend(args.grants.iter().flat_map(|grants| patterns::of(grants)));
    let changes = match &args.against {
        Some(name) => Some(against(&args, name, &config).await?),
        None => None,
    };
    let report = Report { file: args.file.display().to_string(), config, remarks, changes };
    if args.json {
        output::json(&report)?;
    } else {
        output::line(&report.told(terminal::width()))?;
    }
    verdict(&report, args.strict)
}

fn read(file: &Path) -> Result<String, Misuse> {
    std::fs::read_to_string(file)
        .map_err(|fault| Misuse(format!("{}: {fault}; name the configuration to check", file.display())))
}

fn refused(args: &Args, faults: &ConfigFaults) -> anyhow::Result<()> {
    if args.json {
        let listed: Vec<Value> =
            faults.0.iter().map(|fault| json!({ "line": fault.line, "what": fault.message })).collect();
        output::json(&json!({ "file": args.file, "valid": false, "faults": listed }))?;
    }
    Err(config_file::misuse(&args.file, faults).into())
}

async fn against(args: &Args, name: &str, config: &Config) -> anyhow::Result<Vec<Remark>> {
    let stage = Stage::of(name, config.clone(), args.endpoint_url.clone());
    let _busy = Busy::with(format!("reading the configuration of stage {name}"));
    deployed::changes(&stage)
        .await
        .with_context(|| format!("the configuration of stage {name} cannot be had"))
}

fn verdict(report: &Report, strict: bool) -> anyhow::Result<()> {
    let all = || report.remarks.iter().chain(report.changes.iter().flatten());
    let faults = all().filter(|remark| remark.level == Level::Fault).count();
    if faults > 0 {
        bail!("{}: deploying it would break something", report.file);
    }
    let odd = all().filter(|remark| remark.level == Level::Warning).count();
    if strict && odd > 0 {
        bail!("{}: something in it is odd", report.file);
    }
    Ok(())
}
