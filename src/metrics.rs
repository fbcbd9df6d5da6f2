//! Prometheus metrics of the process. Names are part of the contract with the alert rules under `deploy/`.

use prometheus::{Encoder, GaugeVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

/// Every metric, registered once.
pub struct Metrics {
    registry: Registry,
    /// Records taken, by stage.
    pub records: IntCounterVec,
    /// Records behind the end of the inputs, by stage.
    pub lag: IntGaugeVec,
    /// Late records, by stage.
    pub late: IntCounterVec,
    /// Dead letters, by stage.
    pub dead: IntCounterVec,
    /// Last commit, seconds, by unit.
    pub commit: GaugeVec,
    /// Rows still to restore, by unit.
    pub restore: IntGaugeVec,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        Self {
            records: counter(&registry, "slipstream_records_total", "Records taken", "stage"),
            lag: gauge(&registry, "slipstream_lag_records", "Records behind the end of the inputs", "stage"),
            late: counter(&registry, "slipstream_late_records_total", "Records that came after their window or leg was closed", "stage"),
            dead: counter(&registry, "slipstream_dead_letters_total", "Records refused", "stage"),
            commit: seconds(&registry, "slipstream_commit_seconds", "Duration of the last transaction commit", "unit"),
            restore: gauge(&registry, "slipstream_restore_rows", "Changelog rows still to restore", "unit"),
            registry,
        }
    }
}

impl Metrics {
    /// Everything in the text format, with the process metrics.
    ///
    /// # Errors
    /// Encoding fails.
    pub fn text(&self) -> Result<String, String> {
        let mut families = self.registry.gather();
        families.extend(prometheus::gather());
        let mut bytes = Vec::new();
        TextEncoder::new().encode(&families, &mut bytes).map_err(|e| e.to_string())?;
        String::from_utf8(bytes).map_err(|e| e.to_string())
    }
}

/// Metrics are made once, with constant names: a clash is a bug that the test of this module finds.
macro_rules! registered {
    ($name:ident, $type:ty) => {
        #[expect(clippy::expect_used, reason = "constant names, checked by a test")]
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
