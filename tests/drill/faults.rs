//! What happens to the processes, the nodes and the links between them, and when it passes.
//!
//!     dice ─► strike ─► something is down ─► mended when its time has come ─► all mended
//!
//! Several things may be down at a time. One node at a time: with two down nobody can write, which proves nothing.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::cluster::{NODES, Three, signal};
use crate::support::{Running, scratch, text};

/// Longer than a member's session (6 s), sometimes longer than a transaction may live (10 s).
const STILL_MS: (u64, u64) = (6_500, 13_000);
/// A dead process is back at once, or so late that others have its work.
const DEAD_MS: [u64; 4] = [0, 0, 500, 8_000];
/// A node is gone for a moment or for long.
const NODE_DOWN_MS: (u64, u64) = (0, 4_000);
/// A link is cut for less than a session, or for more.
const CUT_MS: (u64, u64) = (1_000, 12_000);
/// A disk is full for so long.
const FULL_MS: (u64, u64) = (1_000, 6_000);
/// Between two things.
const GAP_MS: (u64, u64) = (250, 1_250);
/// Mean of that.
pub(crate) const GAP_MEAN_MS: u64 = 750;
/// A process that was asked to end has ended by then, whatever else is going on.
const LEAVE: Duration = Duration::from_secs(120);
/// How a process ends that cannot reach its cluster.
const UNREACHABLE: i32 = 3;
/// When it is started again.
const SUPERVISED: Duration = Duration::from_secs(1);
/// How often somebody looks whether something is due.
const LOOK: Duration = Duration::from_millis(20);

/// Names of what may happen, as often as it stands here.
const KINDS: [&str; 16] = [
    "kill -9",
    "kill -9",
    "kill -9",
    "kill -9",
    "kill -9",
    "SIGTERM",
    "SIGTERM",
    "SIGSTOP",
    "SIGSTOP",
    "node killed",
    "link held",
    "link held",
    "link broken",
    "link broken",
    "disk full",
    "disk full",
];

/// A process with its state directory, which it keeps over its deaths.
struct Worker {
    state: tempfile::TempDir,
    log: PathBuf,
    process: Option<Running>,
    /// What it had said when it was started last, in bytes.
    said_before: u64,
    asked_to_end: Option<Instant>,
}

/// What has to be done when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mend {
    Start(usize),
    Wake(usize),
    Empty(usize),
    StartNode(usize),
    Pass(usize, usize),
    StartLink(usize, usize),
}

/// A world's processes, each on a link of its own, while things happen.
pub(crate) struct Field<'a> {
    three: &'a Three,
    world: String,
    order: &'a str,
    workers: Vec<Worker>,
    mends: Vec<(Instant, Mend)>,
    dice: u64,
    /// Times that a process could not reach the cluster when it began, and was started again.
    pub(crate) unreachable: u64,
}

impl<'a> Field<'a> {
    /// Starts the processes.
    pub(crate) fn start(three: &'a Three, world: &str, order: &'a str, workers: usize, seed: u64) -> Self {
        let mut field =
            Self { three, world: world.to_owned(), order, workers: Vec::new(), mends: Vec::new(), dice: seed, unreachable: 0 };
        let logs = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("drill").join(world);
        std::fs::create_dir_all(&logs).unwrap();
        for number in 0..workers {
            let log = logs.join(format!("worker-{number}.log"));
            field.workers.push(Worker { state: scratch(), log, process: None, said_before: 0, asked_to_end: None });
            field.launch(number);
        }
        field
    }

    /// Starts a process. A write beyond the limit that a full disk sets must fail and not end it, hence the ignored signal;
    /// what it says goes through a pipe, which knows no limit.
    fn launch(&mut self, number: usize) {
        let worker = &self.workers[number];
        let run = self.three.command(number, &self.world, &["run", "--order", self.order, "--state", &text(worker.state.path())]);
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(run.get_program()).args(run.get_args());
        command
            .env("NO_COLOR", "1")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        for (name, value) in run.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command.spawn().unwrap();
        let mut said = child.stderr.take().unwrap();
        let mut log = File::options().append(true).create(true).open(&worker.log).unwrap();
        let said_before = log.metadata().unwrap().len();
        std::thread::spawn(move || std::io::copy(&mut said, &mut log));
        let worker = &mut self.workers[number];
        worker.said_before = said_before;
        worker.asked_to_end = None;
        worker.process = Some(Running(child));
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % limit
    }

