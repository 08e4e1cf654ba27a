//! What the log of each region says when all is over: everything acknowledged, each once, by ascending ids.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use sorl_tests::frame::text;
use sorl_tests::names::cursor_of_age;
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

use crate::ledger::Ledger;
use crate::report::Outcome;

/// Further than any fault goes back.
const FROM: Duration = Duration::from_hours(1);

/// Compares every region's history of `channel` with what was acknowledged.
pub(crate) async fn judge(stage: &Stage, channel: &str, ledger: &Ledger, outcome: &mut Outcome) {
    let token = stage.token("reader").await;
    judge_with(stage, &token, channel, ledger, outcome).await;
}

/// As [`judge`], where the service mints no tokens.
pub(crate) async fn judge_with(
    stage: &Stage,
    token: &str,
    channel: &str,
    ledger: &Ledger,
    outcome: &mut Outcome,
) {
    let acknowledged = ledger.since(0);
    for region in stage.three() {
        let mut reader = Socket::open("reader", &stage.region(region).url, token).await;
        let history = sorl_tests::eventually(&format!("{region} has logged everything"), async || {
            let history = read(&mut reader, channel).await;
            let data: HashSet<_> = history.iter().map(|(_, data)| data.as_str()).collect();
            acknowledged.iter().all(|wanted| data.contains(wanted.as_str())).then_some(history)
        })
        .await;
        let ascend = history.is_sorted_by(|(one, _), (next, _)| one < next);
        outcome.must(ascend, format!("the history of {region} is not in the order of ids"));
        let messages: HashSet<_> = history.iter().map(|(id, _)| tail(id)).collect();
        let distinct: HashSet<_> = history.iter().map(|(_, data)| data).collect();
        let twice = messages.len() - distinct.len();
        outcome.must(twice == 0, format!("the history of {region} has {twice} messages twice"));
    }
}

/// The last two groups of an id, by which a message is known that was published again under its key: each page shows
/// it once, two of them may both show it.
fn tail(id: &str) -> &str {
    &id[id.len() - "8000-000000000000".len()..]
}

/// All ids and data of a channel, page by page.
async fn read(reader: &mut Socket, channel: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut since = cursor_of_age(FROM);
    loop {
        let page = json!({"action": "history", "channel": channel, "since": since, "limit": 500});
        let page = reader.result(page).await;
        let messages = page["messages"].as_array().expect("messages");
        let tails: HashSet<_> =
            messages.iter().map(|message| tail(message["id"].as_str().expect("an id"))).collect();
        assert_eq!(tails.len(), messages.len(), "a page shows a message twice");
        all.extend(messages.iter().map(|message| (text(&message["id"]), data(message))));
        if page["more"] != true {
            return all;
        }
        since = text(&page["cursor"]);
    }
}

fn data(message: &Value) -> String {
    message["data"].as_str().map_or_else(|| message["data"].to_string(), str::to_owned)
}
