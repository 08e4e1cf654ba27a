//! Core's registry over DynamoDB: the connections table.
