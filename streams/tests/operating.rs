//! What an operator meets: committed state on request, and a stage that stops rather than refuse a whole topic.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it every test says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster::{Cluster, PATIENCE};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use slipstream_streams::buffer::Order;
use slipstream_streams::plan::Limits;
use slipstream_streams::query::QueryError;
use slipstream_streams::runtime::{self, Config};
use slipstream_streams::status::Phase;
use toy::{START, UNIT, codec};

#[test]
fn committed_state_is_read_while_it_runs() {
    let Some(cluster) = Cluster::new("query", 4, 3) else { return };
    let (records, done) = (toy::readings(21, 600), AtomicBool::new(false));
    cluster.declare(&["meters"]);
    let pipeline = runtime::start(&cluster.config(Order::EventTime, None), &cluster.topology, &codec(), &[UNIT]).unwrap();
    let sum_of = |street: &str| pipeline.query("sum", "sums", street).map(|rows| rows.into_iter().next());
    std::thread::scope(|scope| {
        scope.spawn(|| cluster.publish("meters", &records));
        let asking = scope.spawn(|| {
            let mut answers = 0;
            while !done.load(Ordering::Relaxed) {
                answers += u64::from(matches!(sum_of("street1"), Ok(Some(_))));
            }
            answers
        });
        cluster.wait_complete(&pipeline);
        done.store(true, Ordering::Relaxed);
        assert!(asking.join().unwrap() > 0, "no answer while it ran");
    });
    let facts = cluster.facts();
    for street in ["street0", "street1", "street2", "street6"] {
        let totals = facts.iter().filter(|fact| fact.0 == toy::TOTALS && fact.3 == street);
        let sum: i64 = totals.map(|fact| fact.5.split(' ').nth(1).unwrap().parse::<i64>().unwrap()).sum();
        assert_eq!(sum_of(street), Ok(Some((Vec::new(), sum.to_string().into_bytes()))), "{street}");
    }
    assert_eq!(sum_of("nowhere"), Ok(None));
    assert_eq!(pipeline.query("sum", "counts", "x"), Err(QueryError::Unknown("sum".to_owned(), "counts".to_owned())));
    pipeline.stop();
    while !pipeline.is_finished() {
        std::thread::yield_now();
    }
    assert!(matches!(sum_of("street1"), Err(QueryError::Elsewhere(_))));
}

#[test]
fn a_stage_that_refuses_most_of_its_input_stops_and_says_why() {
    let Some(cluster) = Cluster::new("breaker", 1, 1) else { return };
    let rubbish = |n: usize| toy::reading(n, toy::READINGS, START + n as i64, "street1:1", "rubbish");
    let records: Vec<_> = (0..1_500).map(rubbish).collect();
    cluster.declare(&["meters"]);
    let start = |dead_letters_max| {
        let limits = Limits { dead_letters_max, ..Limits::default() };
        let config = Config { limits, ..cluster.config(Order::EventTime, None) };
        runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap()
    };
    let pipeline = start(Some(400));
    cluster.publish("meters", &records);
    let error = pipeline.wait().unwrap_err().to_string();
    assert!(error.contains("stage `count` refused 401 of its last records, mostly as `no number`"), "{error}");
    let letters = |cluster: &Cluster| cluster.facts().iter().filter(|fact| fact.0 == toy::DEAD).count();
    assert!(letters(&cluster) <= 401, "{} letters", letters(&cluster));

    let pipeline = start(Limits::default().dead_letters_max);
    cluster.wait_complete(&pipeline);
    pipeline.stop();
    pipeline.wait().unwrap();
    assert_eq!(letters(&cluster), records.len(), "each once, those before the stop included");
}

/// To a reader it is the same whether its owner is slow, as here, or its end was lost inside the cluster.
fn open_transaction(cluster: &Cluster, topic: &str, partition: i32) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &cluster.bootstrap).set("transactional.id", format!("{topic}-stranger"));
    let stranger: BaseProducer = config.create().unwrap();
    stranger.init_transactions(PATIENCE).unwrap();
    stranger.begin_transaction().unwrap();
    stranger.send(BaseRecord::to(topic).partition(partition).key("stranger").payload("never committed")).unwrap();
    stranger.flush(PATIENCE).unwrap();
    stranger
}

#[test]
fn a_restore_behind_an_open_transaction_names_the_place_and_the_command_that_ends_it() {
    let Some(cluster) = Cluster::new("hanging", 2, 2) else { return };
    let records = toy::readings(5, 200);
    cluster.declare(&["meters"]);
    let progress = cluster.world.topic(toy::PROGRESS);
    let stranger = open_transaction(&cluster, &progress, 1);
    let limits = Limits { restore_stall: Duration::from_secs(1), ..Limits::default() };
    let config = Config { limits, ..cluster.config(Order::EventTime, None) };
    let pipeline = runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap();
    let place = format!("restore stands still: {progress}/1 offset ");
    let command = format!("abort --topic {progress} --partition 1 --start-offset ");
    cluster.wait_for(&pipeline, |shard| match &shard.phase {
        Phase::Waiting(why) => why.contains(&place) && why.contains(&command),
        _ => false,
    });
    stranger.abort_transaction(PATIENCE).unwrap();
    cluster.publish("meters", &records);
    cluster.wait_complete(&pipeline);
    pipeline.stop();
    pipeline.wait().unwrap();
    cluster.assert_facts(&toy::oracle(&cluster.topology, &records));
}
