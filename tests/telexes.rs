//! Airline messages through the whole pipeline: a schedule file, a passenger list and movement messages, and what comes of them.
//!
//! LO335 of 21 November is due off blocks at 06:25Z and in at 08:50Z. It leaves four hours late, so its passengers are owed
//! something. Nobody's name is in anything that the program writes, whatever the messages are like.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use support::cluster::{Cluster, dev_broker};
use support::{assert_same, files, lines, run, scratch, text};

/// A record of a schedule file: its beginning, and its number at the end.
fn ssim(front: &str) -> String {
    format!("{front:<194}000001")
}

fn schedule() -> String {
    let carrier = ssim("2LLO      W26 25OCT2627MAR2701SEP26");
    let leg = ssim("3 LO  3350101J20NOV2622NOV261234567 WAW07250725+0100  CDG09500950+01001 7M8");
    format!("{carrier}\r\n{leg}\r\n")
}

const LIST: &str = "2026-11-19T06:25:00Z\nPNL\nLO335/21NOV WAW PART1\nCFG/012C174Y\nRBD C/CDZ Y/YBMHQK\n-CDG003Y\n\
                    1QWERTOWSKA/ZUZANNAMRS .L/X7QK2P\n.R/TKNE HK1 0801234567890/1\n.R/WCHR HK1\n2XYZNOWAK/JANMR/EWAMRS .L/Q2RR8T\nENDPNL\n\n\
                    2026-11-20T06:25:00Z\nADL\nLO335/21NOV WAW PART1\n-CDG002Y\nDEL\n1XYZNOWAK/EWAMRS .L/Q2RR8T\nENDADL\n";

const MOVEMENTS: &str = "2026-11-21T10:40:00Z\nQU HDQOOLO\n.WAWOPLO 211039\nMVT\nLO335/21.SPLVA.WAW\nAD1025/1038 EA1240 CDG\nDL41/0400\nPX2\nSI MRS QWERTOWSKA\n\n\
                         2026-11-21T12:56:00Z\nMVT\nLO335/21.SPLVA.CDG\nAA1242/1255\n";

/// Two passengers leave.
const LOADS: &str =
    "2026-11-21T10:30:00Z\nLDM\nLO335/21.SPLVA.C12Y174.2/4\n-CDG.1/1/0.T0.PAX/0/2.PAD/0/0\nSI MRS QWERTOWSKA ZUZANNA\n";

/// Whoever is named in a message of these tests.
const NAMES: [&str; 4] = ["QWERTOWSKA", "ZUZANNA", "XYZNOWAK", "EWAMRS"];

/// Movements with names where elements, airports and registrations belong.
fn hostile_moves() -> String {
    let bent = MOVEMENTS.replace("DL41/0400", "DLQWERTOWSKA/XYZNOWAK\nQWERTOWSKA").replace("SPLVA.CDG", "QWERTOWSKA.XYZNOWAK");
    format!("{bent}\n2026-11-21T12:57:00Z\nMVT\nLO335/21.QWERTOWSKA.CDG\nAA1242/1255\n")
}

/// Loads with names where flights, figures and airports belong, and one that is cut short.
fn hostile_loads() -> String {
    let first = LOADS.replace("LO335/21", "QWERTOWSKA/21").replace("2026-11-21T10:30", "2026-11-21T10:31");
    let second = LOADS.replace(".T0", ".QWERTOWSKA/ZUZANNA\nXYZNOWAK").replace("2026-11-21T10:30", "2026-11-21T10:32");
    let third = LOADS.replace("-CDG", "-XYZNOWAK").replace("2026-11-21T10:30", "2026-11-21T10:33");
    let fourth = LOADS.replace("SPLVA", "QWERTOWSKA").replace("2026-11-21T10:30", "2026-11-21T10:34");
    format!("{LOADS}\n{first}\n{second}\n{third}\n{fourth}\n2026-11-21T10:35:00Z\nLDM\nLO335/21.QWERTOWSKAZUZANNA\n")
}

