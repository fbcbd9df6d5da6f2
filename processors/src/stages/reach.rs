//! Placeholder of the stage `reach` until its engineer writes it.

use slipstream_streams::processor::{Cx, Poison, Processor};
use slipstream_streams::record::Record;

/// The stage.
#[derive(Debug, Default)]
pub struct Reach;

impl Processor for Reach {
    fn process(&mut self, _cx: &mut Cx<'_>, _record: &Record) -> Result<(), Poison> {
        Ok(())
    }
}
