//! Every bound of Sorl, with the quota it comes from. KB is 1,024 bytes.
//!
//! Not configuration: what an operator may set lives in `config`, within these.

use std::time::Duration;

/// One kilobyte, in bytes.
pub const KB: usize = 1024;

/// Characters of a channel's name.
pub const CHANNEL_NAME_LEN_MAX: usize = 128;
/// Characters of a user's name: a personal channel adds `@`.
pub const USER_NAME_LEN_MAX: usize = 120;
/// Bytes of a publisher's idempotency key.
pub const KEY_LEN_MAX: usize = 64;
/// Bytes of the grants claim, so that it fits API Gateway's 8 KB authorizer result.
pub const GRANTS_LEN_MAX: usize = 4 * KB;
/// Bytes of a token; API Gateway takes headers of 10,240 bytes in all.
pub const TOKEN_LEN_MAX: usize = 8 * KB;
/// Levels of nesting in `data`: what the stricter JSON parsers among clients take (`serde_json`: 128).
pub const DATA_DEPTH_MAX: usize = 100;

/// Bytes of a frame from a client; API Gateway closes with 1009 above.
pub const FRAME_IN_MAX: usize = 32 * KB;
/// Bytes of a coalesced frame to a client: API Gateway meters in units of 32 KB.
pub const FRAME_OUT_MAX: usize = 32 * KB;
/// Bytes of one post; API Gateway's payload quota.
pub const POST_MAX: usize = 128 * KB;
/// Bytes of a message as clients get it: with its frame it stays below [`POST_MAX`].
pub const MESSAGE_LEN_MAX: usize = 96 * KB;
/// Bytes of the messages in one answer of `subscribe` or `history`: with its frame below [`POST_MAX`].
pub const PAGE_LEN_MAX: usize = 112 * KB;
/// Messages in one page of history.
pub const HISTORY_LIMIT_MAX: u32 = 500;
/// Messages in a page of history unless the client says otherwise.
pub const HISTORY_LIMIT_DEFAULT: u32 = 50;
/// Messages that `rewind` may ask for.
pub const REWIND_MAX: u32 = 100;
/// Largest request id of a client: the largest integer that JavaScript keeps exactly.
pub const REQUEST_ID_MAX: u64 = (1 << 53) - 1;

/// Channels that a connection may be in unless the operator says otherwise: what `disconnect`, which deletes a row a
/// channel, forgets within its 10 s.
pub const CHANNELS_DEFAULT: usize = 1_000;
/// The largest bound of channels a connection and of connections a user: to count so many rows takes a page or two
/// of DynamoDB's 1 MB.
pub const BOUND_MAX: usize = 10_000;

/// A connection's longest life; API Gateway closes it then, always.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_hours(2);
/// Idle time after which API Gateway closes a connection.
pub const CONNECTION_IDLE_MAX: Duration = Duration::from_mins(10);
/// Age under which a 410 may mean a handshake that is still pending.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(30);

/// A delivery later than this after its message's acceptance leaves a late mark.
pub const LATE_AFTER: Duration = Duration::from_secs(15);
/// Longest run of `deliver`, including what it has in flight.
pub const DELIVER_MAX: Duration = Duration::from_secs(30);
/// A recovery in the region of its cursor starts this long before it: `LATE_AFTER` + `DELIVER_MAX` + slack.
pub const RECOVERY_OVERLAP: Duration = Duration::from_secs(60);
/// A recovery in another region starts this long before its cursor.
pub const RECOVERY_OVERLAP_ELSEWHERE: Duration = Duration::from_mins(16);
/// How old a cursor `subscribe` takes as recovery, for which the right to subscribe is enough.
pub const RECOVERY_SUBSCRIBE_MAX: Duration = Duration::from_hours(1);
/// How old a cursor `history` takes as recovery; later pages of a recovery that began in time.
pub const RECOVERY_HISTORY_MAX: Duration = Duration::from_mins(90);
/// Rows of the log outlive the retention by this, so that paging does not race against expiry.
pub const LOG_GRACE: Duration = Duration::from_mins(10);
/// Ids that late marks may name in one recovery; more count as not fitting the answer.
pub const MARKED_IDS_MAX: usize = 2_000;

/// Rows of the registry that one `presence` answer reads; more set `truncated`.
pub const PRESENCE_ROWS_MAX: usize = 20_000;
/// Members listed in one `presence` answer, so that it stays below [`POST_MAX`].
pub const PRESENCE_MEMBERS_MAX: usize = 300;
/// Members of a channel (in a region) that get presence frames.
pub const PRESENCE_AUDIENCE_MAX: usize = 200;

/// Shards of a channel.
pub const SHARDS_MAX: u16 = 64;
/// Records that SQS hands to one invocation without a batch window; also SNS's and SQS's batch.
pub const BATCH_MAX: usize = 10;
/// Bytes of an SQS message and of a whole batch of them.
pub const SQS_BYTES_MAX: usize = KB * KB;
/// Bytes of an SNS message and of a whole batch of them, attributes included.
pub const SNS_BYTES_MAX: usize = 256 * KB;
/// Longest delay of an SQS message.
pub const SQS_DELAY_MAX: Duration = Duration::from_mins(15);

/// Posts in flight in one invocation, but for those that hang: 10,000 a second at 20 ms need 200.
pub const POSTS_IN_FLIGHT_MAX: usize = 256;
/// Posts in flight in one invocation, those that hang among them: each may hold a socket, of which a Lambda has 1,024.
pub const POSTS_UNANSWERED_MAX: usize = 512;
/// Members that one invocation posts to itself unless the operator says otherwise; those beyond go to the `bulk` queue.
///
/// As many as a slice names: more would be a burst of posts outside of `bulk`'s pace.
pub const AUDIENCE_INLINE_DEFAULT: usize = 1_000;
/// The most that an operator may set: 20 s of posting at 1,000 a second.
pub const AUDIENCE_INLINE_MAX: usize = 20_000;
/// Pages of members that one invocation reads at the same time: each is up to DynamoDB's 1 MB, and some 5 MB once read.
pub const PAGES_IN_FLIGHT_MAX: usize = 16;
/// Posts a second that one region may make unless the operator says otherwise: API Gateway's account quota.
pub const POST_RATE_DEFAULT: u32 = 10_000;
/// Connections named in one slice: about 180 bytes each keep it well below [`SQS_BYTES_MAX`].
pub const SLICE_CONNECTIONS_MAX: usize = 1_000;
/// Attempts at a connection before it is closed as slow.
pub const SLICE_ATTEMPTS_MAX: u32 = 8;
/// Connections that one order sends to another region: some 150 bytes each, far below [`SNS_BYTES_MAX`], and no burst
/// of posts beside the live ones.
pub const SHUTDOWN_CONNECTIONS_MAX: usize = 100;
/// Turns that a slice may take through the queue for reasons that are nobody's fault.
pub const SLICE_DEPTH_MAX: u32 = 1_000;
