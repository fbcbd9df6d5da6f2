//! What a shard tells of itself: its status now and then, and answers about committed state.

use std::time::Duration;

use crate::active::Active;
use crate::log::{Log, Offsets};
#[cfg(feature = "kafka")]
use crate::query::{ANSWERS_AT_ONCE, Question, Rows};
use crate::shard::{Shard, Stand};
use crate::status::{Phase, ShardStatus, TaskStatus};

/// Time between two looks at the cluster.
const LOOK_GAP: Duration = Duration::from_secs(5);

/// What was asked of the cluster last, for the status.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    /// When it was asked.
    at: Duration,
    /// Where the inputs end.
    ends: Offsets,
    /// Why the cluster cannot be reached; looked at while nothing is owned, because who owns something hears it at a commit.
    away: Option<String>,
}

impl Shard {
    /// Looks up the ends of the inputs now and then, for the status.
    pub(crate) fn measure_lag(&mut self, log: &mut dyn Log, now: Duration) {
        if now >= self.outside.at + LOOK_GAP {
            // The work waits meanwhile: who owned nothing, or a broker that is away, must not keep it from what the group says.
            let ends = log.ends(self.owned());
            let away = if self.owned().is_empty() { log.away() } else { None };
            let met = log.met();
            self.status.set(|status| status.errors.add(met));
            self.outside = Outside { at: now, ends, away };
        }
    }

    fn lag_of(&self, active: &Active) -> u64 {
        let behind = active.positions().map(|(topic, position)| {
            let end = self.outside.ends.get(&self.plan.place(topic, active.partition)).copied().unwrap_or_default();
            u64::try_from(end - position).unwrap_or_default()
        });
        behind.sum()
    }

    /// Brings the status up to date.
    pub(crate) fn report(&mut self, now: Duration) {
        self.last_report = now;
        let phase = match &self.stand {
            Stand::Idle => self.outside.away.clone().map_or(Phase::Joining, Phase::Waiting),
            Stand::Restoring(restore) => restore.phase(),
            Stand::Running => Phase::Running,
        };
        let tasks = self.actives.iter().map(|active| TaskStatus {
            stage: active.stage_of(&self.plan.topology).name,
            partition: active.partition,
            counts: active.task.counts.clone(),
            waiting: active.waiting(),
            lag: self.lag_of(active),
            promised: active.promised(),
        });
        let tasks = tasks.collect();
        self.status.set(|status: &mut ShardStatus| {
            status.phase = phase;
            status.tasks = tasks;
            status.restored = self.restored;
            status.standbys = self.standbys.len();
            status.followed = self.standbys.followed;
            status.rebuilt = self.rebuilt + self.bases.rebuilt();
            status.held = self.held.len();
            status.complete = self.progress.view.complete();
            status.slowest = self.progress.view.slowest();
        });
    }

    /// Answers what is asked of committed state.
    #[cfg(feature = "kafka")]
    pub(crate) fn answer(&self) {
        let questions = self.questions.iter().flat_map(|questions| questions.try_iter().take(ANSWERS_AT_ONCE));
        for question in questions {
            // Whoever asked may be gone.
            let sent = question.reply.try_send(self.rows_of(&question));
            tracing::trace!(answered = sent.is_ok(), "query");
        }
    }

    /// The committed rows of a key, if its task runs here and its base can be believed.
    #[cfg(feature = "kafka")]
    fn rows_of(&self, question: &Question) -> Option<Rows> {
        if !matches!(self.stand, Stand::Running) {
            return None;
        }
        let mut actives = self.actives.iter();
        let active = actives.find(|active| (active.stage, active.partition) == (question.stage, question.partition))?;
        let rows = active.task.state.committed(question.store, &question.key, crate::query::ROWS_MAX);
        active.task.state.fault().is_none().then_some(rows)
    }
}
