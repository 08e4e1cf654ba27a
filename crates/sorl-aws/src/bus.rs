//! Core's bus over SNS: the `relay` topic of the own region.
