//! The wire face: Kafka's protocol on a loopback port.
//!
//!     socket ─► frame ─► shape ─► codec ─► handler ─► Cluster (one lock) ─► Model
//!                                             ▲             │ touched partitions, answers
//!                                             └── waiters ◄─┘
//!
//! One task a connection, one request at a time, answers in order, as Kafka does. Nothing waits while it holds the lock:
//! a fetch that finds too little registers what it wants to hear of and sleeps; joins and syncs leave a ticket. Bytes
//! that are no request close their own connection and nothing else.

mod admin;
mod apis;
mod cluster;
mod fetch;
mod frame;
mod groups;
mod metadata;
mod offsets;
mod produce;
mod server;
mod shape;
mod transactions;

pub(crate) use self::{
    cluster::{Cluster, now_ms},
    server::serve,
};
