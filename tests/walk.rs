//! The walk of docs/WALK.md, done as its reader does it: every command of it in one shell, every text it shows awaited.
//!
//!     ```sh block ─► bash ─► what it says ─► the ```text block after it: each of its lines is in there, `…` is anything
//!
//! A block with a text is typed again until it says so, as a reader would. Two things differ: the program is the one under test, and
//! ports are free ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const WALK: &str = include_str!("../docs/WALK.md");
/// Longest wait for what one block shows: the scenario comes round once a minute.
const PATIENCE: Duration = Duration::from_secs(100);
/// Ports as the document has them.
const PORTS: [&str; 3] = ["9092", "8081", "8080"];

/// A block of commands and what they show.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    commands: String,
    shows: Vec<String>,
}

/// The steps of a document, in order.
fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut blocks = document.split("\n```");
    blocks.next();
    while let (Some(block), _) = (blocks.next(), blocks.next()) {
        let (kind, text) = block.split_once('\n').unwrap();
        match kind {
            "sh" => steps.push(Step { commands: text.to_owned(), shows: Vec::new() }),
            "text" => steps.last_mut().unwrap().shows = text.lines().map(str::to_owned).collect(),
            other => panic!("`{other}` is no block of a walk"),
        }
    }
    steps
}

/// Whether the parts of `pattern` between its ellipses are in `line`, in their order.
fn is_in(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    pattern.split('…').map(str::trim).all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// A bash that is typed into; everything it started ends with it.
struct Shell {
    bash: Child,
    typed: ChildStdin,
    said: Receiver<String>,
}

impl Shell {
    fn open() -> Self {
        let mut command = Command::new("bash");
        command.arg("--norc").current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::piped()).stdout(Stdio::piped());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SLIPSTREAM_")) {
            command.env_remove(name);
        }
        let mut bash = command.process_group(0).spawn().unwrap();
        let (typed, output) = (bash.stdin.take().unwrap(), BufReader::new(bash.stdout.take().unwrap()));
        let (sender, said) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut shell = Self { bash, typed, said };
        let program = Path::new(env!("CARGO_BIN_EXE_slipstream")).parent().unwrap().display().to_string();
        shell.run(&format!("exec 2>&1; export PATH=\"{program}:$PATH\""));
        shell
    }

    /// What the commands say, and their status.
    fn run(&mut self, commands: &str) -> (Vec<String>, String) {
        const END: &str = "end of the block:";
        writeln!(self.typed, "{commands}\necho; echo '{END}' $?").unwrap();
        let (mut lines, began) = (Vec::new(), Instant::now());
        loop {
            match self.said.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                Ok(line) => match line.strip_prefix(END) {
                    Some(status) => return (lines, status.trim().to_owned()),
                    None => lines.push(line),
                },
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{commands}: no end; it said {lines:#?}")
                }
            }
        }
    }

    /// Types the commands until they show what the document says.
    fn walk(&mut self, step: &Step) {
        let began = Instant::now();
        loop {
            let (said, _) = self.run(&step.commands);
            let missing: Vec<_> = step.shows.iter().filter(|shown| !said.iter().any(|line| is_in(shown, line))).collect();
            if missing.is_empty() {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{}\ndoes not show {missing:#?}\nbut {said:#?}", step.commands);
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // A panic in the middle leaves servers behind: they are of bash's group.
        let group = format!("-{}", self.bash.id());
        let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.bash.wait();
    }
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

#[test]
fn the_walk_shows_what_it_says() {
    let ports = PORTS.map(|port| (port, free_port()));
    let document = ports.iter().fold(WALK.to_owned(), |text, (port, free)| text.replace(port, free));
    let steps = steps(&document);
    let (build, walk) = steps.split_first().unwrap();
    assert!(build.commands.starts_with("cargo build --release") && build.commands.contains("export PATH="), "{build:?}");
    assert!(walk.len() >= 10 && walk.iter().filter(|step| !step.shows.is_empty()).count() >= 8, "the document was read");
    let mut shell = Shell::open();
    for step in walk {
        shell.walk(step);
    }
    let (left, _) = shell.run("jobs -r");
    assert!(left.iter().all(String::is_empty), "the last step ends what was started: {left:?}");
}

#[test]
fn steps_are_read_and_compared_as_written() {
    let document = "# A\n\n```sh\na\nb\n```\nwords\n```text\nx … y\n```\n\n```sh\nc\n```\n";
    let step = |commands: &str, shows: &[&str]| Step {
        commands: commands.to_owned(),
        shows: shows.iter().map(|s| (*s).to_owned()).collect(),
    };
    assert_eq!(steps(document), [step("a\nb", &["x … y"]), step("c", &[])]);
    assert!(is_in("x … y", "  x and y.") && is_in("x", "axb") && !is_in("x … y", "y and x") && !is_in("z", ""));
}
