//! All that is looked at in a `sorl dev`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sorl_local::faults::Faults;

use super::finding::{Finding, Look, Subject};
use super::{clock_skew, connect, dead_letters};
use crate::target::{DevServer, RegionAddress, TOKEN_TTL};

pub(super) async fn examine(server: &DevServer) -> anyhow::Result<Vec<Finding>> {
    // If this fails there is nothing to look at.
    let regions = server.regions().await?;
    let mut findings = connections(server, &regions).await;
    findings.push(faults(server).await);
    findings.extend(letters(server, &regions).await);
    Ok(findings)
}

async fn connections(server: &DevServer, regions: &[RegionAddress]) -> Vec<Finding> {
    let token = match server.token("sorl-doctor", Some(&json!({})), TOKEN_TTL).await {
        Ok(token) => token,
        Err(fault) => {
            let look = Look::over_all(Subject::Connect);
            return vec![
                look.unknown(format!("no token can be had: {fault:#}"), "sorl tail CHANNEL --token TOKEN"),
            ];
        }
    };
    let (mut findings, mut clock) = (Vec::new(), None);
    for RegionAddress { region, url, .. } in regions {
        let pong = connect::ping(region, url.clone(), &token).await;
        if let Ok(pong) = &pong {
            let here = SystemTime::now() - pong.took / 2;
            let there = UNIX_EPOCH + Duration::from_millis(pong.at.as_millis());
            clock = Some(clock_skew::judged(&Look::over_all(Subject::Clock), clock_skew::apart(here, there)));
        }
        findings.push(connect::finding(&Look::at(Subject::Connect, region), &pong));
    }
    findings.extend(clock);
    findings
}

async fn faults(server: &DevServer) -> Finding {
    let look = Look::over_all(Subject::Faults);
    match server.get::<Faults>("/faults").await {
        Ok(none) if none == Faults::default() => look.ok("none are switched on"),
        Ok(some) => look.warning(
            format!("switched on: {}", switched_on(&some)),
            format!("if not on purpose: curl -d '{{}}' {}/faults", server.url()),
        ),
        Err(fault) => look.unknown(format!("{fault:#}"), "ask on the machine that it runs on"),
    }
}

fn switched_on(faults: &Faults) -> String {
    let usual = Faults::default();
    let mut on = Vec::new();
    if !faults.cut.is_empty() {
        let cut: Vec<_> = faults.cut.iter().map(ToString::to_string).collect();
        on.push(format!("{} cut off", cut.join(", ")));
    }
    if faults.lag_ms != usual.lag_ms {
        on.push(format!("a replication lag of {} ms", faults.lag_ms));
    }
    if faults.duplicate > 0.0 {
        on.push(format!("{} % of records delivered twice", faults.duplicate * 100.0));
    }
    if faults.throttle > 0.0 {
        on.push(format!("{} % of posts throttled", faults.throttle * 100.0));
    }
    on.join("; ")
}

async fn letters(server: &DevServer, regions: &[RegionAddress]) -> Vec<Finding> {
    let letters: Vec<Value> = match server.get("/dead-letters").await {
        Ok(letters) => letters,
        Err(fault) => {
            let look = Look::over_all(Subject::DeadLetters);
            return vec![look.unknown(format!("{fault:#}"), "try again")];
        }
    };
    let of = |region: &str| {
        letters.iter().filter(|letter| letter.get("region").is_some_and(|r| r == region)).count()
    };
    let judged = |address: &RegionAddress| {
        let region = &address.region;
        let waiting = u64::try_from(of(region.as_str())).unwrap_or(u64::MAX);
        let place = format!(" --url {} --region {region}", server.url());
        dead_letters::judged(&Look::at(Subject::DeadLetters, region), waiting, &place)
    };
    regions.iter().map(judged).collect()
}
