//! How one value is made of what several sources say: the rules, without any state.
//!
//! ```text
//! candidates of one field ─► the fresh ones ─► mode of the field ─► verdict: a value and why, or review
//!                                    PRIORITY   data/sources.csv
//!                                    AUTOMATIC  the field's own rule; significant differences go to review
//!                                    MANUAL     review
//!                                    LEARNED    the trust table, then PRIORITY
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`field`] | the fields that are weighed, and their values |
//! | [`sources`] | priority and class of each source |
//! | [`rules`] | the modes, and the verdict |
//! | [`trust`] | the learned table: how often each source was right |
//! | [`learn`] | makes that table from closed days |
//!
//! Who has said what, and what became of it, is kept by `reconcile`. Nothing here reads a clock or a file.

pub mod field;
pub mod learn;
pub mod rules;
pub mod sources;
pub mod trust;
