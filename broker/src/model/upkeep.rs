//! What time alone makes the model do with its logs.

use super::Model;

impl Model {
    /// Retention, cleaning, memory.
    pub(super) fn upkeep(&mut self) {}
}
