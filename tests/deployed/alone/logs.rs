//! What the Lambdas log: marked messages and tokens go every way there is, then each function's lines are searched for
//! the marks. Alone, since it counts dead letters.

use sorl_tests::eventually;
use sorl_tests::marks::{DYING, Marks, TOKEN};
use sorl_tests::names::{room, unique};
use sorl_tests::socket::Socket;
use sorl_tests::stage::Stage;

use crate::handshake::{bearer, knock};
use crate::shared::stage;

const FUNCTIONS: [&str; 5] = ["authorize", "connect", "command", "disconnect", "deliver"];

async fn log_of(stage: &Stage, region: &str, function: &str) -> Vec<String> {
    let deployed = stage.deployed();
    deployed.aws.log_of(region, &format!("sorl-{}-{function}", deployed.stage)).await
}

async fn dead_letters_told(stage: &Stage, region: &str) -> usize {
    log_of(stage, region, "deliver").await.iter().filter(|line| line.contains("\"dead letter\"")).count()
}

#[tokio::test]
async fn no_line_of_a_function_has_a_token_or_a_message_in_it() {
    let stage = stage().await;
    let (home, channel, user) = (stage.three()[0], room(), unique("user"));
    let before = dead_letters_told(&stage, home).await;
    let token = stage.token(&user).await;
    let marks = Marks::of(&token);
    let mut alice = Socket::open(&user, &stage.region(home).url, &token).await;
    alice.subscribe(&channel).await;
    marks.publish_well(&stage, &mut alice, &channel).await;
    marks.send_badly(&mut alice, &channel).await;
    marks.publish_to_die(&stage, &channel).await;
    for (query, headers) in
        [(format!("?token={TOKEN}"), Vec::new()), (format!("?token={token}"), vec![bearer(TOKEN)])]
    {
        assert_eq!(knock(&stage, &query, &headers).await.status, 401, "{query}");
    }
    eventually("every death is told", async || {
        // The emulator may tell a line only with the next invocation.
        marks.publish_well(&stage, &mut alice, &channel).await;
        (dead_letters_told(&stage, home).await >= before + DYING).then_some(())
    })
    .await;
    alice.close().await;

    let mut lines = 0;
    for region in stage.three() {
        for function in FUNCTIONS {
            for line in log_of(&stage, region, function).await {
                marks.check(&format!("the log of {function} in {region}"), &line);
                lines += 1;
            }
        }
    }
    println!("{lines} lines of {} functions", 3 * FUNCTIONS.len());
}
