//! `jackdaw completion`: scripts for shells.

use clap::{Args, CommandFactory as _, ValueEnum};

use super::Cli;
use super::error::CommandError;
use super::output;

/// Print a completion script.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw completion bash > /etc/bash_completion.d/jackdaw
  jackdaw completion zsh > \"${fpath[1]}/_jackdaw\"
  jackdaw completion fish > ~/.config/fish/completions/jackdaw.fish")]
pub(crate) struct Completion {
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completion {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        output::print(&self.script())
    }

    fn script(&self) -> String {
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Zsh => clap_complete::Shell::Zsh,
            Shell::Fish => clap_complete::Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "jackdaw", &mut script);
        String::from_utf8_lossy(&script).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_the_subcommands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = Completion { shell }.script();
            for word in ["topic", "describe", "group", "shift-by", "api-versions", "bootstrap-server"] {
                assert!(script.contains(word), "{shell:?} lacks {word}");
            }
        }
    }
}
