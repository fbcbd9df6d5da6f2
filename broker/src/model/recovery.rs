//! A model from what an earlier run left on disk, and the facts that say where a model is.
//!
//!     journal ─► facts ─► topics, offsets, transactions ─► segments ─► logs ─► missing markers written
//!
//! Members of groups are not kept: they join anew. A transaction that was open stays open until its timeout, which may
//! have passed meanwhile.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use super::{
    Limits, Model,
    files::Files,
    log::Log,
    segment::Segment,
    shelf::{Fact, Tp},
    topics::Topic,
};

impl Model {
    /// A model on the folder `root`, where the last run on it ended.
    ///
    /// # Errors
    /// The folder cannot be used, or what is in it is damaged.
    pub(crate) fn open(now: i64, limits: Limits, root: &Path) -> io::Result<Self> {
        let (mut files, facts) = Files::open(root)?;
        let mut model = Self::new(now, limits, Box::new(super::NoShelf));
        let mut starts = BTreeMap::new();
        facts.into_iter().for_each(|fact| model.apply(fact, &mut starts));
        model.load_logs(&mut files, &starts)?;
        model.store = super::Store::new(Box::new(files));
        let finished = model.drop_deleted().and_then(|()| model.finish_decided()).and_then(|()| model.compact_journal());
        finished.map_err(|code| io::Error::other(model.failure().map_or_else(|| code.to_string(), str::to_owned)))?;
        Ok(model)
    }

    fn apply(&mut self, fact: Fact, starts: &mut BTreeMap<Tp, i64>) {
        match fact {
            Fact::Topic { name, partitions, settings } => {
                let topic = Topic::new(&name, partitions, settings);
                self.topics.insert(name, topic);
            }
            Fact::TopicGone { name } => {
                self.topics.remove(&name);
                starts.retain(|(topic, _), _| *topic != name);
                self.groups.values_mut().for_each(|group| group.offsets.forget_topic(&name));
            }
            Fact::LogStart { tp, offset } => {
                starts.insert(tp, offset);
            }
            Fact::Offset { group, tp, committed } => self.known_group(group).offsets.commit(tp, committed),
            Fact::Pending { group, producer, tp, committed } => self.known_group(group).offsets.hold(producer, tp, committed),
            Fact::Settled { group, producer, commit } => {
                self.known_group(group).offsets.settle(producer, commit);
            }
            Fact::GroupGone { group } => {
                self.groups.remove(&group);
            }
            Fact::Transaction { id, state } => {
                self.transactions.insert(id, state);
            }
            Fact::NextProducer { id } => self.next_producer = id,
        }
    }

    fn known_group(&mut self, name: Arc<str>) -> &mut super::Group {
        self.groups.entry(name).or_insert_with(super::Group::new)
    }

    fn load_logs(&mut self, files: &mut Files, starts: &BTreeMap<Tp, i64>) -> io::Result<()> {
        let (now, mut room) = (self.now, self.limits.memory_bytes);
        for log in self.topics.values_mut().flat_map(|topic| &mut topic.logs) {
            log.start = starts.get(&log.name).copied().unwrap_or(0);
            load(log, files, now, &mut room)?;
            // Retention may have taken everything, and with it the only trace of where the log ended.
            log.begin_at(log.end.max(log.start));
        }
        Ok(())
    }

    /// Segments wholly before the start of their log: the last run died before it removed them.
    fn drop_deleted(&mut self) -> Result<(), super::Code> {
        let store = &mut self.store;
        self.topics.values_mut().flat_map(|topic| &mut topic.logs).try_for_each(|log| log.drop_before_start(store))
    }

    /// Every fact that still holds.
    fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![Fact::NextProducer { id: self.next_producer }];
        for (name, topic) in &self.topics {
            let (name, settings) = (Arc::clone(name), topic.settings.clone());
            facts.push(Fact::Topic { name, partitions: topic.partitions(), settings });
            let moved = topic.logs.iter().filter(|log| log.start > 0);
            facts.extend(moved.map(|log| Fact::LogStart { tp: log.name.clone(), offset: log.start }));
        }
        for (name, group) in &self.groups {
            let group_name = || Arc::clone(name);
            let offset = |(tp, committed): (&Tp, &super::Committed)| Fact::Offset {
                group: group_name(),
                tp: tp.clone(),
                committed: committed.clone(),
            };
            facts.extend(group.offsets.iter().map(offset));
            facts.extend(group.offsets.iter_pending().map(|(producer, tp, committed)| Fact::Pending {
                group: group_name(),
                producer,
                tp: tp.clone(),
                committed: committed.clone(),
            }));
        }
        let transaction =
            |(id, state): (&Arc<str>, &super::Transaction)| Fact::Transaction { id: Arc::clone(id), state: state.clone() };
        facts.extend(self.transactions.iter().map(transaction));
        facts
    }

    /// Replaces the journal by the facts that still hold.
    ///
    /// # Errors
    /// `KafkaStorageError`.
    pub(super) fn compact_journal(&mut self) -> Result<(), super::Code> {
        let facts = self.facts();
        self.store.keep("rewrite the journal", |shelf| shelf.replace_facts(&facts))
    }
}

fn load(log: &mut Log, files: &mut Files, now: i64, room: &mut usize) -> io::Result<()> {
    for base in files.segments(&log.name)? {
        let content = files.recover(&log.name, base)?;
        let mut segment = Segment::closed(base, content.clone());
        match room.checked_sub(content.len()) {
            Some(left) => *room = left,
            None => segment.shelve(),
        }
        log.restore(segment, &content, now);
    }
    Ok(())
}
