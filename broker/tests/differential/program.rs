//! Programs: what several clients do to a broker, one step after the other, drawn from a seed.

use std::fmt::{Display, Formatter};

/// Steps of a program at most.
const STEPS_MAX: u64 = 16;
/// Kinds of steps.
pub(crate) const KINDS: usize = 11;
/// Transactional ids.
pub(crate) const IDS: usize = 2;
/// Partitions of the topic.
pub(crate) const PARTITIONS: i32 = 2;

/// A transactional producer: its id, and whether it is the one before the last that was initialised under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Author {
    pub(crate) id: usize,
    pub(crate) is_former: bool,
}

/// What one client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A new producer is initialised under this id.
    Init(usize),
    /// A transaction begins, at the client only.
    Begin(Author),
    /// A record in the transaction.
    Send(Author, i32),
    /// An offset of the group in the transaction, by nobody's generation.
    Offset(Author, i32),
    /// An offset of the group in the transaction, by the generation of the member.
    MemberOffset(Author, i32),
    Commit(Author),
    Abort(Author),
    /// A record of an idempotent producer.
    Plain(i32),
    /// The member joins, or leaves if it is there.
    Member,
    /// The member commits an offset.
    MemberCommit(i32),
    /// Records before an offset are deleted.
    Trim(i32, i64),
}

/// What is done.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) seed: u64,
    pub(crate) steps: Vec<Step>,
}

impl Program {
    /// The program of a seed. Mostly what a sound client does; now and then what it must not.
    pub(crate) fn drawn(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93).wrapping_add(1));
        let mut open = [false; IDS];
        let mut steps = vec![Step::Init(0)];
        let count = 6 + dice.below(STEPS_MAX - 6);
        while (steps.len() as u64) < count {
            let id = dice.below(IDS as u64) as usize;
            if !steps.contains(&Step::Init(id)) {
                steps.push(Step::Init(id));
                continue;
            }
            let author = Author { id, is_former: dice.below(6) == 0 };
            let partition = i32::try_from(dice.below(PARTITIONS as u64)).unwrap();
            if !author.is_former && !open[id] && dice.below(8) > 2 {
                open[id] = true;
                steps.push(Step::Begin(author));
                continue;
            }
            let step = match dice.below(24) {
                0..=7 => Step::Send(author, partition),
                8..=10 => Step::Commit(author),
                11 | 12 => Step::Abort(author),
                13 | 14 => Step::Offset(author, partition),
                15 => Step::MemberOffset(author, partition),
                16..=18 => Step::Plain(partition),
                19 => Step::Member,
                20 => Step::MemberCommit(partition),
                21 => Step::Trim(partition, dice.below(4).cast_signed()),
                22 => Step::Begin(author),
                _ => Step::Init(id),
            };
            if matches!(step, Step::Commit(a) | Step::Abort(a) if !a.is_former) || matches!(step, Step::Init(_)) {
                open[id] = false;
            }
            steps.push(step);
        }
        Self { seed, steps }
    }

    /// The same without one step.
    pub(crate) fn without(&self, at: usize) -> Self {
        let mut less = self.clone();
        less.steps.remove(at);
        less
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        self.steps.iter().enumerate().try_for_each(|(number, step)| writeln!(f, "    {number:2} {step:?}"))
    }
}

/// splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}
