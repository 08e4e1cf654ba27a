//! Core's gateway over `@connections`.
