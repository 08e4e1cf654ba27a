//! Every rule of the session, played both ways against a service that says what each test needs.

mod handover;
mod harness;
mod lasting;
mod leaving;
mod recovering;
mod requests;
mod resuming;
