//! What is measured, one function a figure.

use std::time::{Duration, Instant};

use rdkafka::message::Message;

use crate::cluster::{self, Group, Loader, now_ns};
use crate::contender::{self, Contender, Job, Running};
use crate::report::Report;

/// Longest time for one run.
const PATIENCE: Duration = Duration::from_secs(300);
/// Share of the records after which the clock starts: start and warm-up are not what is compared.
const WARM: f64 = 0.25;
/// Records a second for the latency, and for how long they come.
const CALM: u64 = 200;
const CALM_FOR: Duration = Duration::from_secs(30);
/// The first of them are not counted.
const CALM_WARM: u64 = 1_000;
/// How long records come at a share of the maximum, and for how long they are not counted.
const LOADED_FOR: Duration = Duration::from_secs(12);
const LOADED_WARM: Duration = Duration::from_secs(4);
/// The client's shortest wait that is one: below a millisecond it asks again and again, on the core that the broker has.
const MOMENT: Duration = Duration::from_millis(1);
/// Most records written between two looks at what came.
const BURST: u64 = 1_000;

async fn job(contender: &Contender, figure: &str, input: &str, round: u64) -> Job {
    let group = format!("{}-{figure}-{}-{round}", contender.name, std::process::id());
    cluster::make(&[format!("{group}.out")]).await;
    job_in(contender, &group, input).await
}

/// A job whose output is there.
async fn job_in(contender: &Contender, group: &str, input: &str) -> Job {
    let folder = std::env::temp_dir().join(group).to_str().unwrap().to_owned();
    std::fs::create_dir_all(&folder).unwrap();
    let job = Job { input: input.to_owned(), output: format!("{group}.out"), group: group.to_owned(), folder };
    let changelog = contender.changelog(&job).filter(|_| !contender.is_stateful());
    cluster::make(&Vec::from_iter(changelog)).await;
    job
}

async fn clear(job: &Job) {
    cluster::drop_topics(&cluster::topics_of(&job.group)).await;
    std::fs::remove_dir_all(&job.folder).unwrap();
}

/// Waits until a group has committed so many records; when that was.
fn await_committed(group: &Group, wanted: u64, running: &mut Running) -> Instant {
    let begun = Instant::now();
    while group.committed() < wanted {
        running.assert_running();
        assert!(begun.elapsed() < PATIENCE, "{} of {wanted} records in {PATIENCE:?}", group.committed());
        std::thread::sleep(Duration::from_millis(5));
    }
    Instant::now()
}

/// A backlog drained: records a second of wall time, of the application's processor and of the broker's, peak memory, changelog
/// writes. Returns the first of these.
pub async fn throughput(contender: &Contender, input: &str, records: u64, what: &str, round: u64, report: &mut Report) -> f64 {
    let job = job(contender, &format!("throughput-{}", what.replace(' ', "")), input, round).await;
    let group = Group::new(&job.group, input);
    let mut running = contender.start(&job);
    await_committed(&group, (records as f64 * WARM) as u64, &mut running);
    let broker = cluster::process();
    let (from, since, cpu, broker_cpu) = (group.committed(), Instant::now(), running.cpu(), contender::cpu_of(broker));
    let until = await_committed(&group, records, &mut running);
    let done = (records - from) as f64;
    let speed = done / (until - since).as_secs_f64();
    let figure = |name: &str| format!("{name}, {what}");
    report.note(contender.name, &figure("records/s"), round, speed);
    report.note(contender.name, &figure("records/CPU-second"), round, done / (running.cpu() - cpu));
    report.note(
        contender.name,
        &figure("records/CPU-second of the broker"),
        round,
        done / (contender::cpu_of(broker) - broker_cpu),
    );
    report.note(contender.name, &figure("peak MiB"), round, running.peak_memory());
    if let Some(changelog) = contender.changelog(&job) {
        report.note(contender.name, &figure("changelog writes/record"), round, cluster::ends(&changelog) as f64 / records as f64);
    }
    running.kill();
    clear(&job).await;
    speed
}

/// From the intended time of sending to the read of what is committed, at a calm rate.
pub async fn latency(contender: &Contender, round: u64, report: &mut Report) {
    let input = format!("calm-{}-{}-{round}", contender.name, std::process::id());
    cluster::make(std::slice::from_ref(&input)).await;
    let job = job(contender, "latency", &input, round).await;
    let mut loader = Loader::new(1024);
    (0..600).for_each(|key| loader.write(&input, key));
    loader.flush();
    let mut running = contender.start(&job);
    await_committed(&Group::new(&job.group, &input), 600, &mut running);
    let reader = cluster::reader(&job.output);
    let (cpu, begun, begun_ns) = (running.cpu(), Instant::now(), now_ns());
    let (total, gap) = (CALM * CALM_FOR.as_secs(), Duration::from_secs(1) / CALM as u32);
    let (mut sent, mut latencies) = (0, Vec::new());
    while (latencies.len() as u64) < total {
        assert!(begun.elapsed() < PATIENCE, "{} of {total} came", latencies.len());
        if sent < total && begun.elapsed() >= gap * sent as u32 {
            loader.write_as_of(&input, sent, begun_ns + (gap * sent as u32).as_nanos() as u64);
            sent += 1;
        }
        loader.poll(Duration::ZERO);
        while let Some(message) = reader.poll(MOMENT) {
            let message = message.unwrap();
            let stamp = u64::from_be_bytes(*message.payload().unwrap()[16..].first_chunk().unwrap());
            latencies.push(now_ns().saturating_sub(stamp) as f64 / 1e6);
        }
    }
    report.note(contender.name, "CPU %, 200/s", round, 100.0 * (running.cpu() - cpu) / begun.elapsed().as_secs_f64());
    note_percentiles(contender, "200/s", latencies.split_off(CALM_WARM as usize), round, report);
    running.kill();
    clear(&job).await;
    cluster::drop_topics(&[input]).await;
}

