//! `fmgauge init`: writes a configuration to begin with.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, absolute};

use anyhow::{Context, Result, bail};
use shared::config::{parse, starter};

use crate::arguments;
use crate::exit::{Exit, Refusal};
use crate::terminal::{note, say};

pub(crate) fn run(arguments: &arguments::Init) -> Result<Exit> {
    let path = &arguments.path;
    let prompts = arguments.starter.prompts.as_deref();
    let prompts = prompts.map(|prompts| from_folder_of(path, prompts)).transpose()?;
    let text = starter(&arguments.starter.with_prompts(prompts));
    let shown = path.display();
    let mut file = match File::create_new(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(Refusal(format!("{shown} exists already: give another path, or remove it")));
        }
        Err(error) => return Err(error).context(Refusal(format!("failed to write {shown}"))),
    };
    file.write_all(text.as_bytes()).with_context(|| format!("failed to write {shown}"))?;
    say(&format!("Wrote {shown}. What it would measure and cost: fmgauge plan {shown}"));
    if let Err(errors) = parse(&text) {
        note(&format!("It needs your attention first:\n{errors}"));
    }
    Ok(Exit::Done)
}

/// Prompts as a configuration at `config` must name them: its paths start in its own folder.
fn from_folder_of(config: &Path, prompts: &str) -> Result<String> {
    let is_beside = config.parent().is_none_or(|folder| folder.as_os_str().is_empty());
    if is_beside || prompts.starts_with("s3://") {
        return Ok(prompts.to_owned());
    }
    let path = absolute(prompts).context(Refusal(format!("{prompts:?} is not a path")))?;
    Ok(path.to_string_lossy().into_owned())
}