    fn one_of(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap()
    }

    fn between(&mut self, (least, most): (u64, u64)) -> Duration {
        Duration::from_millis(least + self.below(most - least))
    }

    /// Lets the time between two things pass, then something happens. Returns its kind and to whom.
    pub(crate) fn next(&mut self) -> (&'static str, String) {
        let gap = self.between(GAP_MS);
        self.pass(gap);
        loop {
            let kind = KINDS[self.one_of(KINDS.len())];
            if let Some(whom) = self.strike(kind) {
                return (kind, whom);
            }
            self.pass(LOOK);
        }
    }

    /// Lets time pass, and mends what is due.
    fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            self.look(false);
            if Instant::now() >= until {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Mends what is due, or all; starts again who has ended when asked to.
    fn look(&mut self, all: bool) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.mends).into_iter().partition(|(at, _)| all || *at <= now);
        self.mends = later;
        due.into_iter().for_each(|(_, mend)| self.mend(mend));
        for number in 0..self.workers.len() {
            self.look_at(number);
        }
    }

    fn look_at(&mut self, number: usize) {
        let worker = &mut self.workers[number];
        let Some(ended) = worker.process.as_mut().map(|process| process.0.try_wait().unwrap()) else { return };
        match (ended, worker.asked_to_end) {
            (Some(status), Some(_)) if status.success() => self.launch(number),
            // The cluster could not be reached when it began: whoever supervises it tries again.
            (Some(status), _) if status.code() == Some(UNREACHABLE) => {
                worker.process = None;
                self.unreachable += 1;
                self.later(SUPERVISED, Mend::Start(number));
            }
            (Some(status), asked) => {
                panic!("{}: worker {number} gave up ({status}, asked: {asked:?}): {}", self.world, self.last_words(number))
            }
            (None, Some(since)) => {
                assert!(since.elapsed() < LEAVE, "{}: worker {number} does not end: {}", self.world, self.last_words(number));
            }
            (None, None) => {}
        }
    }

    /// The end of what a process has said.
    fn last_words(&self, number: usize) -> String {
        let said = std::fs::read_to_string(&self.workers[number].log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn mend(&mut self, mend: Mend) {
        match mend {
            Mend::Start(worker) => self.launch(worker),
            Mend::Wake(worker) => self.signal("CONT", worker),
            Mend::Empty(worker) => self.limit_files(worker, "unlimited"),
            Mend::StartNode(node) => self.three.start_node(node),
            Mend::Pass(node, link) => self.three.signal_link(node, link, "CONT"),
            Mend::StartLink(node, link) => self.three.start_link(node, link),
        }
    }

    fn later(&mut self, after: Duration, mend: Mend) {
        self.mends.push((Instant::now() + after, mend));
    }

    /// Does it, unless it cannot be done now. Returns to whom.
    fn strike(&mut self, kind: &str) -> Option<String> {
        let worker = self.one_of(self.workers.len());
        let node = self.one_of(NODES);
        match kind {
            "kill -9" => self.kill(worker),
            "SIGTERM" => self.ask_to_end(worker),
            "SIGSTOP" => self.freeze(worker),
            "disk full" => self.fill_disk(worker),
            "node killed" => self.kill_node(node),
            _ => self.cut(kind == "link held", node, worker),
        }
    }

    fn is_well(&self, worker: usize) -> bool {
        let touched = |mend: &Mend| [Mend::Start(worker), Mend::Wake(worker), Mend::Empty(worker)].contains(mend);
        self.workers[worker].asked_to_end.is_none() && !self.mends.iter().any(|(_, mend)| touched(mend))
    }

    fn pid(&self, worker: usize) -> String {
        self.workers[worker].process.as_ref().unwrap().0.id().to_string()
    }

    fn signal(&self, name: &str, worker: usize) {
        signal(name, &self.pid(worker));
    }

    /// Whatever else is the matter with it.
    fn kill(&mut self, worker: usize) -> Option<String> {
        let mut process = self.workers[worker].process.take()?;
        process.0.kill().unwrap();
        process.0.wait().unwrap();
        self.workers[worker].asked_to_end = None;
        self.mends.retain(|(_, mend)| ![Mend::Wake(worker), Mend::Empty(worker)].contains(mend));
        let dead = DEAD_MS[self.one_of(DEAD_MS.len())];
        self.later(Duration::from_millis(dead), Mend::Start(worker));
        Some(format!("worker {worker}, back after {dead} ms"))
    }

    /// Whether it has begun to work since it was started.
    fn runs(&self, worker: usize) -> bool {
        let Worker { log, said_before, .. } = &self.workers[worker];
        let said = std::fs::read(log).unwrap_or_default();
        let since = said.get(usize::try_from(*said_before).unwrap()..).unwrap_or_default();
        String::from_utf8_lossy(since).lines().any(|line| line.starts_with("running "))
    }

    fn ask_to_end(&mut self, worker: usize) -> Option<String> {
        if !self.is_well(worker) || !self.runs(worker) {
            return None;
        }
        self.signal("TERM", worker);
        self.workers[worker].asked_to_end = Some(Instant::now());
        Some(format!("worker {worker}"))
    }

    fn freeze(&mut self, worker: usize) -> Option<String> {
        if !self.is_well(worker) {
            return None;
        }
        let still = self.between(STILL_MS);
        self.signal("STOP", worker);
        self.later(still, Mend::Wake(worker));
        Some(format!("worker {worker}, {} ms", still.as_millis()))
    }

    fn fill_disk(&mut self, worker: usize) -> Option<String> {
        if !self.is_well(worker) {
            return None;
        }
        let full = self.between(FULL_MS);
        self.limit_files(worker, "0");
        self.later(full, Mend::Empty(worker));
        Some(format!("worker {worker}, {} ms", full.as_millis()))
    }

    /// No file of the process grows beyond this: what a full disk is to it, without having to fill one.
    fn limit_files(&self, worker: usize, bytes: &str) {
        let limit = format!("--fsize={bytes}:unlimited");
        let done = Command::new("prlimit").args(["--pid", &self.pid(worker), &limit]).status().unwrap();
        assert!(done.success(), "prlimit {limit}");
    }

    fn kill_node(&mut self, node: usize) -> Option<String> {
        let is_down = self.mends.iter().any(|(_, mend)| matches!(mend, Mend::StartNode(_)));
        if is_down || !(0..NODES).all(|node| self.three.serves(node)) {
            return None;
        }
        let down = self.between(NODE_DOWN_MS);
        self.three.kill_node(node);
        self.later(down, Mend::StartNode(node));
        Some(format!("node {node}, {} ms", down.as_millis()))
    }

    fn cut(&mut self, held: bool, node: usize, link: usize) -> Option<String> {
        let (pass, start) = (Mend::Pass(node, link), Mend::StartLink(node, link));
        if self.mends.iter().any(|(_, mend)| *mend == pass || *mend == start) {
            return None;
        }
        let cut = self.between(CUT_MS);
        self.three.signal_link(node, link, if held { "STOP" } else { "KILL" });
        self.later(cut, if held { pass } else { start });
        Some(format!("worker {link} from node {node}, {} ms", cut.as_millis()))
    }

    /// Mends everything.
    pub(crate) fn mend_all(&mut self) {
        self.look(true);
    }

    /// None of them may have given up, whatever happened. Returns what they say now.
    pub(crate) fn check(&mut self) -> String {
        self.look(false);
        (0..self.workers.len()).map(|number| format!("worker {number}: {}\n", self.last_words(number))).collect()
    }
}
