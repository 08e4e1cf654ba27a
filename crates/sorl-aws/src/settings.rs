//! What the template tells a Lambda through its environment.
