//! `sorl dlq`: what could never be handled, region by region, with reasons; and the ways out for it.
//!
//! Not the queues themselves (`dev`, `stage`). The invariant: a letter is deleted only after the queue that it goes back
//! to has acknowledged it, or after somebody confirmed that it may be lost.

mod dev;
mod letter;
mod missed;
mod redrive;
mod select;
mod stage;

use anyhow::bail;
use clap::Subcommand;
use sorl_core::region::Region;

use crate::output;
use crate::table::Table;
use crate::target::{self, Place};
use crate::{clock, terminal};
use letter::{Held, Letter};
use select::Which;
use stage::Queues;

/// Lists what could not be handled, with reasons; puts it back, or gives it up.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sorl dlq list --stage prod
  sorl dlq show 5f2c --stage prod
  sorl dlq redrive --all --reason 'not JSON' --stage prod --region eu-north-1
  sorl dlq purge 5f2c91e0 --json")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the letters, oldest first
    #[command(after_help = "Example:\n  sorl dlq list --stage prod --region eu-north-1")]
    List(List),
    /// Shows a letter with all that it holds
    #[command(after_help = "Example:\n  sorl dlq show 5f2c --stage prod")]
    Show(Show),
    /// Puts letters back on the queue of their region, once what made them fail is mended
    #[command(after_help = "Example:\n  sorl dlq redrive --all --stage prod --region eu-north-1")]
    Redrive(redrive::Args),
    /// Deletes letters for good
    #[command(after_help = "Example:\n  sorl dlq purge --all --reason 'not JSON' --stage prod")]
    Purge(redrive::PurgeArgs),
}

/// Where, and how it is told.
#[derive(Debug, clap::Args)]
struct Scope {
    /// Only of this region; several may be named
    #[arg(long = "region", value_name = "REGION", value_parser = Region::parse)]
    regions: Vec<Region>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: target::Flags,
}

#[derive(Debug, clap::Args)]
struct List {
    /// At most so many of a region
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
    #[command(flatten)]
    scope: Scope,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Its id, or how that begins
    id: String,
    #[command(flatten)]
    scope: Scope,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::List(args) => list(&args).await,
        Command::Show(args) => show(&args).await,
        Command::Redrive(args) => redrive::redrive(&args).await,
        Command::Purge(args) => redrive::purge(&args).await,
    }
}

/// The dead letters of a place.
enum Letters {
    Dev(dev::Letters),
    Stage(Queues),
}

impl Letters {
    async fn open(scope: &Scope) -> anyhow::Result<Self> {
        match scope.place.place()? {
            Place::Dev(server) => Ok(Self::Dev(dev::Letters::of(server, scope.regions.clone()))),
            Place::Stage(stage) => Queues::open(stage, &scope.regions).await.map(Self::Stage),
        }
    }

    /// Takes up to `most` letters a region into the hand, oldest first; whoever calls lets go of them.
    async fn take(&self, most: usize) -> anyhow::Result<Vec<Held>> {
        let mut taken = match self {
            Self::Dev(letters) => letters.take(most).await?,
            Self::Stage(queues) => queues.take(most).await?,
        };
        taken.sort_by(|a, b| (a.letter.at, &a.letter.id).cmp(&(b.letter.at, &b.letter.id)));
        Ok(taken)
    }

    /// Lets others see the letters again.
    async fn let_go(&self, held: &[&Held]) -> anyhow::Result<()> {
        match self {
            Self::Dev(_) => Ok(()),
            Self::Stage(queues) => queues.let_go(held).await,
        }
    }

    /// Puts the letter back where it is handled, and deletes it once that is acknowledged.
    async fn redrive(&self, held: &Held) -> anyhow::Result<()> {
        match self {
            Self::Dev(letters) => letters.redrive(&held.letter).await,
            Self::Stage(queues) => queues.redrive(held).await,
        }
    }

    async fn delete(&self, held: &Held) -> anyhow::Result<()> {
        match self {
            Self::Dev(letters) => letters.delete(&held.letter).await,
            Self::Stage(queues) => queues.delete(held).await,
        }
    }

    /// All letters, no longer than it takes to read them.
    async fn read(&self, most: usize) -> anyhow::Result<Vec<Letter>> {
        let held = self.take(most).await?;
        self.let_go(&held.iter().collect::<Vec<_>>()).await?;
        Ok(held.into_iter().map(|held| held.letter).collect())
    }
}

async fn list(args: &List) -> anyhow::Result<()> {
    let letters = Letters::open(&args.scope).await?.read(usize::from(args.limit)).await?;
    if args.scope.json {
        return output::json(&letters).map(drop);
    }
    if letters.is_empty() {
        return output::line("no dead letters").map(drop);
    }
    output::line(&table(&letters).render(terminal::width()))?;
    let s = if letters.len() == 1 { "" } else { "s" };
    output::line(&format!("{} dead letter{s}", letters.len())).map(drop)
}

async fn show(args: &Show) -> anyhow::Result<()> {
    let letters = Letters::open(&args.scope).await?.read(select::MOST).await?;
    let which = Which::of(std::slice::from_ref(&args.id));
    let found: Vec<_> = letters.into_iter().filter(|letter| which.names(letter)).collect();
    match found.as_slice() {
        [letter] if args.scope.json => output::json(letter).map(drop),
        [letter] => output::line(&letter.told()).map(drop),
        [] => bail!("there is no dead letter {}; `sorl dlq list` shows those that there are", args.id),
        several => bail!("{} dead letters begin with {}; write more of the id", several.len(), args.id),
    }
}

fn table<'a>(letters: impl IntoIterator<Item = &'a Letter>) -> Table {
    let mut table = Table::with(["id", "region", "queue", "since", "reason"]);
    for letter in letters {
        table.row([
            letter.id.clone(),
            letter.region.to_string(),
            letter.queue.as_str().to_owned(),
            clock::to_the_minute(letter.at),
            letter.why().to_owned(),
        ]);
    }
    table
}
