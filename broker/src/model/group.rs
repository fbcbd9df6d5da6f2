//! One consumer group under the classic protocol: who is in it, which generation, who waits for what.
//!
//!     Empty ─join─► Preparing ─all joined, or deadline─► Completing ─leader synced─► Stable
//!                      ▲──────── join, leave, session lost, changed subscription ───────┘
//!
//! Every join and sync is answered through `Answers` under the caller's ticket, at once or when the state allows. The
//! generation changes only when a rebalance completes, so members may commit while one is being prepared. There is no
//! initial delay: the first member gets its generation at once. Members live in memory only; after a restart of the
//! broker they join anew, under ids that no earlier run gave out.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Code, offsets::Offsets};

/// Members of one group, and ids given out to members that have yet to join.
const MEMBERS_MAX: usize = 1_000;

/// Names the waiting caller that an answer is for.
pub(crate) type Ticket = u64;
/// Answers to waiting callers.
pub(crate) type Answers = Vec<(Ticket, Answer)>;

/// What a waiting caller gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// To JoinGroup; the refusal bears the member id to use.
    Join(Result<Joined, (Code, String)>),
    /// To SyncGroup: the assignment.
    Sync(Result<Bytes, Code>),
}

/// A completed join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) generation: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    pub(crate) member: String,
    /// For the leader: member, instance, metadata of everyone.
    pub(crate) members: Vec<(String, Option<String>, Bytes)>,
    /// The leader need not assign: what was assigned still holds.
    pub(crate) skip_assignment: bool,
}

/// A JoinGroup request.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
    pub(crate) client: String,
    pub(crate) host: String,
    pub(crate) session_ms: i64,
    pub(crate) rebalance_ms: i64,
    pub(crate) protocol_type: String,
    /// Assignment strategies with the member's metadata, preferred first.
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// The client asks for its id first and then joins with it.
    pub(crate) asks_for_id: bool,
    /// The client understands `skip_assignment`.
    pub(crate) may_skip: bool,
}

/// Where the group is; deadlines in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nobody.
    Empty,
    /// Waiting for members to join until the deadline.
    Preparing(i64),
    /// Waiting for the leader's assignment until the deadline.
    Completing(i64),
    /// Everyone has an assignment.
    Stable,
}

/// One member.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) instance: Option<String>,
    pub(crate) client: String,
    pub(crate) host: String,
    pub(crate) assignment: Bytes,
    pub(super) session_ms: i64,
    pub(super) rebalance_ms: i64,
    pub(super) protocols: Vec<(String, Bytes)>,
    pub(super) expires_ms: i64,
    pub(super) joining: Option<Ticket>,
    pub(super) syncing: Option<Ticket>,
}

impl Member {
    fn new(join: Join, ticket: Ticket, now: i64) -> Self {
        Self {
            expires_ms: now + join.session_ms,
            instance: join.instance,
            client: join.client,
            host: join.host,
            assignment: Bytes::new(),
            session_ms: join.session_ms,
            rebalance_ms: join.rebalance_ms,
            protocols: join.protocols,
            joining: Some(ticket),
            syncing: None,
        }
    }

    fn update(&mut self, join: Join) {
        self.session_ms = join.session_ms;
        self.rebalance_ms = join.rebalance_ms;
        self.protocols = join.protocols;
        self.client = join.client;
        self.host = join.host;
    }

    /// Answers whatever it waits for with a refusal.
    pub(super) fn refuse(&mut self, id: &str, code: Code, answers: &mut Answers) {
        answers.extend(self.joining.take().map(|ticket| (ticket, Answer::Join(Err((code, id.to_owned()))))));
        answers.extend(self.syncing.take().map(|ticket| (ticket, Answer::Sync(Err(code)))));
    }

    /// Its metadata for a strategy.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols.iter().find(|(name, _)| name == protocol).map(|(_, m)| m.clone()).unwrap_or_default()
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) phase: Phase,
    pub(crate) generation: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) members: BTreeMap<String, Member>,
    pub(crate) offsets: Offsets,
    pub(super) leader: String,
    pub(super) instances: BTreeMap<String, String>,
    /// Ids given out, each until the time by which its member must join.
    pub(super) promised: BTreeMap<String, i64>,
}

