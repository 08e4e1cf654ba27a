//! Taking letters out of the dead-letter queues: back to where they are handled, or away for good.
//!
//! The invariant: what was not meant, or could not be done, is let go of, and visible to others at once.

use std::io::{IsTerminal as _, Write as _};

use anyhow::bail;
use serde_json::json;

use super::letter::Held;
use super::select::{MOST, Which};
use super::{Letters, Scope, table};
use crate::exit::Misuse;
use crate::output;
use crate::terminal::{self, Busy};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    scope: Scope,
}

#[derive(Debug, clap::Args)]
pub(super) struct PurgeArgs {
    #[command(flatten)]
    which: Which,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    scope: Scope,
}

/// What is done with a letter.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Redrive,
    Purge,
}

impl Deed {
    const fn done(self) -> &'static str {
        match self {
            Self::Redrive => "redriven",
            Self::Purge => "purged",
        }
    }
}

pub(super) async fn redrive(args: &Args) -> anyhow::Result<()> {
    let letters = Letters::open(&args.scope).await?;
    let meant = meant(&letters, &args.which).await?;
    each(&letters, &meant, Deed::Redrive, &args.scope).await
}

pub(super) async fn purge(args: &PurgeArgs) -> anyhow::Result<()> {
    let letters = Letters::open(&args.scope).await?;
    let meant = meant(&letters, &args.which).await?;
    if let Err(refused) = confirmed(&meant, args) {
        letters.let_go(&meant.iter().collect::<Vec<_>>()).await?;
        return Err(refused);
    }
    each(&letters, &meant, Deed::Purge, &args.scope).await
}

/// The letters that are meant, in the hand; all others are let go of.
async fn meant(letters: &Letters, which: &Which) -> anyhow::Result<Vec<Held>> {
    let _busy = Busy::with("reading the dead letters".to_owned());
    let (meant, others) = which.split(letters.take(MOST).await?);
    letters.let_go(&others.iter().collect::<Vec<_>>()).await?;
    if let Err(fault) = which.check(&meant) {
        letters.let_go(&meant.iter().collect::<Vec<_>>()).await?;
        return Err(fault);
    }
    Ok(meant)
}

/// Shows what goes, and asks for its number, unless it was said beforehand that it may go.
fn confirmed(meant: &[Held], args: &PurgeArgs) -> anyhow::Result<()> {
    if args.yes || meant.is_empty() {
        return Ok(());
    }
    eprintln!("{}", table(meant.iter().map(|held| &held.letter)).render(terminal::width()));
    if !std::io::stdin().is_terminal() {
        let text = format!("{} dead letters would be lost for good; say --yes if they may", meant.len());
        return Err(Misuse(text).into());
    }
    eprint!("These are lost for good. Type {} to go on: ", meant.len());
    std::io::stderr().flush()?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    if typed.trim() == meant.len().to_string() {
        return Ok(());
    }
    bail!("nothing was purged")
}

/// Does it with each; one that fails keeps none of the others from it.
async fn each(letters: &Letters, meant: &[Held], deed: Deed, scope: &Scope) -> anyhow::Result<()> {
    let busy = Busy::with(String::new());
    let mut failed = Vec::new();
    for (at, held) in meant.iter().enumerate() {
        busy.now(format!("{} of {}", at + 1, meant.len()));
        let outcome = match deed {
            Deed::Redrive => letters.redrive(held).await,
            Deed::Purge => letters.delete(held).await,
        };
        if let Err(fault) = outcome {
            eprintln!("{} in {} stays: {fault:#}", held.letter.id, held.letter.region);
            failed.push(held);
        }
    }
    drop(busy);
    letters.let_go(&failed).await?;
    told(meant, &failed, deed, scope)
}

fn told(meant: &[Held], failed: &[&Held], deed: Deed, scope: &Scope) -> anyhow::Result<()> {
    let id = |held: &Held| held.letter.id.clone();
    let lost: Vec<_> = failed.iter().map(|held| id(held)).collect();
    let done: Vec<_> = meant.iter().map(id).filter(|id| !lost.contains(id)).collect();
    if scope.json {
        output::json(&json!({ deed.done(): done, "failed": lost }))?;
    } else {
        let s = if done.len() == 1 { "" } else { "s" };
        output::line(&format!("{} letter{s} {}", done.len(), deed.done()))?;
    }
    if lost.is_empty() { Ok(()) } else { bail!("{} of {} letters stay", lost.len(), meant.len()) }
}
