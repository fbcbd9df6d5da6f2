//! What may go wrong in a simulation, and how often.

/// A kind of fault. Each strikes by its own odds, at the calls where it can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A call to the log is the last of its process.
    Crash,
    /// The end of a transaction is lost on its way, or its answer is: nobody hears whether it was committed.
    LostCommit,
    /// The end of a transaction arrives seconds after its sender gave up.
    LateCommit,
    /// Before a turn, a process stands still for longer than its session or transaction may last.
    Still,
    /// Before a turn, a second process of the same identity starts while the first goes on.
    Double,
    /// A call takes as long as a session or a transaction may last: it ends in mid-transaction, or in mid-commit.
    Stall,
    /// A broker refuses a write: too few replicas are in sync.
    Refusal,
    /// The coordinator moves: for a while no call to it is answered.
    Move,
    /// A partition gives nothing for a while, although others do.
    SlowPartition,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Crash,
        Self::LostCommit,
        Self::LateCommit,
        Self::Still,
        Self::Double,
        Self::Stall,
        Self::Refusal,
        Self::Move,
        Self::SlowPartition,
    ];
}

/// How often each kind strikes, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    per_million: [u64; Fault::ALL.len()],
    /// Shards keep their bases on a disk of which every so many-th write fails; none: in memory.
    pub(super) disk_fails_every: Option<u64>,
    /// Turns after which nothing goes wrong any more.
    pub until: u64,
    /// Turns after which the run has failed.
    pub turns_max: u64,
}

impl Faults {
    /// Nothing goes wrong; the run has failed after so many turns.
    #[must_use]
    pub const fn none(turns_max: u64) -> Self {
        Self { per_million: [0; Fault::ALL.len()], disk_fails_every: None, until: 0, turns_max }
    }

    /// The same with bases on disk, which outlive half of the crashed processes; every `writes`-th write to a disk fails.
    #[must_use]
    pub const fn with_disks(mut self, writes: u64) -> Self {
        self.disk_fails_every = Some(writes);
        self
    }

    /// The same machines, and nothing goes wrong but with their disks.
    pub(super) const fn quiet(self) -> Self {
        Self { disk_fails_every: self.disk_fails_every, ..Self::none(self.turns_max) }
    }

    /// The same until another turn.
    #[must_use]
    pub const fn until(mut self, turn: u64) -> Self {
        self.until = turn;
        self
    }

    /// The same with other odds of one kind: how often it strikes in a million chances.
    #[must_use]
    pub const fn with(mut self, fault: Fault, per_million: u64) -> Self {
        self.per_million[fault as usize] = per_million;
        self
    }

    /// How often a kind strikes in a million chances.
    #[must_use]
    pub const fn odds(&self, fault: Fault) -> u64 {
        self.per_million[fault as usize]
    }

    /// The kinds that may strike.
    pub fn kinds(&self) -> impl Iterator<Item = Fault> + '_ {
        Fault::ALL.into_iter().filter(|fault| self.odds(*fault) > 0)
    }
}
