//! The rest of a group's life: syncing, heartbeats, leaving, lost sessions, and who may commit.

use bytes::Bytes;

use super::{
    Code,
    group::{Answer, Answers, Group, Phase, Ticket},
};

/// Who speaks: a member, in a generation, maybe as a static instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaker<'a> {
    pub(crate) member: &'a str,
    pub(crate) instance: Option<&'a str>,
    pub(crate) generation: i32,
}

impl Group {
    /// Takes a sync; the leader's brings the assignments.
    pub(crate) fn sync(
        &mut self,
        speaker: Speaker<'_>,
        protocol: (Option<&str>, Option<&str>),
        assignments: Vec<(String, Bytes)>,
        ticket: Ticket,
        now: i64,
        answers: &mut Answers,
    ) {
        if let Err(code) = self.try_sync(speaker, protocol, assignments, ticket, now, answers) {
            answers.push((ticket, Answer::Sync(Err(code))));
        }
    }

    fn try_sync(
        &mut self,
        speaker: Speaker<'_>,
        (kind, name): (Option<&str>, Option<&str>),
        assignments: Vec<(String, Bytes)>,
        ticket: Ticket,
        now: i64,
        answers: &mut Answers,
    ) -> Result<(), Code> {
        self.check(speaker)?;
        if kind.is_some_and(|k| k != self.protocol_type) || name.is_some_and(|n| n != self.protocol) {
            return Err(Code::InconsistentGroupProtocol);
        }
        let is_leader = speaker.member == self.leader;
        let member = self.members.get_mut(speaker.member).ok_or(Code::UnknownMemberId)?;
        member.expires_ms = now + member.session_ms;
        match self.phase {
            Phase::Empty => return Err(Code::UnknownMemberId),
            Phase::Preparing(_) => return Err(Code::RebalanceInProgress),
            Phase::Stable => answers.push((ticket, Answer::Sync(Ok(member.assignment.clone())))),
            Phase::Completing(_) => {
                if let Some(lost) = member.syncing.replace(ticket) {
                    answers.push((lost, Answer::Sync(Err(Code::RebalanceInProgress))));
                }
                if is_leader {
                    self.assign(assignments, now, answers);
                }
            }
        }
        Ok(())
    }

    fn assign(&mut self, assignments: Vec<(String, Bytes)>, now: i64, answers: &mut Answers) {
        self.members.values_mut().for_each(|member| member.assignment = Bytes::new());
        for (id, assignment) in assignments {
            self.members.entry(id).and_modify(|member| member.assignment = assignment);
        }
        self.phase = Phase::Stable;
        for member in self.members.values_mut() {
            if let Some(ticket) = member.syncing.take() {
                member.expires_ms = now + member.session_ms;
                answers.push((ticket, Answer::Sync(Ok(member.assignment.clone()))));
            }
        }
    }

    /// Whether the speaker is a member of this generation.
    fn check(&self, speaker: Speaker<'_>) -> Result<(), Code> {
        if let Some(holder) = speaker.instance.and_then(|instance| self.instances.get(instance))
            && holder != speaker.member
        {
            return Err(Code::FencedInstanceId);
        }
        if !self.members.contains_key(speaker.member) {
            return Err(Code::UnknownMemberId);
        }
        if speaker.generation != self.generation { Err(Code::IllegalGeneration) } else { Ok(()) }
    }

    /// A member lives.
    ///
    /// # Errors
    /// `RebalanceInProgress`: it must join again; the fences of the classic protocol.
    pub(crate) fn heartbeat(&mut self, speaker: Speaker<'_>, now: i64) -> Result<(), Code> {
        self.check(speaker)?;
        self.touch(speaker.member, now);
        if matches!(self.phase, Phase::Preparing(_)) { Err(Code::RebalanceInProgress) } else { Ok(()) }
    }

    fn touch(&mut self, member: &str, now: i64) {
        if let Some(member) = self.members.get_mut(member) {
            member.expires_ms = now + member.session_ms;
        }
    }

