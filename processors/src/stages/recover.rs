//! Placeholder of the stage `recover` until its engineer writes it.

use slipstream_streams::processor::{Cx, Poison, Processor};
use slipstream_streams::record::Record;

/// The stage.
#[derive(Debug, Default)]
pub struct Recover;

impl Processor for Recover {
    fn process(&mut self, _cx: &mut Cx<'_>, _record: &Record) -> Result<(), Poison> {
        Ok(())
    }
}
