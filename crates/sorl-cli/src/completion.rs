//! `sorl completion`: a shell's completions, from the same declarations as the help.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{Cli, output};

/// Prints what makes a shell complete commands and flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  source <(sorl completion bash)
  sorl completion zsh > ~/.zfunc/_sorl
  sorl completion fish > ~/.config/fish/completions/sorl.fish")]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // Into memory first: written to a reader that has gone away, it would panic.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sorl", &mut text);
    output::line(String::from_utf8_lossy(&text).trim_end()).map(drop)
}
