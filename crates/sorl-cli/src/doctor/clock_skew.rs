//! Does this machine's clock agree with AWS's? Tokens that are signed here expire by it, without leeway.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_sdk_sqs::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sqs::config::{ConfigBag, Intercept, RuntimeComponents};
use sorl_core::region::Region;

use super::finding::{Finding, Look, Subject};
use crate::target::Stage;

/// The header has whole seconds, and the answer was under way for one at most.
const UNSEEN: Duration = Duration::from_secs(2);
/// AWS refuses signatures that are off by more.
const SIGNATURE_MAX: Duration = Duration::from_mins(5);

const REMEDY: &str = "set this machine's clock, by NTP";

pub(super) async fn examine(stage: &Stage, region: &Region) -> Vec<Finding> {
    let look = Look::at(Subject::Clock, region);
    let dates = Dates::default();
    let sqs = aws_sdk_sqs::Client::new(&stage.aws(region).await);
    let call = sqs.get_queue_url().queue_name(stage.resource("live"));
    // Whatever is answered, it is dated.
    call.customize().interceptor(dates.clone()).send().await.ok();
    let read = dates.0.lock().ok().and_then(|read| *read);
    vec![match read {
        Some((told, here)) => judged(&look, apart(told, here)),
        None => look.unknown("AWS answered without a date, or not at all", "compare with `date -u` by hand"),
    }]
}

/// What a difference of the clocks means.
pub(super) fn judged(look: &Look, apart: Duration) -> Finding {
    let seconds = apart.as_secs_f64();
    if apart <= UNSEEN {
        return look.ok("this machine's clock agrees with the service's");
    }
    if apart < SIGNATURE_MAX {
        let what = format!(
            "this machine's clock is {seconds:.1} s off: tokens signed here expire by that much wrongly"
        );
        return look.warning(what, REMEDY);
    }
    look.fault(format!("this machine's clock is {seconds:.0} s off: AWS refuses what it signs"), REMEDY)
}

/// How far two clocks are apart, whichever is ahead.
pub(super) fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|behind| behind.duration())
}

/// The time that an answer told, and the time here when it came.
#[derive(Clone, Default)]
struct Dates(Arc<Mutex<Option<(SystemTime, SystemTime)>>>);

impl fmt::Debug for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dates")
    }
}

impl Intercept for Dates {
    fn name(&self) -> &'static str {
        "dates"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let date = context.response().headers().get("date").map(httpdate::parse_http_date);
        if let (Some(Ok(told)), Ok(mut read)) = (date, self.0.lock()) {
            *read = Some((told, SystemTime::now()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn clocks_are_judged_by_what_hangs_on_them() {
        let look = Look::over_all(Subject::Clock);
        let state = |seconds| judged(&look, Duration::from_secs(seconds)).state;
        assert_eq!((state(1), state(30), state(301)), (State::Ok, State::Warning, State::Fault));
    }

    #[test]
    fn it_does_not_matter_which_clock_is_ahead() {
        let now = SystemTime::now();
        let later = now + Duration::from_secs(7);
        assert_eq!(apart(now, later), apart(later, now));
    }
}
