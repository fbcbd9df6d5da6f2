//! One of the two brokers, with the clients of one program on it.

use std::time::Instant;

use rdkafka::consumer::{CommitMode, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::kit::{GLANCE, PATIENCE, Producer, Reader, Site, answers, at, held, options, read_all, wait};
use crate::program::{Author, IDS, PARTITIONS, Step};

/// The clients of one program on one broker.
pub(crate) struct Side {
    site: Site,
    topic: String,
    producers: [Vec<Producer>; IDS],
    plain: Producer,
    member: Option<Reader>,
    /// The member's generation when it last joined: kept after it left.
    generation: Option<ConsumerGroupMetadata>,
    outsider: Reader,
    /// One for each isolation level.
    readers: [Reader; 2],
}

/// What can be seen of a broker from outside without reading.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    /// For each isolation level and partition: first offset and end.
    ends: Vec<(i64, i64)>,
    /// The group's offset of each partition, as it stands.
    offsets: Vec<Offset>,
}

impl Side {
    pub(crate) fn new(bootstrap: &str, run: &str) -> Self {
        let site = Site::new(bootstrap, &format!("differential {run}"));
        let topic = site.topic("t", PARTITIONS, &[]);
        let reader = |isolation| site.consumer("reader", &[("isolation.level", isolation), ("fetch.wait.max.ms", "20")]);
        let readers = [reader("read_committed"), reader("read_uncommitted")];
        let outsider = site.consumer("group", &[("isolation.level", "read_uncommitted")]);
        let plain = site.producer(&[("enable.idempotence", "true")]);
        Self { topic, producers: Default::default(), plain, member: None, generation: None, outsider, readers, site }
    }

    /// Takes a step; what its client is told, as a class.
    pub(crate) fn take(&mut self, number: usize, step: Step) -> String {
        let answer = self.answer(number, step);
        answer.map_or_else(|error| class(&error), |()| "ok".to_owned())
    }

    fn answer(&mut self, number: usize, step: Step) -> Result<(), KafkaError> {
        let topic = self.topic.clone();
        match step {
            Step::Init(id) => {
                self.producers[id].push(self.site.transactional(&format!("id{id}"), &[]));
                Ok(())
            }
            Step::Plain(partition) => send(&self.plain, &topic, partition, number),
            Step::Member => self.join_or_leave(),
            Step::MemberCommit(partition) => match &self.member {
                Some(member) => member.commit(&at(&topic, partition, number as i64), CommitMode::Sync),
                None => Ok(()),
            },
            Step::Trim(partition, offset) => {
                let trimmed = wait(self.site.admin().delete_records(&at(&topic, partition, offset), &options()))?;
                trimmed.find_partition(&topic, partition).unwrap().error()
            }
            Step::Begin(author) => self.by(author, |producer| producer.begin_transaction()),
            Step::Send(author, partition) => self.by(author, |producer| send(producer, &topic, partition, number)),
            Step::Commit(author) => self.by(author, |producer| producer.commit_transaction(PATIENCE)),
            Step::Abort(author) => self.by(author, |producer| producer.abort_transaction(PATIENCE)),
            Step::Offset(author, partition) => {
                let group = self.outsider.group_metadata().unwrap();
                self.send_offset(author, partition, number, &group)
            }
            Step::MemberOffset(author, partition) => match self.generation.take() {
                Some(generation) => {
                    let result = self.send_offset(author, partition, number, &generation);
                    self.generation = Some(generation);
                    result
                }
                None => Ok(()),
            },
        }
    }

    fn send_offset(&self, who: Author, partition: i32, number: usize, group: &ConsumerGroupMetadata) -> Result<(), KafkaError> {
        let offsets = at(&self.topic, partition, number as i64);
        self.by(who, |producer| producer.send_offsets_to_transaction(&offsets, group, PATIENCE))
    }

    /// The producer meant; a step of one that does not exist is none.
    fn by(&self, author: Author, call: impl FnOnce(&Producer) -> Result<(), KafkaError>) -> Result<(), KafkaError> {
        let producers = &self.producers[author.id];
        let back = if author.is_former { 2 } else { 1 };
        match producers.len().checked_sub(back) {
            Some(place) => call(&producers[place]),
            None => Ok(()),
        }
    }

    fn join_or_leave(&mut self) -> Result<(), KafkaError> {
        if let Some(member) = self.member.take() {
            member.unsubscribe();
            return Ok(());
        }
        let member = self.site.consumer("group", &[("partition.assignment.strategy", "range")]);
        member.subscribe(&[&self.topic])?;
        let began = Instant::now();
        while held(&member).len() < PARTITIONS as usize {
            member.poll(GLANCE);
            assert!(began.elapsed() < PATIENCE, "the member gets its partitions");
        }
        self.generation = member.group_metadata();
        self.member = Some(member);
        Ok(())
    }

    /// Looks at the ends and the group's offsets.
    pub(crate) fn sight(&mut self) -> Sight {
        let ends =
            |reader: &Reader| (0..PARTITIONS).map(|p| reader.fetch_watermarks(&self.topic, p, PATIENCE).unwrap()).collect();
        let ends: Vec<Vec<(i64, i64)>> = self.readers.iter().map(ends).collect();
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition_range(&self.topic, 0, PARTITIONS - 1);
        let answer = self.outsider.committed_offsets(wanted, PATIENCE).unwrap();
        let offset = |partition| answer.find_partition(&self.topic, partition).unwrap().offset();
        Sight { ends: ends.concat(), offsets: (0..PARTITIONS).map(offset).collect() }
    }

    /// Reads everything, on each isolation level: partition, offset and value.
    pub(crate) fn values(&self) -> Vec<Vec<(i32, i64, Option<String>)>> {
        let read = |reader| {
            let seen = read_all(reader, &self.topic).into_iter();
            seen.map(|record| (record.partition, record.offset, record.value)).collect()
        };
        self.readers.iter().map(read).collect()
    }
}

fn send(producer: &Producer, topic: &str, partition: i32, number: usize) -> Result<(), KafkaError> {
    let value = number.to_string();
    let record = BaseRecord::<str, str>::to(topic).partition(partition).payload(&value);
    producer.send(record).map_err(|(error, _)| error)?;
    let answer = answers(producer).pop().unwrap();
    answer.map(drop).map_err(KafkaError::MessageProduction)
}

/// What a caller can do about an error: the same class, the same program afterwards.
fn class(error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(cause) if cause.is_fatal() => "fatal".to_owned(),
        KafkaError::Transaction(cause) if cause.txn_requires_abort() => "abortable".to_owned(),
        KafkaError::Transaction(cause) if cause.is_retriable() => "retriable".to_owned(),
        other => format!("refused ({})", other.rdkafka_error_code().unwrap_or(Code::Unknown)),
    }
}
