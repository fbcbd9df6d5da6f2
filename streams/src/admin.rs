//! The cluster's topics before a unit starts: what must be there is checked, changelogs are made.
//!
//! A topic of the pipeline is never made here: its settings are the contract's, and another command's business. Only a
//! plain stage, which has no contract, gets its output made.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;

use crate::kafka::Connection;
use crate::plain;
use crate::plan::Plan;
use crate::record::Topic;
use crate::runtime::RuntimeError;
use crate::topology::{Stage, Topology};

/// Longest wait for the cluster to answer or to make topics.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long a missing topic is looked for.
const NEWS_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause between two looks.
const NEWS_PAUSE: Duration = Duration::from_millis(100);
/// How long deleted rows of a changelog stay readable: longer than a base is ever kept without being read on.
const TOMBSTONES_KEPT: &str = "604800000";

/// Longest row of a changelog: the largest record that any topic of a contract takes.
const ROW_BYTES_MAX: &str = "5242880";

/// Checks the topics that a unit reads and writes, and makes the changelogs of its stages.
///
/// # Errors
/// A topic is missing or has another number of partitions, or the cluster does not answer.
pub(crate) fn prepare(connection: &Connection, plan: &Plan) -> Result<(), RuntimeError> {
    let admin = client(connection)?;
    let counts = used_counts(connection, &admin, plan)?;
    make_changelogs(&admin, plan, &counts)
}

fn client(connection: &Connection) -> Result<AdminClient<DefaultClientContext>, RuntimeError> {
    connection.client().create().map_err(|error| RuntimeError::Refused(error.to_string()))
}

/// The topology of a plain stage on the topics that are there; its output and its topic of refused records are made.
///
/// # Errors
/// There is no input, or the cluster does not answer.
pub(crate) fn plain_topology(connection: &Connection, stage: &Stage) -> Result<Topology, RuntimeError> {
    let admin = client(connection)?;
    let (input, output) = (stage.reads[0], stage.writes[0]);
    let missing = |counts: &BTreeMap<String, i32>| {
        let is_known = counts.contains_key(input);
        (!is_known).then(|| (true, format!("topic `{input}` is missing: there is nothing to read")))
    };
    let counts = known_counts(connection, &admin, missing)?;
    let inputs = counts.get(input).copied().unwrap_or_default();
    let topology = plain::topology(stage.clone(), inputs, counts.get(output).copied().unwrap_or(inputs));
    let ours = topology.partitions.iter().filter(|(topic, _)| !counts.contains_key(**topic));
    let topics: Vec<NewTopic<'_>> =
        ours.map(|(topic, count)| NewTopic::new(topic, *count, TopicReplication::Fixed(-1))).collect();
    make(&admin, &topics)?;
    Ok(topology)
}

/// Partition counts of all topics, those that the unit uses checked.
fn used_counts(
    connection: &Connection,
    admin: &AdminClient<DefaultClientContext>,
    plan: &Plan,
) -> Result<BTreeMap<String, i32>, RuntimeError> {
    known_counts(connection, admin, |counts| {
        used(plan).into_iter().find_map(|topic| {
            let (name, wanted) = (plan.world.topic(topic), plan.topology.partition_count(topic));
            let found = counts.get(&name).copied();
            (found != Some(wanted)).then(|| (found.is_none(), mend(plan, &name, wanted, found)))
        })
    })
}

/// Partition counts of all topics, once `differs` finds nothing wrong with them. It says whether a topic is missing, and what is to be done:
/// not every broker knows at once of a topic that was made a moment ago, so one that is missing is looked for again.
fn known_counts(
    connection: &Connection,
    admin: &AdminClient<DefaultClientContext>,
    differs: impl Fn(&BTreeMap<String, i32>) -> Option<(bool, String)>,
) -> Result<BTreeMap<String, i32>, RuntimeError> {
    let deadline = Instant::now() + NEWS_TIMEOUT;
    loop {
        let counts = partition_counts(connection, admin)?;
        match differs(&counts) {
            None => return Ok(counts),
            Some((true, _)) if Instant::now() < deadline => std::thread::sleep(NEWS_PAUSE),
            Some((_, mending)) => return Err(RuntimeError::Refused(mending)),
        }
    }
}

fn mend(plan: &Plan, name: &str, wanted: i32, found: Option<i32>) -> String {
    match found {
        None => format!("topic `{name}` is missing: `topics apply{}` makes it", plan.world_option()),
        Some(found) => {
            format!("topic `{name}` has {found} partitions, the pipeline needs {wanted}: keys would move; {}", plan.remake())
        }
    }
}

fn used(plan: &Plan) -> Vec<Topic> {
    let topology = &plan.topology;
    let stages = plan.stages.iter().map(|stage| &topology.stages[*stage]);
    let mut used: Vec<Topic> = stages.flat_map(|stage| stage.writes).copied().collect();
    used.extend(plan.stages.iter().flat_map(|stage| plan.inputs(*stage)));
    used.extend([topology.dead_letters, topology.late].into_iter().chain(topology.clock()));
    used.extend(plan.promises().then_some(topology.progress));
    used.sort_unstable();
    used.dedup();
    used
}

fn partition_counts(
    connection: &Connection,
    admin: &AdminClient<DefaultClientContext>,
) -> Result<BTreeMap<String, i32>, RuntimeError> {
    let silent =
        |error| RuntimeError::Unreachable(format!("{} does not answer: {}", connection.bootstrap(), connection.explain(error)));
    let metadata = admin.inner().fetch_metadata(None, TIMEOUT).map_err(silent)?;
    Ok(metadata.topics().iter().map(|topic| (topic.name().to_owned(), topic.partitions().len() as i32)).collect())
}

fn make_changelogs(
    admin: &AdminClient<DefaultClientContext>,
    plan: &Plan,
    counts: &BTreeMap<String, i32>,
) -> Result<(), RuntimeError> {
    let mut missing = Vec::new();
    for index in &plan.stages {
        let stage = &plan.topology.stages[*index];
        let tasks = plan.topology.tasks(stage);
        for store in Topology::stores(stage) {
            let name = plan.world.changelog(stage.name, store);
            match counts.get(&name) {
                None => missing.push((name, tasks)),
                Some(found) if *found == tasks => {}
                Some(found) => {
                    let error =
                        format!("changelog `{name}` has {found} partitions, its stage {tasks}: drop the world and start it anew");
                    return Err(RuntimeError::Refused(error));
                }
            }
        }
    }
    let topics: Vec<NewTopic<'_>> = missing.iter().map(|(name, tasks)| changelog(name, *tasks)).collect();
    make(admin, &topics)
}

/// Makes topics; one that somebody else has made meanwhile is as good.
fn make(admin: &AdminClient<DefaultClientContext>, topics: &[NewTopic<'_>]) -> Result<(), RuntimeError> {
    if topics.is_empty() {
        return Ok(());
    }
    let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
    let made = block_on(admin.create_topics(topics, &options));
    for made in made.map_err(|error| RuntimeError::Unreachable(error.to_string()))? {
        match made {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, error)) => return Err(RuntimeError::Refused(format!("topic `{name}` cannot be made: {error}"))),
        }
    }
    Ok(())
}

fn changelog(name: &str, tasks: i32) -> NewTopic<'_> {
    NewTopic::new(name, tasks, TopicReplication::Fixed(-1))
        .set("cleanup.policy", "compact")
        .set("message.timestamp.type", "LogAppendTime")
        .set("delete.retention.ms", TOMBSTONES_KEPT)
        .set("max.message.bytes", ROW_BYTES_MAX)
}

/// Waits for the admin client, whose answers come from a thread of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
