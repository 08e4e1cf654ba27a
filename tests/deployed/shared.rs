//! The stage that all tests share: the one that was deployed for them.

use sorl_tests::stage::Stage;

/// The stage of `SORL_DEPLOYED`, the file that the deploy tool wrote, on the AWS at `AWS_ENDPOINT_URL`.
pub(crate) async fn stage() -> Stage {
    let told =
        |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make deployed`"));
    Stage::deployed_at(&told("SORL_DEPLOYED"), &told("AWS_ENDPOINT_URL")).await
}
