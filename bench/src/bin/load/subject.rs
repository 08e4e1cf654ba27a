//! What the subject's processes have used, as `/proc` tells it.
//!
//! Not the load client's own use, which never counts for a subject. Invariant: a process that is gone is an
//! error, never a zero.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// Linux counts the times in `/proc/PID/stat` in hundredths of a second, whatever the kernel's own tick.
const TICKS_PER_SECOND: u32 = 100;

/// User and system time that `pids` have used so far.
pub(crate) fn cpu(pids: &[u32]) -> anyhow::Result<Duration> {
    let each = pids.iter().map(|pid| {
        let stat = read(*pid, "stat")?;
        // The name in parentheses may hold spaces; after it, the 12th and 13th fields are the times.
        let fields = stat.rsplit_once(')').context("a line of /proc/PID/stat")?.1;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
        let ticks: u32 = ticks.sum::<Result<_, _>>()?;
        Ok(Duration::from_secs(1) * ticks / TICKS_PER_SECOND)
    });
    each.sum()
}

/// Bytes of memory that `pids` hold (`VmRSS`).
pub(crate) fn resident(pids: &[u32]) -> anyhow::Result<u64> {
    let each = pids.iter().map(|pid| {
        let status = read(*pid, "status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    });
    each.sum()
}

fn read(pid: u32, file: &str) -> anyhow::Result<String> {
    fs::read_to_string(format!("/proc/{pid}/{file}"))
        .with_context(|| format!("the subject's process {pid} is gone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_a_lost_one_is_an_error() {
        let own = std::process::id();
        assert!(resident(&[own]).unwrap() > 4096);
        assert!(cpu(&[own]).is_ok());
        assert!(cpu(&[u32::MAX]).is_err());
    }
}
