//! `fmgauge simulate`: simulated models until it is told to end.

use std::io;
use std::time::Duration;

use anyhow::{Context, Result};
use simulator::{LISTENING, Profile, Simulator};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::exit::Exit;
use crate::script::Script;
use crate::terminal::{note, say};
use crate::{arguments, connect};

pub(crate) async fn run(arguments: &arguments::Simulate) -> Result<Exit> {
    let mut config = connect::simulator(arguments.port, arguments.seed, arguments.log.clone());
    config.profiles.extend(arguments.fixed.clone());
    let models: Vec<String> =
        config.profiles.iter().map(|profile| profile.model_id.clone()).collect();
    if let Some(path) = &arguments.script {
        Script::read(path, &models)?.apply(&mut config);
    }
    let mut terminated =
        signal(SignalKind::terminate()).context("failed to listen to the signal SIGTERM")?;
    // One thread serves: no request is handed from one to another.
    let simulator = Simulator::spawn_thread(config).context("failed to start the simulator")?;
    say(&format!("{LISTENING}{}", simulator.url()));
    note(&format!("simulated models: {}", models.join(", ")));
    note("use as `endpoint_url` of an endpoint of kind bedrock; Ctrl-C ends");
    let input = input_ended(arguments.until_eof)?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.context("failed to wait for Ctrl-C")?,
        _ = terminated.recv() => {}
        Ok(()) = input => {}
    }
    simulator.shutdown().context("failed to end the simulator")?;
    Ok(Exit::Done)
}

/// Told when standard input has ended; never where that is not asked for.
fn input_ended(asked: bool) -> Result<oneshot::Receiver<()>> {
    let (ended, told) = oneshot::channel();
    if asked {
        // A thread that nobody waits for: reading cannot be given up when something else ends us.
        std::thread::Builder::new()
            .name("standard input".into())
            .spawn(move || {
                // An input that cannot be read has ended, too.
                drop(io::copy(&mut io::stdin(), &mut io::sink()));
                ended.send(()).ok();
            })
            .context("failed to watch standard input")?;
    }
    Ok(told)
}

/// The model of `--fixed TTFT,ITL,TOKENS`.
pub(crate) fn fixed(text: &str) -> Result<Profile, String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let [ttft, itl, tokens] = parts[..] else {
        return Err("write three values, such as 200ms,20ms,50".to_owned());
    };
    let duration = |text: &str| -> Result<Duration, String> {
        humantime::parse_duration(text)
            .map_err(|error| format!("{text:?} is no duration ({error}): write one such as 20ms"))
    };
    let tokens = tokens.parse().ok().filter(|tokens: &u32| *tokens >= 1);
    let tokens = tokens.ok_or("the number of tokens must be a whole number of at least 1")?;
    Ok(Profile::fixed(duration(ttft)?, duration(itl)?, tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_timing_is_read() {
        let timing = Profile::fixed(Duration::from_millis(200), Duration::ZERO, 50);
        assert_eq!(fixed("200ms, 0ms,50"), Ok(timing));
        let check = |text: &str, expected: &str| {
            let error = fixed(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check("200ms,20ms", "three values");
        check("200,20ms,50", "write one such as 20ms");
        check("200ms,20ms,0", "at least 1");
    }
}
