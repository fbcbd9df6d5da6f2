//! Prometheus metrics of the process. Names are part of the contract with the alert rules under `deploy/`.
//!
//!     what the shards say ─► difference to what each task said before ─► counters, by stage
//!                        ├─► what stands now ─► gauges, by unit, stage or partition
//!                        └─► errors met, as providers and the projection have them too ─► one counter, by component and class
//!
//! Keeps what each task last said. One that moved away and came back counts from zero again: a counter never falls.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use prometheus::{Encoder, GaugeVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use slipstream_streams::errors::{ErrorClass, ErrorCounts};
use slipstream_streams::status::{Phase, ShardStatus, TaskStatus};
use slipstream_streams::task::Counts;

/// What a question for a leg is answered with: kept and still fresh, fetched for it, kept and marked stale, that nobody knows the
/// leg, that nobody answered.
pub(crate) const ANSWERS: [&str; 5] = ["kept", "fetched", "stale", "unknown", "nobody"];
/// Labels of an error.
const ERROR_LABELS: [&str; 3] = ["component", "class", "severity"];
/// Where a shard stands, as a label.
const PHASES: [&str; 6] = ["joining", "restoring", "running", "waiting", "stopped", "failed"];

/// Every metric, registered once.
pub(crate) struct Metrics {
    registry: Registry,
    records: IntCounterVec,
    late: IntCounterVec,
    dead: IntCounterVec,
    repeated: IntCounterVec,
    redelivered: IntCounterVec,
    commits: IntCounterVec,
    aborts: IntCounterVec,
    waiting: IntGaugeVec,
    lag: IntGaugeVec,
    commit: GaugeVec,
    restore: IntGaugeVec,
    shards: IntGaugeVec,
    webhooks: IntCounterVec,
    answers: IntCounterVec,
    errors: IntCounterVec,
    said: Mutex<Said>,
}

/// What was last said: by each task, by each shard of its transactions (committed, aborted), and by each component of its errors.
#[derive(Default)]
struct Said {
    tasks: BTreeMap<(&'static str, i32), Counts>,
    shards: BTreeMap<(String, usize), (u64, u64, ErrorCounts)>,
    components: BTreeMap<String, ErrorCounts>,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        let counter = |name, help, label| counter(&registry, name, help, &[label]);
        let gauge = |name, help, labels: &[&str]| gauge(&registry, name, help, labels);
        Self {
            records: counter("slipstream_records_total", "Records taken", "stage"),
            late: counter("slipstream_late_records_total", "Records that came after their window or leg was closed", "stage"),
            dead: counter("slipstream_dead_letters_total", "Records refused", "stage"),
            repeated: counter("slipstream_repeated_records_total", "Records that said nothing new", "stage"),
            redelivered: counter("slipstream_redelivered_records_total", "Dead letters handed in again", "stage"),
            commits: counter("slipstream_commits_total", "Transactions committed", "unit"),
            aborts: counter("slipstream_aborts_total", "Transactions aborted", "unit"),
            waiting: gauge("slipstream_waiting_records", "Records read and not yet processed", &["stage"]),
            lag: gauge(
                "slipstream_lag_records",
                "Offsets of its inputs that a task has not read",
                &["unit", "stage", "partition"],
            ),
            commit: seconds(
                &registry,
                "slipstream_commit_seconds",
                "Median duration of the latest transaction commits",
                &["unit"],
            ),
            restore: gauge("slipstream_restore_rows", "Changelog rows still to restore", &["unit"]),
            shards: gauge("slipstream_shards", "Shards of this process, by where they stand", &["unit", "phase"]),
            webhooks: self::counter(&registry, "slipstream_webhook_posts_total", "Posts answered", &["gate", "status"]),
            answers: begun(counter("slipstream_flight_answers_total", "Questions for a leg, by what the answer was", "answer")),
            errors: self::counter(&registry, "slipstream_errors_total", "Errors met, by where and what kind", &ERROR_LABELS),
            said: Mutex::default(),
            registry,
        }
    }
}

impl Metrics {
    /// Counts a post by its gate and the status of its answer.
    pub(crate) fn webhook(&self, gate: &str, status: u16) {
        self.webhooks.with_label_values(&[gate, &status.to_string()]).inc();
    }

