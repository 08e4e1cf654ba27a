//! Lambda's events as core's types, and core's answers as Lambda's.
