//! The SDK's clients: built once a cold start, their time-outs and retries set on purpose.
