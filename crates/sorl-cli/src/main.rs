//! The command line of Sorl: one file a command.
//!
//! It decides nothing about messages: `dev` runs sorl-local, the others are clients. The invariant: exit code
//! 0 is success, 1 a failure, 2 wrong usage or configuration, and every failure is one sentence that says
//! what was wrong, where, and what to do. Results go to stdout, everything else to stderr.

mod capacity;
mod check;
mod clock;
mod completion;
mod config_file;
mod cost;
mod dev;
mod dlq;
mod doctor;
mod drain;
mod erase;
mod exit;
mod history;
mod kick;
mod load;
mod logging;
mod measure;
mod members;
mod output;
mod picture;
mod probe;
mod publish;
mod reference;
mod span;
mod table;
mod tail;
mod target;
mod terminal;
mod token;
mod visit;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Serverless, multi-region publish/subscribe and chat for AWS.
#[derive(Debug, Parser)]
#[command(name = "sorl", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: logging::Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Args),
    Token(token::Args),
    Publish(publish::Args),
    Tail(tail::Args),
    History(history::Args),
    Members(members::Args),
    Kick(kick::Args),
    Drain(drain::Args),
    Dlq(dlq::Args),
    Erase(erase::Args),
    Load(load::Args),
    Probe(probe::Args),
    Doctor(doctor::Args),
    Check(check::Args),
    Completion(completion::Args),
    /// Prints the help of every command as one page.
    #[command(hide = true)]
    Reference,
    Capacity(capacity::Args),
    Cost(cost::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => exit::report(&fault),
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    logging::start(&cli.logging, matches!(cli.command, Command::Dev(_)))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Dev(args) => Box::pin(dev::run(args)).await,
            Command::Token(args) => token::run(args).await,
            Command::Publish(args) => Box::pin(publish::run(args)).await,
            Command::Tail(args) => Box::pin(tail::run(args)).await,
            Command::History(args) => Box::pin(history::run(args)).await,
            Command::Members(args) => Box::pin(members::run(args)).await,
            Command::Kick(args) => Box::pin(kick::run(args)).await,
            Command::Drain(args) => Box::pin(drain::run(args)).await,
            Command::Dlq(args) => Box::pin(dlq::run(args)).await,
            Command::Erase(args) => Box::pin(erase::run(args)).await,
            Command::Doctor(args) => Box::pin(doctor::run(args)).await,
            Command::Check(args) => Box::pin(check::run(args)).await,
            Command::Completion(args) => completion::run(&args),
            Command::Reference => reference::run(),
            Command::Load(args) => Box::pin(load::run(args)).await,
            Command::Probe(args) => Box::pin(probe::run(args)).await,
            Command::Capacity(args) => capacity::run(&args),
            Command::Cost(args) => cost::run(&args),
        }
    })
}
