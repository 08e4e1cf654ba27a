//! The keys that tokens are verified with: a secret by reference, or a JWKS.
