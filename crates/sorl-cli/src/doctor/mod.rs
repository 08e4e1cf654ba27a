//! `sorl doctor`: whether a stage is as it should be, and what to do where it is not.
//!
//! Only looks. The invariant: what could not be looked at is `unknown`, never `ok`; and every finding that is not `ok`
//! says what to do.

mod clock_skew;
mod connect;
mod dead_letters;
mod dev;
mod finding;
mod links;
mod quotas;
mod report;
mod secret;
mod stacks;
mod stage;
mod tables;

use anyhow::bail;

use crate::output;
use crate::target::{self, Place};
use crate::terminal::{self, Busy};
use finding::State;
use report::Report;

/// Looks at a stage, and says what is wrong and what to do about it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl doctor
  sorl doctor --stage prod
  sorl doctor --stage prod --json | jq '.findings[] | select(.state != \"ok\")'

Exit code 1 if anything is at fault. What could not be looked at, for want of a right perhaps, is unknown.")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: target::Flags,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let report = examine(args.place.place()?).await?;
    if args.json {
        output::json(&report)?;
    } else {
        output::line(&report.told(terminal::width()))?;
    }
    match report.count(State::Fault) {
        0 => Ok(()),
        1 => bail!("1 fault in {}", report.place),
        faults => bail!("{faults} faults in {}", report.place),
    }
}

async fn examine(place: Place) -> anyhow::Result<Report> {
    match place {
        Place::Dev(server) => {
            let findings = dev::examine(&server).await?;
            Ok(Report { place: server.url().to_owned(), findings })
        }
        Place::Stage(stage) => {
            let _busy = Busy::with(format!(
                "looking at stage {} in {} regions",
                stage.name,
                stage.config.regions.len()
            ));
            Ok(Report { place: format!("stage {}", stage.name), findings: stage::examine(&stage).await })
        }
    }
}
