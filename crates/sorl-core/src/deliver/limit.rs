//! How many posts may be in flight: Gradient2 (Netflix's concurrency limits) by latency, and halved, as TCP's AIMD
//! does, when the account is throttled.
//!
//! The account's throttle is told from a connection's by the sum of the answers; a connection's own 429 is no reason
//! to post slower to others: it has its own bucket, the growing delay of its slice.

use std::time::Duration;

use crate::envelope::Recipient;
use crate::limits::POSTS_IN_FLIGHT_MAX;

/// Posts in flight at first: what 20 ms of latency and 3,000 posts a second need.
const FIRST: f64 = 64.0;
const LEAST: f64 = 4.0;
/// How much longer than usual answers may take before the limit shrinks.
const TOLERANCE: f64 = 1.5;
/// Weight of a window's latency in the usual one.
const SMOOTHING: f64 = 0.05;

/// What the answers so far say about whose the 429s are.
///
/// Connections that failed by their own fault before are no evidence: retried together, they would make each other
/// look like an account that is throttled, and be retried for ever.
#[derive(Default)]
pub(super) struct Evidence {
    throttled: usize,
    answers: usize,
}

impl Evidence {
    /// Takes an answer in.
    pub(super) fn add(&mut self, throttled: bool, to: &Recipient) {
        if to.attempts == 0 {
            self.answers += 1;
            self.throttled += usize::from(throttled);
        }
    }

    /// Whether the 429s are the account's: more than 1 % of the *other* connections got one.
    pub(super) const fn is_accounts(&self) -> bool {
        self.throttled.saturating_sub(1) * 100 > self.answers.saturating_sub(1)
    }
}

/// The limit of one invocation. A window is as many answers as the limit allows posts.
pub(super) struct Limit {
    allowed: f64,
    /// Usual latency, in ms; none before the first window.
    usual: Option<f64>,
    evidence: Evidence,
    window: Window,
}

#[derive(Default)]
struct Window {
    answers: u32,
    took: Duration,
    was_halved: bool,
}

impl Default for Limit {
    fn default() -> Self {
        Self { allowed: FIRST, usual: None, evidence: Evidence::default(), window: Window::default() }
    }
}

impl Limit {
    /// Posts that may be in flight now.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 4 and 256")]
    pub(super) const fn allowed(&self) -> usize {
        self.allowed as usize
    }

    /// Learns from an answer: how long it took, whether it was a 429, and whose.
    pub(super) fn learn(&mut self, took: Duration, throttled: bool, to: &Recipient) {
        self.evidence.add(throttled, to);
        self.window.answers += 1;
        self.window.took += took;
        if throttled && !self.window.was_halved && self.evidence.is_accounts() {
            self.allowed = (self.allowed / 2.0).max(LEAST);
            self.window.was_halved = true;
        }
        if f64::from(self.window.answers) >= self.allowed {
            self.end_window();
        }
    }

    fn end_window(&mut self) {
        let Window { answers, took, was_halved } = std::mem::take(&mut self.window);
        // A clock of milliseconds says nothing below one.
        let latency = (took.as_secs_f64() * 1_000.0 / f64::from(answers.max(1))).max(1.0);
        let usual = self.usual.map_or(latency, |usual| usual + (latency - usual) * SMOOTHING);
        // After a spell of slowness the usual latency comes down faster than it would by itself.
        self.usual = Some(if usual > 2.0 * latency { usual * 0.95 } else { usual });
        if !was_halved {
            let gradient = (TOLERANCE * usual / latency).clamp(0.5, 1.0);
            let most = f64::from(u16::try_from(POSTS_IN_FLIGHT_MAX).unwrap_or(u16::MAX));
            self.allowed = (self.allowed * gradient + self.allowed.sqrt()).clamp(LEAST, most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_millis(20);

    fn to(attempts: u32) -> Recipient {
        let text = format!(
            r#"{{"connection":"L0SM9cOFvHcCIhw=","user":"alice","since":0,"expires_at":1,"attempts":{attempts}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn learn(limit: &mut Limit, answers: usize, took: Duration, throttled: bool) {
        (0..answers).for_each(|_| limit.learn(took, throttled, &to(0)));
    }

    fn is_accounts(throttled: usize, answers: usize) -> bool {
        let mut evidence = Evidence::default();
        (0..answers).for_each(|n| evidence.add(n < throttled, &to(0)));
        evidence.is_accounts()
    }

    #[test]
    fn a_429_is_the_connections_unless_more_than_a_hundredth_of_the_others_got_it_too() {
        assert!(!is_accounts(1, 1));
        assert!(!is_accounts(1, 2));
        assert!(is_accounts(2, 2));
        assert!(is_accounts(2, 52));
        assert!(!is_accounts(2, 101));
        assert!(is_accounts(3, 102));
    }

    #[test]
    fn connections_that_failed_before_are_no_evidence_against_the_account() {
        let mut evidence = Evidence::default();
        (0..100).for_each(|_| evidence.add(true, &to(1)));
        assert!(!evidence.is_accounts());
        (0..2).for_each(|_| evidence.add(true, &to(0)));
        assert!(evidence.is_accounts());
    }

    #[test]
    fn the_limit_grows_while_latency_is_as_usual() {
        let mut limit = Limit::default();
        learn(&mut limit, 10_000, USUAL, false);
        assert_eq!(limit.allowed(), POSTS_IN_FLIGHT_MAX);
    }

    #[test]
    fn an_account_throttle_halves_it_once_a_window() {
        let mut limit = Limit::default();
        learn(&mut limit, 3, USUAL, true);
        assert_eq!(limit.allowed(), 32);
        learn(&mut limit, 100_000, USUAL, true);
        assert_eq!(limit.allowed(), 4);
        learn(&mut limit, 100_000, USUAL, false);
        assert_eq!(limit.allowed(), POSTS_IN_FLIGHT_MAX);
    }

    #[test]
    fn a_slow_client_among_many_changes_nothing() {
        let (mut with, mut without) = (Limit::default(), Limit::default());
        for n in 0..10_000 {
            with.learn(USUAL, n % 200 == 100, &to(0));
            without.learn(USUAL, false, &to(0));
        }
        assert_eq!(with.allowed(), without.allowed());
    }

    #[test]
    fn it_shrinks_when_answers_take_much_longer_than_usual_and_recovers() {
        let mut limit = Limit::default();
        learn(&mut limit, 10_000, USUAL, false);
        learn(&mut limit, 500, USUAL * 10, false);
        assert!(limit.allowed() < POSTS_IN_FLIGHT_MAX / 4, "{}", limit.allowed());
        learn(&mut limit, 10_000, USUAL, false);
        assert_eq!(limit.allowed(), POSTS_IN_FLIGHT_MAX);
    }

    /// The usual latency after a window of one answer, in ms.
    fn usual_after(usual: f64, took: u64) -> f64 {
        let window = Window { answers: 1, took: Duration::from_millis(took), was_halved: false };
        let mut limit = Limit { usual: Some(usual), window, ..Limit::default() };
        limit.end_window();
        limit.usual.unwrap()
    }

    #[test]
    fn the_usual_latency_follows_a_twentieth_of_the_way_and_faster_from_twice_as_high() {
        for (usual, took, then) in
            [(20.0, 40, 21.0), (40.0, 20, 39.0), (39.0, 19, 38.0), (100.0, 20, 96.0 * 0.95)]
        {
            let told = usual_after(usual, took);
            assert!((told - then).abs() < 1e-9, "{usual}, {took}: {told}, not {then}");
        }
    }
}
