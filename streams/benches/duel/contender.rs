//! Who runs: each contender as a process of its own, pinned to one core.
//!
//! Its processor time and peak memory are read from /proc; it is ended by its process id when dropped.

use std::fs::{File, read_to_string};
use std::path::Path;
use std::process::{Child, Command};

use crate::{cluster, setting};

/// Core of the contenders; the broker and this program have the other.
const CORE: &str = "1";
/// Clock ticks of /proc in a second.
const TICKS: f64 = 100.0;

/// One way of doing the work.
#[derive(Clone, Copy)]
pub struct Contender {
    /// As in the report.
    pub name: &'static str,
    kind: Kind,
    /// Further settings from the environment.
    settings: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Ours,
    /// This binary, with another processor than the example's.
    Workload,
    Java,
    Copy,
}

/// Everybody, in the order of the report.
pub const ALL: &[Contender] = &[
    Contender { name: "slipstream", kind: Kind::Ours, settings: &[] },
    Contender { name: "slipstream-disk", kind: Kind::Ours, settings: &[("STORES", "disk")] },
    Contender { name: "kafka-streams", kind: Kind::Java, settings: &[] },
    Contender { name: "kafka-streams-best", kind: Kind::Java, settings: &[("BATCH", "262144")] },
    Contender { name: "kafka-streams-10ms", kind: Kind::Java, settings: &[("COMMIT_MS", "10")] },
    Contender { name: "librdkafka-idempotent", kind: Kind::Copy, settings: &[("KIND", "idempotent")] },
    Contender { name: "librdkafka-transactions", kind: Kind::Copy, settings: &[("KIND", "transactions")] },
    Contender { name: "librdkafka-changelog", kind: Kind::Copy, settings: &[("KIND", "changelog")] },
];

/// Who turns round a field of each record and keeps nothing.
pub const NORMALISE: &[Contender] = &[
    Contender { name: "slipstream", kind: Kind::Workload, settings: &[("KIND", "normalise")] },
    Contender { name: "kafka-streams", kind: Kind::Java, settings: &[("KIND", "normalise")] },
    Contender { name: "kafka-streams-best", kind: Kind::Java, settings: &[("KIND", "normalise"), ("BATCH", "262144")] },
    Contender { name: "librdkafka-transactions", kind: Kind::Copy, settings: &[("KIND", "transactions")] },
];

/// Who counts in hopping windows; librdkafka writes as many records of that size.
pub const HOPPING: &[Contender] = &[
    Contender { name: "slipstream", kind: Kind::Workload, settings: &[("KIND", "hopping")] },
    Contender {
        name: "librdkafka-transactions",
        kind: Kind::Copy,
        settings: &[("KIND", "transactions"), ("COPIES", "3"), ("BYTES", "16")],
    },
];

/// Who joins each record with ten rows of its key; librdkafka writes as many records.
pub const FAN_OUT: &[Contender] = &[
    Contender { name: "slipstream", kind: Kind::Workload, settings: &[("KIND", "fanout")] },
    Contender { name: "librdkafka-transactions", kind: Kind::Copy, settings: &[("KIND", "transactions"), ("COPIES", "10")] },
];

/// The topics and names of one run.
#[derive(Clone)]
pub struct Job {
    pub input: String,
    pub output: String,
    pub group: String,
    pub folder: String,
}

/// A contender at work.
pub struct Running(Child);

impl Contender {
    /// Starts it; what it says goes to a file in the job's folder.
    pub fn start(&self, job: &Job) -> Running {
        let mut command = Command::new("taskset");
        command.args(["-c", CORE]);
        match self.kind {
            Kind::Ours => command.arg(ours()),
            Kind::Workload => command.arg(std::env::current_exe().unwrap()).env("ROLE", "ours"),
            Kind::Copy => command.arg(std::env::current_exe().unwrap()).env("ROLE", "copy"),
            Kind::Java => {
                let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/duel/Aggregate.java");
                command.args(["java", "-Xms512m", "-Xmx512m", "-cp", &format!("{}/*", setting("DUEL_STREAMS_JARS")), source])
            }
        };
        let log = File::create(format!("{}/{}.log", job.folder, self.name)).unwrap();
        command.envs([("BOOTSTRAP", cluster::address()), ("IN", job.input.clone()), ("OUT", job.output.clone())]);
        command.envs([("GROUP", job.group.clone()), ("STATE_DIR", format!("{}/state", job.folder)), ("THREADS", "1".into())]);
        command.envs(self.settings.iter().copied()).stdout(log.try_clone().unwrap()).stderr(log);
        Running(command.spawn().unwrap())
    }

    /// Whether it keeps state and a changelog.
    pub fn is_stateful(&self) -> bool {
        self.kind != Kind::Copy
    }

    /// The topic that it keeps its rows in, if it does.
    pub fn changelog(&self, job: &Job) -> Option<String> {
        let suffix = match self.kind {
            Kind::Java => "totals-changelog",
            Kind::Ours | Kind::Workload | Kind::Copy => "totals.changelog",
        };
        let joint = if self.kind == Kind::Java { "-" } else { "." };
        let kept = match self.kind {
            Kind::Copy => self.settings.contains(&("KIND", "changelog")),
            Kind::Ours | Kind::Workload | Kind::Java => !self.settings.contains(&("KIND", "normalise")),
        };
        kept.then(|| format!("{}{joint}{suffix}", job.group))
    }
}

/// The example, beside this binary's folder.
fn ours() -> String {
    let here = std::env::current_exe().unwrap();
    let example = here.parent().and_then(Path::parent).unwrap().join("examples/aggregate");
    assert!(example.exists(), "first: cargo build --release -p slipstream-streams --example aggregate");
    example.to_str().unwrap().to_owned()
}

/// Processor time of a process so far in seconds.
pub fn cpu_of(process: u32) -> f64 {
    let stat = read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / TICKS
}

impl Running {
    /// Processor time so far in seconds.
    pub fn cpu(&self) -> f64 {
        cpu_of(self.0.id())
    }

    /// Peak resident memory in MiB.
    pub fn peak_memory(&self) -> f64 {
        self.status("VmHWM:")
    }

    /// A line of its status in /proc, in MiB.
    fn status(&self, name: &str) -> f64 {
        let status = read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default() / 1024.0
    }

    /// Resident memory now in MiB.
    pub fn memory(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// Ends it at once, without any chance to tidy up.
    pub fn kill(mut self) {
        self.end();
    }

    /// Fails if it has ended by itself.
    pub fn assert_running(&mut self) {
        assert!(self.0.try_wait().unwrap().is_none(), "a contender has ended; its log says why");
    }

    fn end(&mut self) {
        let ended = self.0.kill().and_then(|()| self.0.wait());
        assert!(ended.is_ok(), "{ended:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.end();
        }
    }
}
