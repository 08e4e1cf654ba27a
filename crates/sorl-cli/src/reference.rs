//! `sorl reference`, hidden: the help of every command as one page, which is docs/cli.md.
//!
//! Not written by hand: the page is what `--help` says, and a test compares the two.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use crate::{Cli, output};

const OPENING: &str = "# The command line

What `sorl --help` says, command by command. Written by `sorl reference`; change the help, not this page.

Results go to stdout, everything else to stderr. Exit code 0 is success, 1 a failure, 2 wrong usage or configuration.
";

pub(crate) fn run() -> anyhow::Result<()> {
    output::line(page().trim_end()).map(drop)
}

fn page() -> String {
    let mut text = OPENING.to_owned();
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    section(&mut text, &root, "##");
    text
}

fn section(text: &mut String, command: &Command, level: &str) {
    let mut shown = command.clone();
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    // Writing to a string does not fail.
    write!(text, "\n{level} {name}\n\n```text\n{}\n```\n", plain(&shown.render_long_help().to_string())).ok();
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
    {
        section(text, inner, level_below(level));
    }
}

fn level_below(level: &str) -> &'static str {
    if level == "##" { "###" } else { "####" }
}

/// Without blanks at the ends of lines, which nobody sees and editors remove.
fn plain(help: &str) -> String {
    help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
