//! The board in a terminal: redrawn in place where there is one, a line now and then where there is none.

use std::io::{IsTerminal, Write};

use slipstream_schemas::records::{Cliff, CliffKind, Severity, Stake};
use slipstream_streams::record::rfc3339;

use crate::board::Board;

/// Lines of the feed shown.
const FEED_SHOWN: usize = 8;
/// Event time between two lines without a terminal: two hours.
const PLAIN_EVERY_MS: i64 = 2 * 3_600_000;

/// Draws boards on standard error.
#[derive(Debug)]
pub(crate) struct View {
    title: String,
    terminal: bool,
    drawn: usize,
    last_plain: i64,
}

impl View {
    /// A view with a title line.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), terminal: std::io::stderr().is_terminal(), drawn: 0, last_plain: i64::MIN }
    }

    /// Shows the board as it is now.
    pub(crate) fn draw(&mut self, board: &Board) {
        if self.terminal {
            let lines = lines(&self.title, board);
            let mut text = String::new();
            if self.drawn > 0 {
                text.push_str(&format!("\x1b[{}A", self.drawn));
            }
            lines.iter().for_each(|line| text.push_str(&format!("\x1b[2K{line}\n")));
            self.drawn = lines.len();
            self.write(&text);
        } else if board.at >= self.last_plain.saturating_add(PLAIN_EVERY_MS) {
            self.last_plain = board.at;
            self.write(&format!("{}\n", one_line(board)));
        }
    }

    /// Nothing more comes in place: what follows stands below.
    pub(crate) fn end(&mut self, board: &Board) {
        self.last_plain = i64::MIN;
        self.draw(board);
        self.drawn = 0;
    }

    /// A closed standard error is no reason to stop.
    fn write(&self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}

fn one_line(board: &Board) -> String {
    let (f, p) = (&board.flights, &board.people);
    format!(
        "{}  flown {}  late {} ({} over 1 h)  cancelled {}  diverted {}  open disruptions {}  passengers affected {}  rebooked {}  told {}",
        clock(board),
        f.flown,
        f.late,
        f.very_late,
        f.cancelled,
        f.diverted,
        board.open.values().sum::<u64>(),
        p.affected,
        p.rebooked,
        p.told,
    )
}

/// `2008-01-31 14:05 UTC`
fn clock(board: &Board) -> String {
    let text = rfc3339(board.at);
    format!("{} {} UTC", &text[..10], &text[11..16])
}

fn lines(title: &str, board: &Board) -> Vec<String> {
    let (f, p) = (&board.flights, &board.people);
    let mut lines = vec![
        format!("\x1b[1m{title}\x1b[0m   {}", clock(board)),
        String::new(),
        format!("  flights     scheduled {:>6}   departed {:>6}   flown {:>6}", f.scheduled, f.departed, f.flown),
        format!(
            "              late {:>6} (+60: {})   cancelled {:>5}   diverted {:>4}",
            f.late, f.very_late, f.cancelled, f.diverted
        ),
        format!("  disruptions opened {:>6}   open now {:>6}", board.disruptions, board.open.values().sum::<u64>()),
        format!(
            "  passengers  affected {:>6}   rebooked {:>6}   no seat {:>4}   care {:>6}",
            p.affected, p.rebooked, p.unplaceable, p.care
        ),
        format!("              owed {:>6} ({})   told {:>6}", p.owed, sums(board), p.told),
        format!("  at stake    {}", at_stake(board)),
        String::new(),
        "  worst chains of the day        legs   delay   brought along".to_owned(),
    ];
    let chains = board.worst_chains();
    for slot in 0..4 {
        lines.push(chains.get(slot).map_or(String::new(), |c| {
            format!("    {:<8} {:<28} {:>2}   +{:>4}   {:>4} min", c.tail, c.leg, c.legs, c.delay_min, c.reactionary_min)
        }));
    }
    lines.push(String::new());
    let skip = board.feed.len().saturating_sub(FEED_SHOWN);
    let newest: Vec<_> = board.feed.iter().skip(skip).collect();
    for slot in 0..FEED_SHOWN {
        lines.push(newest.get(slot).map_or(String::new(), |line| {
            let colour = match line.severity {
                Severity::Critical => "\x1b[31m",
                Severity::High => "\x1b[33m",
                Severity::Low | Severity::Unknown => "",
            };
            format!("  {} {colour}{}\x1b[0m", &rfc3339(line.at)[11..16], line.text)
        }));
    }
    lines
}

/// `12000 EUR due, 500 EUR open; from 14:00 more for 80 passengers`: the network's last reading and its next cliff.
fn at_stake(board: &Board) -> String {
    let Some(total) = &board.at_stake else { return "nothing yet".to_owned() };
    let part = |minor: i64, currency: &str, word: &str| (minor > 0).then(|| format!("{} {currency} {word}", minor / 100));
    let of = |s: &Stake| {
        [(s.settled_minor, "settled"), (s.due_minor, "due"), (s.open_minor, "open")].map(|(m, word)| part(m, &s.currency, word))
    };
    let sums: Vec<String> = total.stakes.iter().flat_map(of).flatten().collect();
    let costs = |cliff: &&Cliff| matches!(cliff.kind, CliffKind::Compensation | CliffKind::LargerSum) && cliff.at > board.at;
    let next = total.cliffs.iter().find(costs);
    let next = next.map(|c| format!("; from {} more for {} passengers", &rfc3339(c.at)[11..16], c.passengers));
    format!("{}{}", if sums.is_empty() { "no sum".to_owned() } else { sums.join(", ") }, next.unwrap_or_default())
}

fn sums(board: &Board) -> String {
    let sums: Vec<_> = board.people.sums.iter().filter(|(_, sum)| **sum > 0).map(|(c, sum)| format!("{sum} {c}")).collect();
    if sums.is_empty() { "nothing yet".to_owned() } else { sums.join(", ") }
}
