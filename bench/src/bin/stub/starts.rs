//! Starts: how long a program takes from its start to its first poll, and what it holds then.
//!
//! Measured here, in one process that does nothing else meanwhile, so that no interpreter's delay is in the figure.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lambda::Stub;

/// Longest that a start may take.
const POLLED_WITHIN: Duration = Duration::from_secs(30);

/// What to start, and how often.
#[derive(Deserialize)]
pub(crate) struct Starts {
    command: Vec<String>,
    environment: BTreeMap<String, String>,
    times: usize,
}

impl Starts {
    pub(crate) async fn measure(&self, stub: &Rc<RefCell<Stub>>, port: u16) -> Result<Value> {
        let (mut millis, mut bytes) = (Vec::new(), Vec::new());
        for _ in 0..self.times {
            let changed = stub.borrow_mut().forget_polls();
            let polled = changed.notified();
            let begun = Instant::now();
            let mut child = self.start(port)?;
            let polled = tokio::time::timeout(POLLED_WITHIN, polled).await;
            let resident = resident(&child);
            stop(&mut child)?;
            polled.with_context(|| format!("{:?} did not poll", self.command))?;
            let Some(polled_at) = stub.borrow().polled_at else { bail!("nobody polled") };
            millis.push(polled_at.duration_since(begun).as_secs_f64() * 1e3);
            bytes.push(resident?);
        }
        Ok(json!({ "init_ms": millis, "rss": bytes }))
    }

    fn start(&self, port: u16) -> Result<Child> {
        let (program, arguments) = self.command.split_first().context("no command")?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(&self.environment);
        command.env("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}"));
        Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }
}

fn stop(child: &mut Child) -> Result<()> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn resident(child: &Child) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
