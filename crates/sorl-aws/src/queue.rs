//! Core's queue over SQS: `bulk` and the dead letters of the own region.