    /// A member goes, by its id or by its static instance.
    ///
    /// # Errors
    /// `UnknownMemberId`, `FencedInstanceId`.
    pub(crate) fn leave(&mut self, member: &str, instance: Option<&str>, now: i64, answers: &mut Answers) -> Result<(), Code> {
        let id = match instance {
            Some(instance) => self.instances.get(instance).ok_or(Code::UnknownMemberId)?.clone(),
            None => member.to_owned(),
        };
        if !member.is_empty() && id != member {
            return Err(Code::FencedInstanceId);
        }
        if self.promised.remove(&id).is_some() {
            self.settle(now, answers);
            return Ok(());
        }
        if !self.members.contains_key(&id) {
            return Err(Code::UnknownMemberId);
        }
        self.remove(&id, answers);
        self.rebalance(now, answers);
        Ok(())
    }

    fn remove(&mut self, id: &str, answers: &mut Answers) {
        if let Some(mut member) = self.members.remove(id) {
            member.refuse(id, Code::UnknownMemberId, answers);
            self.instances.retain(|_, holder| holder != id);
        }
    }

    fn rebalance(&mut self, now: i64, answers: &mut Answers) {
        match self.phase {
            Phase::Empty => {}
            Phase::Preparing(_) => self.try_complete(now, answers),
            Phase::Completing(_) | Phase::Stable => self.prepare(now, answers),
        }
    }

    fn settle(&mut self, now: i64, answers: &mut Answers) {
        if matches!(self.phase, Phase::Preparing(_)) {
            self.try_complete(now, answers);
        }
    }

    /// Lets time pass: lost sessions, ids never used, deadlines.
    pub(crate) fn tick(&mut self, now: i64, answers: &mut Answers) {
        let promised = self.promised.len();
        self.promised.retain(|_, until| *until > now);
        let lapsed = self.lapsed(now);
        lapsed.iter().for_each(|id| self.remove(id, answers));
        if !lapsed.is_empty() {
            self.rebalance(now, answers);
        } else if promised != self.promised.len() {
            self.settle(now, answers);
        }
        if let Phase::Preparing(deadline) = self.phase
            && deadline <= now
        {
            self.promised.clear();
            self.complete(now, answers);
        }
    }

    /// Members whose session is over, or who joined and then did not sync in time. Whoever waits here is alive.
    fn lapsed(&self, now: i64) -> Vec<String> {
        let unsynced = matches!(self.phase, Phase::Completing(deadline) if deadline <= now);
        let waits = |m: &super::group::Member| m.joining.is_some() || m.syncing.is_some();
        let gone = self.members.iter().filter(|(_, m)| !waits(m) && (unsynced || m.expires_ms <= now));
        gone.map(|(id, _)| id.clone()).collect()
    }

    /// Nobody in it and nothing committed: as good as never heard of.
    pub(crate) fn is_forgettable(&self) -> bool {
        self.phase == Phase::Empty && self.promised.is_empty() && self.offsets.is_empty()
    }

    /// Whether the speaker may commit offsets; a generation below 0 stands for a client without membership.
    ///
    /// # Errors
    /// The fences of the classic protocol; `RebalanceInProgress` between join and sync (not for transactions).
    pub(crate) fn admit_commit(&mut self, speaker: Speaker<'_>, transactional: bool, now: i64) -> Result<(), Code> {
        if speaker.generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        if speaker.generation < 0 && speaker.member.is_empty() && speaker.instance.is_none() {
            return if transactional { Ok(()) } else { Err(Code::UnknownMemberId) };
        }
        if self.generation == 0 && self.members.is_empty() {
            // Nobody ever joined, as far as this run knows.
            return Err(Code::IllegalGeneration);
        }
        self.check(speaker)?;
        self.touch(speaker.member, now);
        let between = !transactional && matches!(self.phase, Phase::Completing(_));
        if between { Err(Code::RebalanceInProgress) } else { Ok(()) }
    }
}
