//! Core's log over DynamoDB: the messages table of the own region.