    /// Counts a question for a leg by what was answered, one of [`ANSWERS`].
    pub(crate) fn answered(&self, answer: &'static str) {
        self.answers.with_label_values(&[answer]).inc();
    }

    /// Takes over all errors that a component says it has met by now.
    pub(crate) fn met(&self, component: &str, all: ErrorCounts) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let before = said.components.insert(component.to_owned(), all).unwrap_or_default();
        self.rose(component, all.since(before));
    }

    /// Counts errors of a component. Every class begins at zero: what is missing cannot be seen to rise the first time.
    fn rose(&self, component: &str, by: ErrorCounts) {
        for class in ErrorClass::ALL {
            self.errors.with_label_values(&[component, class.name(), class.severity().name()]).inc_by(by.of(class));
        }
    }

    /// Takes over what the shards of this process say of themselves.
    pub(crate) fn report(&self, shards: &[ShardStatus]) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.reset();
        self.lag.reset();
        let mut before = std::mem::take(&mut said.tasks);
        for (unit, task) in shards.iter().flat_map(|shard| shard.tasks.iter().map(|task| (&shard.unit, task))) {
            let before = before.remove(&(task.stage, task.partition)).unwrap_or_default();
            self.task(unit, task, if task.counts.records < before.records { Counts::default() } else { before });
            said.tasks.insert((task.stage, task.partition), task.counts.clone());
        }
        self.restore.reset();
        self.shards.reset();
        for shard in shards {
            PHASES.iter().for_each(|phase| self.shards.with_label_values(&[shard.unit.as_str(), phase]).add(0));
            self.shards.with_label_values(&[shard.unit.as_str(), name(&shard.phase)]).inc();
            let now = (shard.commits, shard.aborts, shard.errors);
            let before = said.shards.insert((shard.unit.clone(), shard.shard), now).unwrap_or_default();
            self.commits.with_label_values(&[&shard.unit]).inc_by(now.0.saturating_sub(before.0));
            self.aborts.with_label_values(&[&shard.unit]).inc_by(now.1.saturating_sub(before.1));
            self.rose(&format!("unit:{}", shard.unit), now.2.since(before.2));
            self.restore.with_label_values(&[&shard.unit]).add(gauged(rows_left(&shard.phase)));
            self.commit.with_label_values(&[&shard.unit]).set(shard.commit_time(0.5).as_secs_f64());
        }
    }

    /// What a task did since `before`, and where it stands.
    fn task(&self, unit: &str, task: &TaskStatus, before: Counts) {
        let (stage, now) = ([task.stage], &task.counts);
        let refused = |counts: &Counts| counts.refused.values().sum::<u64>();
        let rises = [
            (&self.records, now.records, before.records),
            (&self.late, now.late, before.late),
            (&self.dead, refused(now), refused(&before)),
            (&self.repeated, now.repeated, before.repeated),
            (&self.redelivered, now.redelivered, before.redelivered),
        ];
        for (counter, now, before) in rises {
            counter.with_label_values(&stage).inc_by(now.saturating_sub(before));
        }
        self.rose(&format!("stage:{}", task.stage), now.errors.since(before.errors));
        self.waiting.with_label_values(&stage).add(gauged(task.waiting as u64));
        self.lag.with_label_values(&[unit, task.stage, &task.partition.to_string()]).set(gauged(task.lag));
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

/// A counter with every kind of answer at zero: what is missing cannot be seen to rise the first time.
fn begun(answers: IntCounterVec) -> IntCounterVec {
    ANSWERS.iter().for_each(|answer| answers.with_label_values(&[answer]).inc_by(0));
    answers
}

fn name(phase: &Phase) -> &'static str {
    match phase {
        Phase::Joining => "joining",
        Phase::Restoring { .. } => "restoring",
        Phase::Running => "running",
        Phase::Waiting(_) => "waiting",
        Phase::Stopped => "stopped",
        Phase::Failed(_) => "failed",
    }
}

