//! Tests that break the stage on purpose, and mend it: run one by one, after all others.

mod chat;
mod dead_letters;
mod doctor;
mod drain;
mod entrance;
mod kills;
mod logs;
mod outage;
mod privileges;
mod process;
mod queues;
mod redelivery;
mod regions;
mod role;
mod rollout;
mod versions;
