//! What is measured, one function a figure.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::message::Message;

use crate::cluster::{self, Group, Loader, now_ns};
use crate::contender::{Contender, Job, Running};
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

async fn job(contender: &Contender, figure: &str, input: &str, round: u64) -> Job {
    let group = format!("{}-{figure}-{}-{round}", contender.name, std::process::id());
    let folder = std::env::temp_dir().join(&group).to_str().unwrap().to_owned();
    std::fs::create_dir_all(&folder).unwrap();
    let job = Job { input: input.to_owned(), output: format!("{group}.out"), group, folder };
    let mut topics = vec![job.output.clone()];
    topics.extend(contender.changelog(&job).filter(|_| !contender.is_stateful()));
    cluster::make(&topics).await;
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

/// A backlog drained: records a second of wall time and of the application's processor, peak memory, changelog writes.
pub async fn throughput(contender: &Contender, input: &str, records: u64, size: usize, round: u64, report: &mut Report) {
    let job = job(contender, "throughput", input, round).await;
    let group = Group::new(&job.group, input);
    let mut running = contender.start(&job);
    await_committed(&group, (records as f64 * WARM) as u64, &mut running);
    let (from, since, cpu) = (group.committed(), Instant::now(), running.cpu());
    let until = await_committed(&group, records, &mut running);
    let done = (records - from) as f64;
    let figure = |what: &str| format!("{what}, {size} B");
    report.note(contender.name, &figure("records/s"), round, done / (until - since).as_secs_f64());
    report.note(contender.name, &figure("records/CPU-second"), round, done / (running.cpu() - cpu));
    report.note(contender.name, &figure("peak MiB"), round, running.peak_memory());
    if let Some(changelog) = contender.changelog(&job) {
        report.note(contender.name, &figure("changelog writes/record"), round, cluster::ends(&changelog) as f64 / records as f64);
    }
    running.kill();
    clear(&job).await;
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
    while reader.position().unwrap().elements().iter().any(|e| e.offset().to_raw().is_none_or(|raw| raw < 0)) {
        if reader.poll(Duration::from_millis(100)).is_none() {
            break;
        }
    }
    let (cpu, begun) = (running.cpu(), Instant::now());
    let (total, gap) = (CALM * CALM_FOR.as_secs(), Duration::from_secs(1) / CALM as u32);
    let (mut sent, mut latencies) = (0, Vec::new());
    while (latencies.len() as u64) < total {
        assert!(begun.elapsed() < PATIENCE, "{} of {total} came", latencies.len());
        if sent < total && begun.elapsed() >= gap * sent as u32 {
            loader.write(&input, sent);
            sent += 1;
        }
        loader.poll(Duration::ZERO);
        while let Some(message) = reader.poll(Duration::from_micros(200)) {
            let message = message.unwrap();
            let stamp = u64::from_be_bytes(*message.payload().unwrap()[16..].first_chunk().unwrap());
            latencies.push(now_ns().saturating_sub(stamp) as f64 / 1e6);
        }
    }
    report.note(contender.name, "CPU %, 200/s", round, 100.0 * (running.cpu() - cpu) / begun.elapsed().as_secs_f64());
    let mut counted = latencies.split_off(CALM_WARM as usize);
    counted.sort_by(f64::total_cmp);
    for (what, share) in [("p50 ms", 0.5), ("p99 ms", 0.99), ("p99.9 ms", 0.999)] {
        let at = ((counted.len() - 1) as f64 * share) as usize;
        report.note(contender.name, &format!("{what}, 200/s"), round, counted[at]);
    }
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
