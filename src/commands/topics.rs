//! `slipstream topics`: `topics.yaml` against the cluster.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use slipstream_schemas::topics::{self, Change, Existing, Wanted, World};

use crate::catalogue;
use crate::cluster::{self, admin::Admin};
use crate::failure::{Done, Failure};
use crate::say;
use crate::settings::Flags;

/// How long the brokers may take to hear of a change that one of them has taken.
const NEWS_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between two looks.
const NEWS_PAUSE: Duration = Duration::from_millis(100);

/// Compares topics.yaml with the cluster, and makes it so.
///
/// Example: slipstream topics plan --bootstrap localhost:9092
#[derive(Debug, Args)]
pub(crate) struct Topics {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the difference and change nothing
    Plan,
    /// Make the cluster as topics.yaml says
    Apply,
    /// Topics of the catalogue that exist, with their partitions
    List,
    /// One topic: what it holds, and what it is on the cluster
    Describe {
        /// Topic, without a world's prefix
        topic: String,
    },
    /// Delete the world's topics, or one
    Delete {
        /// Only this topic, without a world's prefix
        topic: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Exit with 1 unless the cluster is as topics.yaml says
    Verify,
}

/// Runs the command.
///
/// # Errors
/// The cluster does not answer or refuses, or the answer to the question was no.
pub(crate) fn run(args: &Topics, flags: &Flags) -> Result<Done, Failure> {
    let runtime = cluster::tokio()?;
    let admin = Admin::new(&flags.connection()?)?;
    let catalogue = catalogue::load()?;
    let world = flags.world.as_deref().map_or(World::Live, |name| World::Recorded(Some(name)));
    let wanted = catalogue.wanted(world, admin.brokers()?);
    let existing = runtime.block_on(admin.existing())?;
    match &args.action {
        Action::Plan => {
            print_plan(&topics::plan(&wanted, &there(&existing, flags)));
            Ok(Done::Clean)
        }
        Action::Apply => runtime.block_on(async {
            apply(&admin, &topics::plan(&wanted, &there(&existing, flags))).await?;
            let left = left(&admin, &wanted, flags).await?;
            left.iter().filter(|change| !change.is_refused()).for_each(|change| eprintln!("not taken by the cluster: {change}"));
            Ok(Done::with_refused(left.len() as u64))
        }),
        Action::List => {
            list(&wanted, &existing);
            Ok(Done::Clean)
        }
        Action::Describe { topic } => {
            let name = world.name_of(super::topic_name(topic)?);
            let about = catalogue.topic(topic).map_or("", |t| t.description.as_str());
            describe(about, existing.iter().find(|t| t.name == name), &name)
        }
        Action::Delete { topic, yes } => {
            let names = match topic {
                Some(topic) => vec![world.name_of(super::topic_name(topic)?)],
                None => mine(&wanted, &existing, flags),
            };
            runtime.block_on(delete(&admin, &names, *yes))
        }
        Action::Verify => match topics::verify(&wanted, &there(&existing, flags)) {
            Ok(()) => Ok(Done::Clean),
            Err(changes) => {
                print_plan(&changes);
                Ok(Done::Refused)
            }
        },
    }
}

/// The cluster's topics as far as they concern the world: another world's topics are not extra ones of this.
fn there(existing: &[Existing], flags: &Flags) -> Vec<Existing> {
    let concerns = |topic: &&Existing| flags.world.as_ref().is_none_or(|world| topic.name.starts_with(&format!("{world}.")));
    existing.iter().filter(concerns).cloned().collect()
}

/// Topics of the catalogue that exist, and with a world everything under its prefix: changelogs too.
fn mine(wanted: &[Wanted], existing: &[Existing], flags: &Flags) -> Vec<String> {
    let declared = |name: &str| wanted.iter().any(|w| w.name == name);
    let prefixed = |name: &str| flags.world.as_ref().is_some_and(|world| name.starts_with(&format!("{world}.")));
    existing.iter().map(|t| t.name.clone()).filter(|name| declared(name) || prefixed(name)).collect()
}

fn print_plan(changes: &[Change]) {
    changes.iter().for_each(|change| say!("{change}"));
    if changes.iter().all(|change| !change.is_fault()) {
        eprintln!("the cluster is as topics.yaml says");
    }
}

async fn apply(admin: &Admin, changes: &[Change]) -> Result<(), Failure> {
    for change in changes.iter().filter(|change| change.is_fault()) {
        say!("{change}");
        admin.carry_out(change).await?;
    }
    Ok(())
}

/// What the cluster has not taken, once its brokers have had time to hear of it.
async fn left(admin: &Admin, wanted: &[Wanted], flags: &Flags) -> Result<Vec<Change>, Failure> {
    let deadline = Instant::now() + NEWS_TIMEOUT;
    loop {
        let left = topics::verify(wanted, &there(&admin.existing().await?, flags)).err().unwrap_or_default();
        if left.iter().all(Change::is_refused) || Instant::now() > deadline {
            return Ok(left);
        }
        tokio::time::sleep(NEWS_PAUSE).await;
    }
}

fn list(wanted: &[Wanted], existing: &[Existing]) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["TOPIC", "PARTITIONS", "REPLICAS", "CLEANUP"]);
    for topic in existing.iter().filter(|topic| wanted.iter().any(|w| w.name == topic.name)) {
        let cleanup = topic.configs.get("cleanup.policy").map_or("", String::as_str);
        table.add_row([&topic.name, &topic.partitions.to_string(), &topic.replication.to_string(), cleanup]);
    }
    say!("{table}");
}

fn describe(about: &str, topic: Option<&Existing>, name: &str) -> Result<Done, Failure> {
    let topic = topic
        .ok_or_else(|| Failure::usage(format_args!("`{name}` is not on the cluster; `slipstream topics apply` makes it")))?;
    say!("{name}\n{about}\npartitions {}\nreplicas {}", topic.partitions, topic.replication);
    topic.configs.iter().for_each(|(name, value)| say!("{name}={value}"));
    Ok(Done::Clean)
}

async fn delete(admin: &Admin, names: &[String], yes: bool) -> Result<Done, Failure> {
    if names.is_empty() {
        eprintln!("nothing to delete");
        return Ok(Done::Clean);
    }
    names.iter().for_each(|name| say!("- {name}"));
    if !yes && !confirmed(names.len())? {
        return Err(Failure::usage("nothing was deleted; answer `yes`, or give --yes"));
    }
    admin.delete(&names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    Ok(Done::Clean)
}

fn confirmed(count: usize) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    let asked = || -> std::io::Result<String> {
        eprint!("delete {count} topics and everything in them? ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok(answer)
    };
    asked().map(|answer| answer.trim() == "yes").map_err(|e| Failure::dependency(format_args!("standard input: {e}")))
}
