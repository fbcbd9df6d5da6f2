//! `slipstream doctor`: whether everything that is configured answers, fits and may be used.

use clap::Args;
use slipstream_schemas::compatibility;
use slipstream_schemas::topics::{self, World};

use crate::catalogue;
use crate::cluster::admin::Admin;
use crate::cluster::{self, Cluster};
use crate::failure::{Done, Failure};
use crate::say;
use crate::settings::Flags;

/// Checks reachability, topic and schema drift, and permissions of everything configured.
///
/// Example: slipstream doctor --bootstrap localhost:9092 --registry http://localhost:8081
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

/// One finding.
struct Finding {
    what: &'static str,
    result: Result<String, String>,
}

/// Runs the command.
///
/// # Errors
/// Something does not answer or does not fit; every finding is printed first.
pub(crate) fn run(_args: &Doctor, flags: &Flags) -> Result<Done, Failure> {
    let findings = [
        Finding { what: "schemas", result: schemas() },
        Finding { what: "state", result: state(flags) },
        Finding { what: "kafka", result: kafka(flags) },
        Finding { what: "topics", result: drift(flags) },
        Finding { what: "registry", result: registry(flags) },
    ];
    for finding in &findings {
        match &finding.result {
            Ok(text) => say!("ok    {:<9} {text}", finding.what),
            Err(text) => say!("FAIL  {:<9} {text}", finding.what),
        }
    }
    match findings.iter().filter(|f| f.result.is_err()).count() {
        0 => Ok(Done::Clean),
        faults => Err(Failure::dependency(format_args!("{faults} of {} checks fail", findings.len()))),
    }
}

fn schemas() -> Result<String, String> {
    let count = compatibility::check_released()
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    Ok(format!("{count} released schemas are compatible both ways"))
}

fn state(flags: &Flags) -> Result<String, String> {
    let Some(directory) = &flags.state else { return Ok("none configured: membership is dynamic".to_owned()) };
    let probe = directory.join(".probe");
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&probe, b"probe"))
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|e| format!("{}: {e}", directory.display()))?;
    Ok(format!("{} can be written", directory.display()))
}

fn admin(flags: &Flags) -> Result<Admin, String> {
    flags.connection().and_then(|connection| Admin::new(&connection)).map_err(|e| e.to_string())
}

fn kafka(flags: &Flags) -> Result<String, String> {
    let brokers = admin(flags)?.brokers().map_err(|e| e.to_string())?;
    Ok(format!("{brokers} broker(s) at {}", flags.bootstrap.as_deref().unwrap_or_default()))
}

fn drift(flags: &Flags) -> Result<String, String> {
    let check = || -> Result<Vec<topics::Change>, Failure> {
        let admin = Admin::new(&flags.connection()?)?;
        let world = flags.world.as_deref().map_or(World::Live, |name| World::Recorded(Some(name)));
        let wanted = catalogue::load()?.wanted(world, admin.brokers()?);
        let existing = cluster::tokio()?.block_on(admin.existing())?;
        Ok(topics::verify(&wanted, &existing).err().unwrap_or_default())
    };
    let changes = check().map_err(|e| e.to_string())?;
    if changes.is_empty() {
        Ok("as topics.yaml says".to_owned())
    } else {
        Err(format!("{} differences; `slipstream topics plan` lists them", changes.len()))
    }
}

/// Encodes one record of every subject's first kind: every schema has an id there, or the first that has none is named.
fn registry(flags: &Flags) -> Result<String, String> {
    let check = || -> Result<usize, Failure> {
        let codec = Cluster::connect(flags)?.codec();
        let subjects = cluster::subjects()?;
        for (topic, record) in &subjects {
            let rank = slipstream_schemas::records::TYPES.iter().position(|spec| spec.schema == record);
            let rank = rank
                .and_then(|rank| u16::try_from(rank).ok())
                .ok_or_else(|| Failure::bug(format_args!("no type of {record}")))?;
            codec.encode(topic, rank, &[], &mut Vec::new()).map_err(Failure::dependency)?;
        }
        Ok(subjects.len())
    };
    check().map(|count| format!("{count} subjects registered")).map_err(|e| e.to_string())
}
