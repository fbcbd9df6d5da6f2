//! One file a stage, each readable from top to bottom with its flow drawn at the top.

pub mod disrupt;
pub mod entitle;
pub mod expose;
pub mod identify;
pub mod index;
pub mod notify;
pub mod reach;
pub mod reconcile;
pub mod recover;
pub mod rotate;
pub mod total;
