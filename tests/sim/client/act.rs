//! What a user can do, as it is told to a client.

use sorl_client::session::Start;
use sorl_core::names::ChannelName;

use crate::users::Badge;

/// What a user does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Wants to be in a channel.
    Enter(ChannelName, Start),
    /// Wants to be there no more.
    Leave(ChannelName),
    /// Sends a message.
    Publish {
        /// Where to.
        channel: ChannelName,
        /// Whether it is tried again, under a key, until it is acknowledged.
        keyed: bool,
        /// Whether it is kept out of the history.
        ephemeral: bool,
    },
    /// Reads the past.
    Read(ChannelName),
    /// Asks who is there.
    LookAround(ChannelName),
    /// Loses the connection.
    Lose(Loss),
    /// Stops or goes on reading what comes.
    SetReading(bool),
    /// Goes elsewhere: the next connection is to another region.
    Move,
    /// Opens the next connection, elsewhere perhaps, before it lets go of the one it has.
    Rotate,
    /// Stays away until told otherwise.
    SetAway(bool),
    /// Uses tokens of another kind from the next connection on.
    Wear(Badge),
    /// Uses tokens of this life, in seconds, from the next connection on.
    Renew(u64),
    /// Wakes up: makes sure that the connection is still there.
    Wake,
    /// Is done for good.
    Quit(Loss),
}

/// How a connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Closed: the gateway knows at once.
    Clean,
    /// The client knows, the gateway only after a while.
    Vanished,
    /// Neither knows.
    Silent,
}