fn note_percentiles(contender: &Contender, load: &str, mut latencies: Vec<f64>, round: u64, report: &mut Report) {
    latencies.sort_by(f64::total_cmp);
    for (what, share) in [("p50 ms", 0.5), ("p99 ms", 0.99), ("p99.9 ms", 0.999)] {
        let at = (latencies.len().saturating_sub(1) as f64 * share) as usize;
        report.note(contender.name, &format!("{what}, {load}"), round, latencies[at]);
    }
}

/// Latency at a share of the contender's own maximum, in percent; one partition of six is read.
pub async fn loaded(contender: &Contender, percent: u64, most: f64, round: u64, report: &mut Report) {
    let input = format!("loaded-{percent}-{}-{}-{round}", contender.name, std::process::id());
    cluster::make(std::slice::from_ref(&input)).await;
    let job = job(contender, &format!("loaded-{percent}"), &input, round).await;
    let mut loader = Loader::new(160);
    (0..600).for_each(|key| loader.write(&input, key));
    loader.flush();
    let mut running = contender.start(&job);
    await_committed(&Group::new(&job.group, &input), 600, &mut running);
    let reader = cluster::sampler(&job.output);
    let mut pace = Pace::new(most * percent as f64 / 100.0);
    let mut latencies = Vec::new();
    while pace.begun.elapsed() < LOADED_FOR {
        pace.write(&mut loader, &input);
        while let Some(message) = reader.poll(Duration::ZERO) {
            let message = message.unwrap();
            let stamp = u64::from_be_bytes(*message.payload().unwrap()[16..].first_chunk().unwrap());
            if stamp > pace.begun_ns + LOADED_WARM.as_nanos() as u64 {
                latencies.push(now_ns().saturating_sub(stamp) as f64 / 1e6);
            }
        }
    }
    running.assert_running();
    note_percentiles(contender, &format!("{percent} % of the maximum"), latencies, round, report);
    running.kill();
    clear(&job).await;
    cluster::drop_topics(&[input]).await;
}

/// Records as they should be sent at a constant rate.
struct Pace {
    begun: Instant,
    begun_ns: u64,
    gap_ns: f64,
    sent: u64,
}

impl Pace {
    fn new(rate: f64) -> Self {
        Self { begun: Instant::now(), begun_ns: now_ns(), gap_ns: 1e9 / rate, sent: 0 }
    }

    /// Writes what is due, and lets a moment pass.
    fn write(&mut self, loader: &mut Loader, topic: &str) {
        while self.begun.elapsed().as_nanos() as f64 >= self.gap_ns * self.sent as f64 {
            let intended = self.begun_ns + (self.gap_ns * self.sent as f64) as u64;
            loader.write_as_of(topic, cluster::scatter(self.sent) % cluster::KEYS, intended);
            self.sent += 1;
            if self.sent.is_multiple_of(BURST) {
                break;
            }
        }
        loader.poll(Duration::ZERO);
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// Memory at half of its maximum for so many minutes: the last third beside the one before.
pub async fn steady(contender: &Contender, most: f64, minutes: u64, report: &mut Report) {
    let input = format!("steady-{}-{}", contender.name, std::process::id());
    cluster::make_short(std::slice::from_ref(&input)).await;
    let group = format!("{}-steady-{}-0", contender.name, std::process::id());
    cluster::make_short(&[format!("{group}.out")]).await;
    let job = job_in(contender, &group, &input).await;
    let mut loader = Loader::new(160);
    let mut running = contender.start(&job);
    let (mut pace, mut memory) = (Pace::new(most / 2.0), Vec::new());
    while pace.begun.elapsed() < Duration::from_secs(60 * minutes) {
        pace.write(&mut loader, &input);
        if pace.begun.elapsed().as_secs() as usize > memory.len() {
            running.assert_running();
            memory.push(running.memory());
        }
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let third = memory.len() / 3;
    let (before, last) = (mean(&memory[third..2 * third]), mean(&memory[2 * third..]));
    report.note(contender.name, &format!("MiB at half load, last third of {minutes} min"), 0, last);
    report.note(
        contender.name,
        &format!("MiB at half load, % more than the third before, {minutes} min"),
        0,
        100.0 * (last / before - 1.0),
    );
    running.kill();
    clear(&job).await;
    cluster::drop_topics(&[input]).await;
}

/// kill -9 with many keys, started again at once: until the first committed output, with and without the local state.
pub async fn restart(contender: &Contender, keys: u64, round: u64, report: &mut Report) {
    let input = format!("many-{}-{}-{round}", contender.name, std::process::id());
    cluster::make(std::slice::from_ref(&input)).await;
    cluster::fill_each(&input, keys, 160);
    let job = job(contender, "restart", &input, round).await;
    let group = Group::new(&job.group, &input);
    let mut running = contender.start(&job);
    await_committed(&group, keys, &mut running);
    let mut written = keys;
    for (what, keeps) in [("restart s, state kept", true), ("restart s, state lost", false)] {
        let begun = Instant::now();
        running.kill();
        if !keeps {
            forget_state(&job);
        }
        running = contender.start(&job);
        let mut loader = Loader::new(160);
        loader.write(&input, 0);
        loader.flush();
        written += 1;
        let until = await_committed(&group, written, &mut running);
        report.note(contender.name, what, round, (until - begun).as_secs_f64());
    }
    running.kill();
    clear(&job).await;
    cluster::drop_topics(&[input]).await;
}

/// All of the state but our member's name, which Kafka Streams has no counterpart of.
fn forget_state(job: &Job) {
    for entry in std::fs::read_dir(format!("{}/state", job.folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
}