fn gauged(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn rows_left(phase: &Phase) -> u64 {
    match phase {
        Phase::Restoring { done, total } => total.saturating_sub(*done),
        Phase::Joining | Phase::Running | Phase::Waiting(_) | Phase::Stopped | Phase::Failed(_) => 0,
    }
}

/// Metrics are made once, with constant names: a clash is a bug that the test of this module finds.
macro_rules! registered {
    ($name:ident, $type:ty) => {
        fn $name(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> $type {
            let metric = <$type>::new(Opts::new(name, help), labels).expect("constant name");
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

    fn shard(number: usize, partition: i32, records: u64) -> ShardStatus {
        let counts = Counts { records, ..Counts::default() };
        let task = TaskStatus { stage: "rotate", partition, counts, waiting: 2, lag: 5, promised: None };
        let mut status = ShardStatus::default();
        (status.unit, status.shard) = ("flights".to_owned(), number);
        (status.tasks, status.commits) = (vec![task], records / 2);
        status
    }

    fn line(metrics: &Metrics, name: &str) -> Option<String> {
        let text = metrics.text().unwrap();
        text.lines().find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
    }

    #[test]
    fn a_stage_counts_over_all_its_tasks_and_never_falls() {
        let metrics = Metrics::default();
        let taken = || line(&metrics, "slipstream_records_total{stage=\"rotate\"}");
        metrics.report(&[shard(0, 0, 10), shard(1, 1, 4)]);
        assert_eq!(taken().as_deref(), Some("14"));
        metrics.report(&[shard(0, 0, 12), shard(1, 1, 4)]);
        assert_eq!(taken().as_deref(), Some("16"));
        // Partition 1 went to another process, and comes back with a task made anew.
        metrics.report(&[shard(0, 0, 12)]);
        assert_eq!(
            line(&metrics, "slipstream_lag_records{partition=\"1\",stage=\"rotate\",unit=\"flights\"}"),
            None,
            "no longer ours"
        );
        metrics.report(&[shard(0, 0, 12), shard(1, 1, 6)]);
        assert_eq!(taken().as_deref(), Some("22"));
        assert_eq!(line(&metrics, "slipstream_waiting_records{stage=\"rotate\"}").as_deref(), Some("4"));
        assert_eq!(
            line(&metrics, "slipstream_lag_records{partition=\"0\",stage=\"rotate\",unit=\"flights\"}").as_deref(),
            Some("5")
        );
        assert_eq!(line(&metrics, "slipstream_commits_total{unit=\"flights\"}").as_deref(), Some("9"));
        let of_phase = |phase: &str| line(&metrics, &format!("slipstream_shards{{phase=\"{phase}\",unit=\"flights\"}}"));
        assert_eq!((of_phase("joining").as_deref(), of_phase("failed").as_deref()), (Some("2"), Some("0")));
    }

    #[test]
    fn errors_are_counted_by_component_and_class_from_zero_on() {
        let metrics = Metrics::default();
        let errors = |component: &str, class: ErrorClass| {
            let severity = class.severity().name();
            let name = format!("slipstream_errors_total{{class=\"{class}\",component=\"{component}\",severity=\"{severity}\"}}");
            line(&metrics, &name)
        };
        let mut of_task = shard(0, 0, 10);
        of_task.tasks[0].counts.errors.note(ErrorClass::Validation);
        of_task.errors.note(ErrorClass::Network);
        metrics.report(&[of_task.clone(), shard(1, 1, 4)]);
        of_task.errors.note(ErrorClass::Network);
        metrics.report(&[of_task, shard(1, 1, 4)]);
        assert_eq!(errors("stage:rotate", ErrorClass::Validation).as_deref(), Some("1"));
        assert_eq!(errors("unit:flights", ErrorClass::Network).as_deref(), Some("2"));
        let mut all = ErrorCounts::default();
        for times in 0..3 {
            metrics.met("provider:x", all);
            assert_eq!(errors("provider:x", ErrorClass::Auth), Some(times.to_string()));
            all.note(ErrorClass::Auth);
        }
        for class in ErrorClass::ALL {
            assert!(errors("provider:x", class).is_some() && errors("unit:flights", class).is_some(), "{class}");
        }
    }
}