/// A name as it stands in base64, by the three ways in which it may lie across groups.
fn packed(name: &str) -> Vec<String> {
    let at = |before: usize| {
        let text = BASE64_STANDARD.encode([vec![b'x'; before], name.as_bytes().to_vec()].concat());
        text[(before * 8).div_ceil(6)..(before + name.len()) * 8 / 6].to_owned()
    };
    (0..3).map(at).collect()
}

/// No name is in a text, neither in the clear nor in base64.
fn assert_nobody(text: &str, case: &str) {
    for name in NAMES {
        for form in packed(name).iter().map(String::as_str).chain([name]) {
            let found = text.lines().find(|line| line.contains(form));
            assert_eq!(found, None, "{case}: {name} as {form}");
        }
    }
}

struct Recording {
    folder: tempfile::TempDir,
}

impl Recording {
    fn new(parts: &[(&str, &str)]) -> Self {
        let folder = scratch();
        for (name, content) in parts {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        Self { folder }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn path(&self, name: &str) -> String {
        text(&self.folder.path().join(name))
    }

    fn replay(&self, inputs: &[&str]) -> Output {
        self.replay_to("out", inputs, &[])
    }

    /// Plays into a folder of this name, with further arguments.
    fn replay_to(&self, out: &str, inputs: &[&str], more: &[&str]) -> Output {
        let (inputs, out) = (self.inputs(inputs), self.path(out));
        let mut arguments = vec!["replay"];
        arguments.extend(inputs.iter().map(String::as_str));
        arguments.extend(["--out", &out]);
        arguments.extend(more);
        run(&arguments)
    }

    fn inputs(&self, inputs: &[&str]) -> Vec<String> {
        let with_path = |input: &&str| {
            let (kind, name) = input.split_once(':').unwrap();
            format!("{kind}:{}", self.path(name))
        };
        inputs.iter().map(with_path).collect()
    }
}

fn values(out: &Path, topic: &str) -> Vec<Value> {
    lines(out, topic).into_iter().map(|line| line["value"].clone()).collect()
}

/// Every text that a run leaves behind.
fn written(recording: &Recording, output: &Output) -> String {
    let mut all = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    for bytes in files(&recording.out()).into_values() {
        all.push_str(&String::from_utf8_lossy(&bytes));
    }
    all
}

// contract: S2-09 (flight schedule, status and delay; PSS manifests)
#[test]
fn a_telex_delays_a_flight_and_its_passengers_are_answered() {
    let recording = Recording::new(&[("w26.ssim", schedule().as_str()), ("list.txt", LIST), ("moves.txt", MOVEMENTS)]);
    let output = recording.replay(&["ssim:w26.ssim", "pnl:list.txt", "mvt:moves.txt"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let out = recording.out();

    let leg = "LO335/2026-11-21/WAW-CDG";
    let events: Vec<Value> =
        lines(&out, "flight.events").into_iter().filter(|line| line["key"] == leg).map(|line| line["value"].clone()).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    for kind in ["SCHEDULED", "OUT", "OFF", "DELAYED", "ON", "IN"] {
        assert!(kinds.contains(&kind), "{kind} is not in {kinds:?}");
    }
    let delayed = events.iter().find(|event| event["kind"] == "DELAYED").unwrap();
    assert_eq!(
        (&delayed["departure_delay_min"], &delayed["reason"], &delayed["source"]),
        (&240.into(), &"41".into(), &"MVT".into())
    );
    assert_eq!(events.last().unwrap()["arrival_delay_min"], 245);

    let bookings = values(&out, "booking.events");
    let told: Vec<(&str, &str, usize)> = bookings
        .iter()
        .map(|booking| {
            (booking["pnr"].as_str().unwrap(), booking["kind"].as_str().unwrap(), booking["passengers"].as_array().unwrap().len())
        })
        .collect();
    let expect = BTreeSet::from([("X7QK2P", "CREATED", 1), ("Q2RR8T", "CREATED", 2), ("Q2RR8T", "MODIFIED", 1)]);
    assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), expect);
    let wheelchair = bookings.iter().find(|booking| booking["pnr"] == "X7QK2P").unwrap();
    assert_eq!(wheelchair["passengers"][0]["ssr"], serde_json::json!(["WCHR"]));
    assert_eq!(wheelchair["segments"][0]["scheduled_arrival"], events[0]["scheduled_arrival"]);

    let decided: BTreeSet<String> =
        values(&out, "passenger.events").iter().map(|event| event["pnr"].as_str().unwrap().to_owned()).collect();
    assert_eq!(decided, BTreeSet::from(["Q2RR8T".to_owned(), "X7QK2P".to_owned()]));
    let refused = files(&out).get("dead.letter.queue.jsonl").map_or(0, Vec::len);
    assert_eq!(refused, 0, "{}", written(&recording, &output));
}

/// Good, cut, bent and hostile lists.
fn lists() -> [(&'static str, String); 6] {
    let hostile = LIST
        .replace(".R/WCHR HK1", ".R/QWERTOWSKA HK1\n.QWERTOWSKAZUZANNA")
        .replace("LO335/21NOV WAW PART1\nCFG", "QWERTOWSKA/21NOV XYZNOWAK PART1\nCFG");
    [
        ("good", LIST.to_owned()),
        ("cut", LIST.replace("ENDPNL", "").replace("ENDADL", "")),
        ("bent", LIST.replace(".L/X7QK2P", ".L/QWERTOWSKA").replace("-CDG003Y", "-CDG007Y")),
        ("hostile", hostile),
        ("coded", LIST.replace(".R/WCHR HK1", ".R/ZUZA HK1-1QWERTOWSKA/ZUZANNAMRS")),
        ("long", LIST.replace("ENDPNL", &"1QWERTOWSKA/ZUZANNAMRS .L/X7QK2P\n".repeat(300))),
    ]
}

/// A schedule, a list, and movements and loads with names wherever one can stand.
fn hostile(list: &str) -> Recording {
    let (moves, loads) = (hostile_moves(), hostile_loads());
    Recording::new(&[("w26.ssim", schedule().as_str()), ("list.txt", list), ("moves.txt", &moves), ("loads.txt", &loads)])
}

const HOSTILE: [&str; 4] = ["ssim:w26.ssim", "pnl:list.txt", "mvt:moves.txt", "ldm:loads.txt"];

/// The letters about messages that may name somebody.
fn personal(out: &Path) -> Vec<Value> {
    let of_people = |letter: &Value| ["source:pnl", "source:mvt", "source:ldm"].contains(&letter["stage"].as_str().unwrap());
    values(out, "dead.letter.queue").into_iter().filter(of_people).collect()
}

/// Names in good, cut, bent and hostile messages: in the free text, where a code belongs, in the flight line.
#[test]
fn no_name_is_in_anything_that_is_written() {
    for (case, list) in lists() {
        let recording = hostile(&list);
        let output = recording.replay(&HOSTILE);
        assert_eq!(output.status.code(), Some(1), "{case}: the movements are refused");
        let written = written(&recording, &output);
        assert!(written.contains("LO335/2026-11-21/WAW-CDG"), "{case}: the schedule was played");
        let personal = personal(&recording.out());
        assert!(personal.len() > 4 && personal.iter().all(|letter| letter["value"].is_null()), "{case}: {personal:?}");
        assert_nobody(&written, case);
    }
}

/// The same with a folder of keys, and a journal: the text is there, for nobody to read, the same each time; all else is as without.
#[test]
fn refused_text_is_sealed_and_all_else_stays_as_it_is() {
    for (case, list) in lists() {
        let recording = hostile(&list);
        let (keys, journal) = (recording.path("keys"), recording.path("journal"));
        let output = recording.replay_to("out", &HOSTILE, &["--quarantine", &keys, "--data", &journal]);
        assert_eq!(output.status.code(), Some(1), "{case}");
        let personal = personal(&recording.out());
        let is_sealed = |letter: &Value| letter["value"].as_str().is_some_and(|value| value.starts_with("sealed:1:20"));
        assert!(personal.len() > 4 && personal.iter().all(is_sealed), "{case}: {personal:?}");
        let mut all = written(&recording, &output);
        files(Path::new(&journal)).into_values().for_each(|bytes| all.push_str(&String::from_utf8_lossy(&bytes)));
        assert_nobody(&all, case);
    }

    let recording = hostile(LIST);
    let keys = recording.path("keys");
    let quarantine = ["--quarantine", keys.as_str()];
    let runs: [(&str, &[&str]); 3] = [("plain", &[]), ("once", &quarantine), ("again", &quarantine)];
    runs.iter().for_each(|(out, more)| assert_eq!(recording.replay_to(out, &HOSTILE, more).status.code(), Some(1)));
    let folder = |name: &str| recording.folder.path().join(name);
    assert_same(&folder("once"), &folder("again"));
    let unsealed = |name: &str| {
        let without = |line: &str| {
            let mut line: Value = serde_json::from_str(line).unwrap_or_else(|_| line.into());
            if line["type"] == "record.refused" {
                line["value"]["value"] = Value::Null;
            }
            line.to_string()
        };
        let texts = files(&folder(name)).into_iter().map(|(file, bytes)| (file, String::from_utf8(bytes).unwrap()));
        texts.map(|(file, text)| (file, text.lines().map(without).collect::<Vec<_>>())).collect::<Vec<_>>()
    };
    assert_eq!(unsealed("once"), unsealed("plain"));
    let mut made = fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().metadata().unwrap().permissions().mode() & 0o777);
    assert!(made.all(|mode| mode == 0o600) && fs::read_dir(&keys).unwrap().count() > 0);
}

/// Longest wait for a fact.
const PATIENCE: Duration = Duration::from_secs(60);

/// A world on a dev broker into which hostile messages were played, with a folder of keys.
struct Sealed {
    cluster: Cluster,
    recording: Recording,
    world: String,
    keys: PathBuf,
}

impl Sealed {
    fn play() -> Self {
        let (cluster, recording) = (dev_broker(), hostile(LIST));
        let (keys, world) = (recording.folder.path().join("keys"), format!("sealed-{}", std::process::id()));
        let sealed = Self { cluster, recording, world, keys };
        fs::create_dir(&sealed.keys).unwrap();
        fs::write(sealed.old(), "as long ago as that").unwrap();
        let (inputs, out, keys) = (sealed.recording.inputs(&HOSTILE), text(&sealed.recording.out()), text(&sealed.keys));
        let mut arguments = vec!["replay"];
        arguments.extend(inputs.iter().map(String::as_str));
        arguments.extend(["--out", &out, "--physical", "--quarantine", &keys]);
        let played =
            sealed.cluster.command(&sealed.world, &arguments).env("SLIPSTREAM_LOG", "slipstream=debug").output().unwrap();
        assert_eq!(played.status.code(), Some(1), "{}", String::from_utf8_lossy(&played.stderr));
        assert!(!sealed.old().exists(), "destroyed at the start");
        assert_nobody(&written(&sealed.recording, &played), "the cluster's topics");
        sealed
    }

    /// The file of a key of long ago.
    fn old(&self) -> PathBuf {
        self.keys.join("2020-01-01.key")
    }

    /// What a command says, and how it ends.
    fn said(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.cluster.command(&self.world, arguments).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    /// Gives the key the name of a day that is long over, and waits until a running program has destroyed it.
    fn outlive_the_key(&self) {
        let key = fs::read_dir(&self.keys).unwrap().next().unwrap().unwrap().path();
        fs::hard_link(&key, self.recording.path("same-bytes")).unwrap();
        fs::rename(&key, self.old()).unwrap();
        let _running = self.cluster.start(&self.world, &["run", "--quarantine", &text(&self.keys)], None);
        let began = Instant::now();
        while self.old().exists() {
            assert!(began.elapsed() < PATIENCE, "run has not destroyed {}", self.old().display());
            std::thread::yield_now();
        }
        let bytes = fs::read(self.recording.path("same-bytes")).unwrap();
        assert!(!bytes.is_empty() && bytes.iter().all(|byte| *byte == 0), "overwritten, not only removed");
    }
}

/// On a cluster: what is written names nobody, the text opens with its key, and no longer once that has had its time.
#[test]
fn a_sealed_text_opens_with_its_key_and_no_longer() {
    let sealed = Sealed::play();
    let database = sealed.recording.path("legs.db");
    let (projected, said) = sealed.said(&["project", "--until-end", "--database", &format!("sqlite:{database}")]);
    assert_eq!(projected, Some(0), "{said}");
    assert_nobody(&String::from_utf8_lossy(&fs::read(&database).unwrap()), "the database");

    let letters = lines(&sealed.recording.out(), "dead.letter.queue");
    let letter = letters.iter().find(|letter| letter["value"]["stage"] == "source:ldm").unwrap()["id"].as_str().unwrap();
    let (_, shown) = sealed.said(&["dlq", "show", letter]);
    assert!(shown.contains("--quarantine DIR opens it while its key lives"), "{shown}");
    assert_nobody(&shown, "shown without a key");
    assert_nobody(&sealed.said(&["dlq", "replay", letter]).1, "handed in again");
    let keys = text(&sealed.keys);
    let with_key = ["dlq", "show", letter, "--quarantine", &keys];
    let (code, opened) = sealed.said(&with_key);
    assert!(code == Some(0) && opened.contains("\ntext        LDM\n") && opened.contains("QWERTOWSKA"), "{opened}");

    sealed.outlive_the_key();
    let (code, shown) = sealed.said(&with_key);
    assert!(
        code == Some(2) && shown.contains("keys are destroyed after 7 days, and nobody can open what they sealed"),
        "{shown}"
    );
    assert_nobody(&shown, "after its key");
}

#[test]
fn a_notification_cancels_and_a_bomb_is_refused_by_its_place() {
    let notice = "<IATA_AIDX_FlightLegNotifRQ xmlns=\"http://www.iata.org/IATA/2007/00\" Version=\"16.1\" TimeStamp=\"2026-11-21T05:00:00Z\">\
        <Originator CompanyShortName=\"BA\"/><FlightLeg><LegIdentifier><Airline CodeContext=\"3\">BA</Airline><FlightNumber>117</FlightNumber>\
        <DepartureAirport>LHR</DepartureAirport><ArrivalAirport>JFK</ArrivalAirport><OriginDate>2026-11-21</OriginDate></LegIdentifier>\
        <LegData><OperationalStatus>DX</OperationalStatus><OperationTime OperationQualifier=\"OFB\" TimeType=\"SCT\">2026-11-21T08:25:00Z</OperationTime>\
        <OperationTime OperationQualifier=\"ONB\" TimeType=\"SCT\">2026-11-21T16:20:00Z</OperationTime></LegData></FlightLeg></IATA_AIDX_FlightLegNotifRQ>";
    let bomb = "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\">]>\n<a>&b;&b;</a>";
    let recording = Recording::new(&[("a.xml", notice), ("b.xml", bomb)]);
    let output = recording.replay(&["aidx:a.xml", "aidx:b.xml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("b.xml:2: document: line 2, column 1: a document type declaration"), "{said}");
    let events = values(&recording.out(), "flight.events");
    let kinds: Vec<&str> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["SCHEDULED", "CANCELLED"]);
    assert_eq!((&events[1]["carrier"], &events[1]["source"]), (&"BA".into(), &"AIDX".into()));
}
