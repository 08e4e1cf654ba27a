//! `authorize`: a token becomes a principal, whom every later call of the connection speaks for.
//!
//! Not the place for blocks: those are rows of the registry, which the authorizer cannot read (`connect`).

mod mint;
mod token;

use serde::{Deserialize, Serialize};

pub use mint::{Unsigned, Wanted, sign};
pub use token::{VerifyKey, jwks};

use crate::config::Site;
use crate::grants::Grants;
use crate::ids::ConnectionId;
use crate::names::UserName;
use crate::ports::{Clock, Keys, Unavailable};
use crate::protocol::{SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX};
use crate::region::Region;
use crate::time::Timestamp;

/// Characters of a refused origin that are shown: longer ones are no browser's.
const ORIGIN_SHOWN_MAX: usize = 256;

/// Who a token speaks for, and until when. API Gateway carries it along with every call of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The token's `sub`.
    pub user: UserName,
    /// The token's claim `sorl`; without it the namespaces' default grants hold.
    pub grants: Option<Grants>,
    /// The token's `exp`.
    pub expires_at: Timestamp,
}

/// A connection and whom it speaks for: what every handler of the WebSocket API is told.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Which connection.
    pub connection: ConnectionId,
    /// Where its gateway is.
    pub region: Region,
    /// When it was opened.
    pub connected_at: Timestamp,
    /// Whom it speaks for.
    pub principal: Principal,
}

impl Caller {
    /// From when on the connection receives nothing: the token's expiry, or the connection's longest life.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.principal.expires_at.min(self.connected_at.plus(crate::limits::CONNECTION_AGE_MAX))
    }
}

/// Why there is no principal.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// No token or a bad one: 401. The reason is for the log; a token never is.
    #[error("unauthorized: {0}")]
    Unauthorized(&'static str),
    /// A page of an origin that is not in the configuration's list: 401, whatever its token. For the log.
    #[error("unauthorized: a page of {0:?} may not connect")]
    ForeignOrigin(String),
    /// The keys cannot be had: 5xx.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What of a handshake may carry the token, in the order in which it is looked for; and which page began it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Handshake<'a> {
    /// `Sec-WebSocket-Protocol`, as it came: a list separated by commas.
    pub subprotocols: Option<&'a str>,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// The query's `token`, decoded.
    pub query_token: Option<&'a str>,
    /// `Origin`, which a browser always sends and no page can change; several are one that is in no list.
    pub origin: Option<&'a str>,
}

impl<'a> Handshake<'a> {
    /// The token: the first found counts, even if a later one would be better.
    #[must_use]
    pub fn token(&self) -> Option<&'a str> {
        self.offered()
            .find_map(|offer| offer.strip_prefix(TOKEN_SUBPROTOCOL_PREFIX))
            .or_else(|| self.authorization.and_then(bearer))
            .or(self.query_token)
    }

    /// Whether the client offers the protocol that Sorl speaks, so that the server must select it.
    #[must_use]
    pub fn offers_sorl(&self) -> bool {
        self.offered().any(|offer| offer == SUBPROTOCOL)
    }

    fn offered(&self) -> impl Iterator<Item = &'a str> {
        self.subprotocols.unwrap_or_default().split(',').map(str::trim)
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Verifies the handshake's origin and its token. A foreign page is refused first, before any key is asked for.
///
/// # Errors
/// [`AuthorizeError::Unauthorized`] and [`AuthorizeError::ForeignOrigin`] for what is the client's fault,
/// [`AuthorizeError::Unavailable`] if the keys cannot be had.
pub async fn authorize(
    handshake: &Handshake<'_>,
    keys: &dyn Keys,
    clock: &dyn Clock,
    site: &Site,
) -> Result<Principal, AuthorizeError> {
    if let Some(origin) = handshake.origin.filter(|origin| !site.config.auth.admits(origin)) {
        return Err(AuthorizeError::ForeignOrigin(origin.chars().take(ORIGIN_SHOWN_MAX).collect()));
    }
    let token = handshake.token().ok_or(AuthorizeError::Unauthorized("no token"))?;
    token::verify(token, keys, clock.now(), &site.config.auth).await
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod handshake_tests {
    use super::*;

    #[test]
    fn the_first_token_found_counts() {
        let all = Handshake {
            subprotocols: Some("sorl.v1, sorl.token.A"),
            authorization: Some("Bearer B"),
            query_token: Some("C"),
            origin: None,
        };
        assert_eq!(all.token(), Some("A"));
        assert_eq!(Handshake { subprotocols: Some("sorl.v1"), ..all }.token(), Some("B"));
        assert_eq!(
            Handshake { subprotocols: None, authorization: Some("Basic x"), ..all }.token(),
            Some("C")
        );
        assert_eq!(Handshake::default().token(), None);
    }

    #[test]
    fn sorl_is_selected_only_where_it_is_offered() {
        let offers = |list| Handshake { subprotocols: Some(list), ..Handshake::default() }.offers_sorl();
        assert!(offers("chat,sorl.v1 , sorl.token.x"));
        assert!(!offers("sorl.token.x") && !offers("sorl.v11"));
    }
}
