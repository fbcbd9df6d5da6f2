//! Group membership on the direct face: joins, syncs and heartbeats behind one `poll`.
//!
//!     join ─► poll … Assigned ─► poll … Revoked ─► (commit) ─► rejoin ─► poll … Assigned
//!
//! Between `Revoked` and `rejoin` the member still holds its generation, so it may commit what it did. Subscriptions and
//! assignments travel as plain text: members of this face never share a group with clients of the wire.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::Direct;
use crate::model::{Answer, Code, Join, Joined, Speaker, Ticket};

const KIND: &str = "consumer";
const STRATEGY: &str = "range";

/// What a poll found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These partitions are the member's now, in order of topic and partition.
    Assigned(Vec<(String, i32)>),
    /// The group rebalances: finish, commit, then [`Direct::rejoin`].
    Revoked,
    /// The member was thrown out: what it did since its last commit is another's to do. [`Direct::rejoin`] starts anew.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Joining(Ticket),
    Syncing(Ticket),
    Stable,
    Out,
}

/// A member of a consumer group.
#[derive(Debug, Clone)]
pub struct Member {
    group: String,
    instance: Option<String>,
    client: String,
    session_ms: i64,
    topics: Vec<String>,
    id: String,
    generation: i32,
    state: State,
}

impl Member {
    /// Its group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The generation that it is in; -1 before its first.
    #[must_use]
    pub fn generation(&self) -> i32 {
        self.generation
    }

    pub(super) fn speaker(&self) -> Speaker<'_> {
        Speaker { member: &self.id, instance: self.instance.as_deref(), generation: self.generation }
    }
}

impl Direct {
    /// Begins to join a group; [`Self::poll`] tells the rest. `client` names the member, `instance` makes it static.
    pub fn join(&mut self, group: &str, client: &str, instance: Option<&str>, session_ms: i64, topics: &[&str]) -> Member {
        let mut member = Member {
            group: group.to_owned(),
            instance: instance.map(str::to_owned),
            client: client.to_owned(),
            session_ms,
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
            id: String::new(),
            generation: -1,
            state: State::Out,
        };
        self.rejoin(&mut member);
        member
    }

    /// Joins again, after [`Change::Revoked`] or [`Change::Lost`].
    pub fn rejoin(&mut self, member: &mut Member) {
        let ticket = self.ticket();
        let join = Join {
            member: member.id.clone(),
            instance: member.instance.clone(),
            client: member.client.clone(),
            host: String::new(),
            session_ms: member.session_ms,
            rebalance_ms: member.session_ms,
            protocol_type: KIND.to_owned(),
            protocols: vec![(STRATEGY.to_owned(), member.topics.join("\n").into())],
            asks_for_id: false,
            may_skip: false,
        };
        self.model.join(&member.group, join, ticket);
        member.state = State::Joining(ticket);
    }

    /// One step of the member's protocol, a heartbeat where there is nothing else; `None`: nothing new.
    ///
    /// # Errors
    /// `FencedInstanceId`: another holds this static instance now.
    pub fn poll(&mut self, member: &mut Member) -> Result<Option<Change>, Code> {
        match member.state {
            State::Out => Ok(None),
            State::Stable => self.beat(member),
            State::Joining(ticket) => match self.take_answer(ticket) {
                Some(Answer::Join(Ok(joined))) => {
                    self.take_part(member, joined);
                    self.poll(member)
                }
                Some(Answer::Join(Err((code, _)))) => self.refused(member, code),
                Some(Answer::Sync(_)) | None => Ok(None),
            },
            State::Syncing(ticket) => match self.take_answer(ticket) {
                Some(Answer::Sync(Ok(assignment))) => {
                    member.state = State::Stable;
                    Ok(Some(Change::Assigned(partitions(&assignment))))
                }
                Some(Answer::Sync(Err(code))) => self.refused(member, code),
                Some(Answer::Join(_)) | None => Ok(None),
            },
        }
    }

    fn beat(&mut self, member: &mut Member) -> Result<Option<Change>, Code> {
        match self.model.heartbeat(&member.group, member.speaker()) {
            Ok(()) => Ok(None),
            Err(Code::RebalanceInProgress) => {
                member.state = State::Out;
                Ok(Some(Change::Revoked))
            }
            Err(Code::FencedInstanceId) => Err(Code::FencedInstanceId),
            Err(_) => Ok(Some(lost(member))),
        }
    }

    fn refused(&mut self, member: &mut Member, code: Code) -> Result<Option<Change>, Code> {
        match code {
            Code::RebalanceInProgress => {
                self.rejoin(member);
                Ok(None)
            }
            Code::FencedInstanceId => Err(code),
            _ => Ok(Some(lost(member))),
        }
    }

    fn take_part(&mut self, member: &mut Member, joined: Joined) {
        member.id = joined.member;
        member.generation = joined.generation;
        let assignments = if joined.members.is_empty() { Vec::new() } else { self.assign(&joined.members) };
        let ticket = self.ticket();
        self.model.sync(&member.group, member.speaker(), (Some(KIND), Some(STRATEGY)), assignments, ticket);
        member.state = State::Syncing(ticket);
    }

    /// Kafka's `range`: topic by topic, members in order, the first ones get one more where it does not come out even.
    fn assign(&self, members: &[(String, Option<String>, Bytes)]) -> Vec<(String, Bytes)> {
        let mut readers: BTreeMap<String, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for (id, instance, topics) in members {
            for topic in String::from_utf8_lossy(topics).lines() {
                readers.entry(topic.to_owned()).or_default().insert((instance.as_deref().unwrap_or(id), id));
            }
        }
        let mut shares: BTreeMap<&str, String> = members.iter().map(|(id, _, _)| (id.as_str(), String::new())).collect();
        for (topic, readers) in &readers {
            let count = usize::try_from(self.partitions(topic).unwrap_or(0)).unwrap_or(0);
            let (each, more) = (count / readers.len(), count % readers.len());
            for (index, (_, id)) in readers.iter().enumerate() {
                let from = index * each + index.min(more);
                let to = from + each + usize::from(index < more);
                let share = shares.entry(id).or_default();
                share.extend((from..to).map(|partition| format!("{topic}\t{partition}\n")));
            }
        }
        shares.into_iter().map(|(id, share)| (id.to_owned(), share.into())).collect()
    }

    /// Leaves the group at once.
    pub fn leave(&mut self, member: &mut Member) {
        // Whoever is no longer a member has left already.
        let _left = self.model.leave(&member.group, &member.id, None);
        member.state = State::Out;
    }
}

fn lost(member: &mut Member) -> Change {
    member.id.clear();
    member.generation = -1;
    member.state = State::Out;
    Change::Lost
}

fn partitions(assignment: &[u8]) -> Vec<(String, i32)> {
    let text = String::from_utf8_lossy(assignment);
    let place = |line: &str| line.split_once('\t').and_then(|(topic, part)| Some((topic.to_owned(), part.parse().ok()?)));
    text.lines().filter_map(place).collect()
}