impl Group {
    /// Nobody, nothing committed.
    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Empty,
            generation: 0,
            protocol_type: String::new(),
            protocol: String::new(),
            members: BTreeMap::new(),
            offsets: Offsets::default(),
            leader: String::new(),
            instances: BTreeMap::new(),
            promised: BTreeMap::new(),
        }
    }

    /// Takes a join; `fresh_id` is used if the member needs an id.
    pub(crate) fn join(&mut self, join: Join, fresh_id: String, ticket: Ticket, now: i64, answers: &mut Answers) {
        let id = if join.member.is_empty() { fresh_id.clone() } else { join.member.clone() };
        if let Err(code) = self.try_join(join, fresh_id, ticket, now, answers) {
            answers.push((ticket, Answer::Join(Err((code, id)))));
        }
    }

    fn try_join(&mut self, join: Join, fresh_id: String, ticket: Ticket, now: i64, answers: &mut Answers) -> Result<(), Code> {
        if !self.supports(&join) {
            return Err(Code::InconsistentGroupProtocol);
        }
        let holder = join.instance.as_ref().and_then(|instance| self.instances.get(instance).cloned());
        if join.member.is_empty() {
            match holder {
                Some(old) => self.replace(&old, fresh_id, join, ticket, now, answers),
                None if join.instance.is_none() && join.asks_for_id => return self.promise(fresh_id, &join, now),
                None => self.add(fresh_id, join, ticket, now, answers)?,
            }
            return Ok(());
        }
        if join.instance.is_some() && holder.as_ref().is_some_and(|id| *id != join.member) {
            return Err(Code::FencedInstanceId);
        }
        if self.promised.remove(&join.member).is_some() {
            return self.add(join.member.clone(), join, ticket, now, answers);
        }
        self.rejoin(join, ticket, now, answers)
    }

    /// Whether one strategy would be common to everybody.
    fn supports(&self, join: &Join) -> bool {
        if join.protocol_type.is_empty() || join.protocols.is_empty() {
            return false;
        }
        let others = || self.members.iter().filter(|(id, _)| **id != join.member).map(|(_, member)| member);
        let common = |name: &str| others().all(|m| m.protocols.iter().any(|(other, _)| other == name));
        self.members.is_empty()
            || (self.protocol_type == join.protocol_type && join.protocols.iter().any(|(name, _)| common(name)))
    }

    fn promise(&mut self, id: String, join: &Join, now: i64) -> Result<(), Code> {
        self.check_size()?;
        self.promised.insert(id, now + join.session_ms);
        Err(Code::MemberIdRequired)
    }

    fn check_size(&self) -> Result<(), Code> {
        let full = self.members.len() + self.promised.len() >= MEMBERS_MAX;
        if full { Err(Code::GroupMaxSizeReached) } else { Ok(()) }
    }

    fn add(&mut self, id: String, join: Join, ticket: Ticket, now: i64, answers: &mut Answers) -> Result<(), Code> {
        self.check_size()?;
        if self.members.is_empty() {
            self.leader = id.clone();
            self.protocol_type = join.protocol_type.clone();
        }
        if let Some(instance) = &join.instance {
            self.instances.insert(instance.clone(), id.clone());
        }
        self.members.insert(id, Member::new(join, ticket, now));
        match self.phase {
            Phase::Preparing(_) => self.try_complete(now, answers),
            Phase::Empty | Phase::Completing(_) | Phase::Stable => self.prepare(now, answers),
        }
        Ok(())
    }

    fn rejoin(&mut self, join: Join, ticket: Ticket, now: i64, answers: &mut Answers) -> Result<(), Code> {
        let id = join.member.clone();
        let is_leader = id == self.leader;
        let member = self.members.get_mut(&id).ok_or(Code::UnknownMemberId)?;
        let unchanged = member.protocols == join.protocols;
        let current = match self.phase {
            Phase::Stable => unchanged && !is_leader,
            Phase::Completing(_) => unchanged,
            Phase::Preparing(_) | Phase::Empty => false,
        };
        member.refuse(&id, Code::RebalanceInProgress, answers);
        member.update(join);
        member.expires_ms = now + member.session_ms;
        if current {
            // The answer to an earlier join was lost: give it again.
            answers.push((ticket, Answer::Join(Ok(self.joined(&id)))));
            return Ok(());
        }
        member.joining = Some(ticket);
        match self.phase {
            Phase::Preparing(_) => self.try_complete(now, answers),
            Phase::Empty | Phase::Completing(_) | Phase::Stable => self.prepare(now, answers),
        }
        Ok(())
    }

    /// A static member came back: it takes the place and the assignment of `old`, whose requests are fenced from now on.
    fn replace(&mut self, old: &str, id: String, join: Join, ticket: Ticket, now: i64, answers: &mut Answers) {
        let Some(mut member) = self.members.remove(old) else { return };
        let may_skip = join.may_skip;
        member.refuse(old, Code::FencedInstanceId, answers);
        member.update(join);
        member.expires_ms = now + member.session_ms;
        let was_leader = self.leader == old;
        if was_leader {
            self.leader = id.clone();
        }
        self.instances.extend(member.instance.clone().map(|instance| (instance, id.clone())));
        let keeps = self.phase == Phase::Stable;
        member.joining = (!keeps).then_some(ticket);
        self.members.insert(id.clone(), member);
        if keeps && self.vote() == self.protocol {
            let answer = self.rejoined(&id, old, was_leader, may_skip);
            answers.push((ticket, Answer::Join(Ok(answer))));
            return;
        }
        self.members.entry(id).and_modify(|m| m.joining = Some(ticket));
        match self.phase {
            Phase::Preparing(_) => self.try_complete(now, answers),
            Phase::Empty | Phase::Completing(_) | Phase::Stable => self.prepare(now, answers),
        }
    }

    /// What a returning static member is told when nothing changes. A leader whose client cannot skip the assignment is
    /// told its old id as leader, so that it takes itself for a follower.
    fn rejoined(&self, id: &str, old: &str, was_leader: bool, may_skip: bool) -> Joined {
        let mut joined = self.joined(id);
        joined.skip_assignment = was_leader && may_skip;
        if was_leader && !may_skip {
            joined.leader = old.to_owned();
            joined.members = Vec::new();
        }
        joined
    }

    fn joined(&self, id: &str) -> Joined {
        let everyone =
            || self.members.iter().map(|(id, m)| (id.clone(), m.instance.clone(), m.metadata(&self.protocol))).collect();
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            member: id.to_owned(),
            members: if id == self.leader { everyone() } else { Vec::new() },
            skip_assignment: false,
        }
    }

    /// Begins a rebalance: whoever waits for an assignment is told to join again.
    pub(super) fn prepare(&mut self, now: i64, answers: &mut Answers) {
        for member in self.members.values_mut() {
            answers.extend(member.syncing.take().map(|ticket| (ticket, Answer::Sync(Err(Code::RebalanceInProgress)))));
        }
        self.phase = Phase::Preparing(now + self.patience());
        self.try_complete(now, answers);
    }

    fn patience(&self) -> i64 {
        self.members.values().map(|m| m.rebalance_ms).max().unwrap_or(0)
    }

    pub(super) fn try_complete(&mut self, now: i64, answers: &mut Answers) {
        if self.promised.is_empty() && self.members.values().all(|m| m.joining.is_some()) {
            self.complete(now, answers);
        }
    }

    /// Ends the wait for joins: a new generation of those who joined, and of static members who may yet return.
    pub(super) fn complete(&mut self, now: i64, answers: &mut Answers) {
        self.members.retain(|_, m| m.joining.is_some() || m.instance.is_some());
        let members = &self.members;
        self.instances.retain(|_, id| members.contains_key(id));
        if self.members.is_empty() {
            self.generation += 1;
            self.phase = Phase::Empty;
            self.protocol.clear();
            return;
        }
        let Some(first) = self.members.iter().find(|(_, m)| m.joining.is_some()).map(|(id, _)| id.clone()) else {
            self.phase = Phase::Preparing(now + self.patience());
            return;
        };
        if self.members.get(&self.leader).is_none_or(|m| m.joining.is_none()) {
            self.leader = first;
        }
        self.generation += 1;
        self.protocol = self.vote();
        self.phase = Phase::Completing(now + self.patience());
        self.answer_joins(now, answers);
    }

    fn answer_joins(&mut self, now: i64, answers: &mut Answers) {
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let joined = self.joined(&id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            if let Some(ticket) = member.joining.take() {
                member.expires_ms = now + member.session_ms;
                answers.push((ticket, Answer::Join(Ok(joined))));
            }
        }
    }

    /// The strategy that most members prefer among those common to all; the leader's order breaks ties.
    fn vote(&self) -> String {
        let common = |name: &str| self.members.values().all(|m| m.protocols.iter().any(|(other, _)| other == name));
        let favourite = |m: &Member| m.protocols.iter().map(|(name, _)| name.clone()).find(|name| common(name));
        let mut votes: BTreeMap<String, usize> = BTreeMap::new();
        self.members.values().filter_map(favourite).for_each(|name| *votes.entry(name).or_default() += 1);
        let best = votes.values().max().copied().unwrap_or(0);
        let order = self.members.get(&self.leader).map(|m| m.protocols.as_slice()).unwrap_or_default();
        let first = order.iter().map(|(name, _)| name).find(|name| votes.get(*name) == Some(&best));
        first.cloned().or_else(|| votes.into_keys().next()).unwrap_or_default()
    }
}
