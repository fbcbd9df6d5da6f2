//! Prometheus metrics of the process. Names are part of the contract with the alert rules under `deploy/`.

use std::collections::BTreeMap;

use prometheus::{Encoder, GaugeVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use slipstream_streams::status::{Phase, ShardStatus};

/// Every metric, registered once.
pub(crate) struct Metrics {
    registry: Registry,
    /// Records taken, by stage.
    pub(crate) records: IntCounterVec,
    /// Records read and not yet processed, by stage.
    pub(crate) waiting: IntGaugeVec,
    /// Late records, by stage.
    pub(crate) late: IntCounterVec,
    /// Dead letters, by stage.
    pub(crate) dead: IntCounterVec,
    /// Records that said nothing new, by stage.
    pub(crate) repeated: IntCounterVec,
    /// Records handed in again from the dead-letter queue, by stage.
    pub(crate) redelivered: IntCounterVec,
    /// Median of the latest commits, seconds, by unit.
    pub(crate) commit: GaugeVec,
    /// Rows still to restore, by unit.
    pub(crate) restore: IntGaugeVec,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        Self {
            records: counter(&registry, "slipstream_records_total", "Records taken", "stage"),
            waiting: gauge(&registry, "slipstream_waiting_records", "Records read and not yet processed", "stage"),
            late: counter(
                &registry,
                "slipstream_late_records_total",
                "Records that came after their window or leg was closed",
                "stage",
            ),
            dead: counter(&registry, "slipstream_dead_letters_total", "Records refused", "stage"),
            repeated: counter(&registry, "slipstream_repeated_records_total", "Records that said nothing new", "stage"),
            redelivered: counter(&registry, "slipstream_redelivered_records_total", "Dead letters handed in again", "stage"),
            commit: seconds(&registry, "slipstream_commit_seconds", "Median duration of the latest transaction commits", "unit"),
            restore: gauge(&registry, "slipstream_restore_rows", "Changelog rows still to restore", "unit"),
            registry,
        }
    }
}

impl Metrics {
    /// Takes over what a shard says of itself.
    pub(crate) fn report(&self, shard: &ShardStatus) {
        let mut stages: BTreeMap<&str, [u64; 6]> = BTreeMap::new();
        for task in &shard.tasks {
            let sums = stages.entry(task.stage).or_default();
            sums[0] += task.counts.records;
            sums[1] += task.counts.late;
            sums[2] += task.counts.refused.values().sum::<u64>();
            sums[3] += task.counts.redelivered;
            sums[4] += task.counts.repeated;
            sums[5] += task.waiting as u64;
        }
        for (stage, [records, late, dead, redelivered, repeated, waiting]) in stages {
            raise(&self.records.with_label_values(&[stage]), records);
            raise(&self.late.with_label_values(&[stage]), late);
            raise(&self.dead.with_label_values(&[stage]), dead);
            raise(&self.repeated.with_label_values(&[stage]), repeated);
            raise(&self.redelivered.with_label_values(&[stage]), redelivered);
            self.waiting.with_label_values(&[stage]).set(i64::try_from(waiting).unwrap_or(i64::MAX));
        }
        self.commit.with_label_values(&[&shard.unit]).set(shard.commit_time(0.5).as_secs_f64());
        let left = match shard.phase {
            Phase::Restoring { done, total } => total.saturating_sub(done),
            Phase::Joining | Phase::Running | Phase::Waiting(_) | Phase::Stopped | Phase::Failed(_) => 0,
        };
        self.restore.with_label_values(&[&shard.unit]).set(i64::try_from(left).unwrap_or(i64::MAX));
    }

    /// Everything in the text format, with the process metrics.
    ///
    /// # Errors
    /// Encoding fails.
    pub(crate) fn text(&self) -> Result<String, String> {
        let mut families = self.registry.gather();
        families.extend(prometheus::gather());
        let mut bytes = Vec::new();
        TextEncoder::new().encode(&families, &mut bytes).map_err(|e| e.to_string())?;
        String::from_utf8(bytes).map_err(|e| e.to_string())
    }
}

/// A task that moved away and came back counts from zero again; the metric only ever rises.
fn raise(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}

/// Metrics are made once, with constant names: a clash is a bug that the test of this module finds.
macro_rules! registered {
    ($name:ident, $type:ty) => {
        fn $name(registry: &Registry, name: &str, help: &str, label: &str) -> $type {
            let metric = <$type>::new(Opts::new(name, help), &[label]).expect("constant name");
            registry.register(Box::new(metric.clone())).expect("registered once");
            metric
        }
    };
}

registered!(counter, IntCounterVec);
registered!(gauge, IntGaugeVec);
registered!(seconds, GaugeVec);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shows_what_was_counted() {
        let metrics = Metrics::default();
        metrics.records.with_label_values(&["rotate"]).inc_by(3);
        assert!(metrics.text().unwrap().contains("slipstream_records_total{stage=\"rotate\"} 3"));
    }
}
