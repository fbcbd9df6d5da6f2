//! Consumer groups of the classic protocol: who holds what, who may commit, what is remembered.

use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};

use crate::Check;
use crate::kit::{
    GLANCE, PATIENCE, Reader, Site, at, committed, eventually, held, options, put, read_to_end, settle, values, wait,
};
use crate::raw;

pub(crate) const CHECKS: &[Check] = &[
    ("static member that is gone loses its share at the session timeout", session_timeout),
    ("static member that bounces keeps its share in silence", static_bounce),
    ("static name taken by a second member fences the first", static_duplicate),
    ("member that shares no strategy with the group is refused", inconsistent),
    ("two members share by range and one takes over", range),
    ("cooperative members give up only what moves", cooperative),
    ("commits are accepted while a rebalance is prepared", commit_in_rebalance),
    ("heartbeat of a wrong generation or member is refused", wrong_generation),
    ("committed offsets keep their metadata", commits),
    ("positions start where the group left off", resume),
    ("groups are listed, described and deleted", listing),
];

const RANGE: &[(&str, &str)] = &[("partition.assignment.strategy", "range"), ("heartbeat.interval.ms", "200")];

fn member(site: &Site, topic: &str, settings: &[(&str, &str)]) -> Reader {
    let member = site.consumer("group", &[RANGE, settings].concat());
    member.subscribe(&[topic]).unwrap();
    member
}

fn range(site: &Site) {
    let topic = site.topic("t", 4, &[]);
    let a = member(site, &topic, &[]);
    settle(&[&a], &[&[0, 1, 2, 3]]);
    let b = member(site, &topic, &[]);
    // Range goes by member id, which the broker makes up: either may get the first half.
    eventually("two each", || {
        a.poll(GLANCE);
        b.poll(GLANCE);
        (held(&a).len() == 2 && held(&b).len() == 2).then_some(())
    });
    let mut both = [held(&a), held(&b)];
    both.sort();
    assert_eq!(both, [[0, 1], [2, 3]]);

    b.unsubscribe();
    eventually("b holds nothing", || {
        b.poll(GLANCE);
        held(&b).is_empty().then_some(())
    });
    drop(b);
    settle(&[&a], &[&[0, 1, 2, 3]]);
}

fn cooperative(site: &Site) {
    let topic = site.topic("t", 4, &[]);
    let sticky = [("partition.assignment.strategy", "cooperative-sticky")];
    let a = member(site, &topic, &sticky);
    settle(&[&a], &[&[0, 1, 2, 3]]);
    let b = member(site, &topic, &sticky);
    eventually("two each", || {
        a.poll(GLANCE);
        b.poll(GLANCE);
        (held(&a).len() == 2 && held(&b).len() == 2).then_some(())
    });
    let moved: Vec<_> = a.context().story().split(' ').filter(|change| change.starts_with('-')).map(str::to_owned).collect();
    assert_eq!(moved, ["-2"], "{}", a.context().story());
}

fn static_bounce(site: &Site) {
    let topic = site.topic("t", 4, &[]);
    let named = |id| member(site, &topic, &[("group.instance.id", id), ("session.timeout.ms", "30000")]);
    let a = named("a");
    let b = named("b");
    settle(&[&a, &b], &[&[0, 1], &[2, 3]]);
    let before = a.context().story();
    drop(b);
    let b = named("b");
    settle(&[&a, &b], &[&[0, 1], &[2, 3]]);
    // The broker would tell `a` of a rebalance in the answer to its next heartbeat.
    let group = site.name("group");
    eventually("the group is stable", || (state(&a, &group)? == "Stable").then_some(()));
    assert_eq!(a.context().story(), before, "nobody else noticed");
}

/// Two processes under one name, as after a network split: the later one owns it, the earlier one must learn so.
fn static_duplicate(site: &Site) {
    let topic = site.topic("t", 2, &[]);
    let named = || member(site, &topic, &[("group.instance.id", "one name")]);
    let first = named();
    settle(&[&first], &[&[0, 1]]);
    let second = named();
    settle(&[&second], &[&[0, 1]]);
    let (code, _) = eventually("the first is told", || {
        first.poll(GLANCE);
        second.poll(GLANCE);
        first.client().fatal_error()
    });
    assert_eq!(code, Code::FencedInstanceId);
    assert_eq!(held(&second), [0, 1]);
}

fn inconsistent(site: &Site) {
    let topic = site.topic("t", 2, &[]);
    let a = member(site, &topic, &[]);
    settle(&[&a], &[&[0, 1]]);
    let b = member(site, &topic, &[("partition.assignment.strategy", "roundrobin")]);
    let refusal = eventually("a refusal", || {
        a.poll(GLANCE);
        b.poll(GLANCE).and_then(Result::err)
    });
    assert_eq!(refusal.rdkafka_error_code(), Some(Code::InconsistentGroupProtocol), "{refusal}");
    assert_eq!(held(&a), [0, 1]);
}

/// The group's state as the broker tells it.
fn state(reader: &Reader, group: &str) -> Option<String> {
    let list = reader.fetch_group_list(Some(group), PATIENCE).unwrap();
    list.groups().first().map(|group| group.state().to_owned())
}

fn session_timeout(site: &Site) {
    let topic = site.topic("t", 2, &[]);
    let named = |id| member(site, &topic, &[("group.instance.id", id), ("session.timeout.ms", "2000")]);
    let a = named("a");
    let b = named("b");
    settle(&[&a, &b], &[&[0], &[1]]);
    // A static member that is closed does not say goodbye: only silence tells.
    drop(b);
    settle(&[&a], &[&[0, 1]]);
}

fn commit_in_rebalance(site: &Site) {
    let topic = site.topic("t", 2, &[]);
    let group = site.name("group");
    let a = member(site, &topic, &[]);
    settle(&[&a], &[&[0, 1]]);
    let b = member(site, &topic, &[]);
    // `a` is not polled, so it does not join again and the rebalance stays in preparation.
    eventually("the group prepares a rebalance", || {
        b.poll(GLANCE);
        (state(&a, &group)? == "PreparingRebalance").then_some(())
    });
    a.commit(&at(&topic, 0, 5), CommitMode::Sync).unwrap();
    assert_eq!(committed(&a, &topic, 0), Ok(Offset::Offset(5)));
    eventually("one each", || {
        a.poll(GLANCE);
        b.poll(GLANCE);
        (held(&a).len() == 1 && held(&b).len() == 1).then_some(())
    });
}

fn wrong_generation(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let group = site.name("group");
    let a = member(site, &topic, &[]);
    settle(&[&a], &[&[0]]);
    let list = a.fetch_group_list(Some(&group), PATIENCE).unwrap();
    let id = list.groups()[0].members()[0].id();
    let beat = |generation, member: &str| raw::heartbeat(&site.bootstrap, &group, generation, member);
    assert_eq!(beat(1, id), 0, "the first generation is 1");
    assert_eq!(beat(99, id), Code::IllegalGeneration as i16);
    assert_eq!(beat(1, "nobody"), Code::UnknownMemberId as i16);
    let nowhere = raw::heartbeat(&site.bootstrap, &site.name("nobody"), 1, id);
    assert_eq!(nowhere, Code::UnknownMemberId as i16);
}

fn commits(site: &Site) {
    let topic = site.topic("t", 2, &[]);
    let reader = site.consumer("group", &[]);
    assert_eq!(committed(&reader, &topic, 0), Ok(Offset::Invalid), "nothing yet");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic, 0, Offset::Offset(7)).unwrap();
    list.find_partition(&topic, 0).unwrap().set_metadata("a note");
    reader.commit(&list, CommitMode::Sync).unwrap();

    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(&topic, 0, 1);
    let answer = site.consumer("group", &[]).committed_offsets(asked, PATIENCE).unwrap();
    let first = answer.find_partition(&topic, 0).unwrap();
    assert_eq!((first.offset(), first.metadata()), (Offset::Offset(7), "a note"));
    assert_eq!(answer.find_partition(&topic, 1).unwrap().offset(), Offset::Invalid);
    assert_eq!(committed(&site.consumer("other", &[]), &topic, 0), Ok(Offset::Invalid), "another group's business");
}

fn resume(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let producer = site.producer(&[]);
    put(&producer, &topic, 0, &["a", "b", "c"]);
    let first = member(site, &topic, &[]);
    assert_eq!(values(&read_to_end(&first, 1)), ["a", "b", "c"]);
    first.commit(&at(&topic, 0, 2), CommitMode::Sync).unwrap();
    drop(first);
    put(&producer, &topic, 0, &["d"]);
    assert_eq!(values(&read_to_end(&member(site, &topic, &[]), 1)), ["c", "d"]);

    let late = site.consumer("late", &[("auto.offset.reset", "latest")]);
    late.subscribe(&[&topic]).unwrap();
    assert_eq!(values(&read_to_end(&late, 1)), [""; 0]);
    put(&producer, &topic, 0, &["e"]);
    assert_eq!(values(&read_to_end(&late, 1)), ["e"]);
}

fn listing(site: &Site) {
    let topic = site.topic("t", 2, &[]);
    let group = site.name("group");
    let delete = |name: &str| {
        let answer = wait(site.admin().delete_groups(&[name], &options())).unwrap().pop().unwrap();
        answer.map(drop).map_err(|(_, code)| code)
    };
    let a = member(site, &topic, &[("client.id", "the-reader")]);
    settle(&[&a], &[&[0, 1]]);
    a.commit(&at(&topic, 0, 3), CommitMode::Sync).unwrap();

    let every = a.fetch_group_list(None, PATIENCE).unwrap();
    assert!(every.groups().iter().any(|found| found.name() == group), "{group} is listed");
    let described = a.fetch_group_list(Some(&group), PATIENCE).unwrap();
    let found = &described.groups()[0];
    assert_eq!((found.state(), found.protocol_type(), found.protocol()), ("Stable", "consumer", "range"));
    assert_eq!(found.members().len(), 1);
    assert_eq!(found.members()[0].client_id(), "the-reader");
    assert!(found.members()[0].assignment().is_some_and(|bytes| !bytes.is_empty()));

    assert_eq!(delete(&group), Err(Code::NonEmptyGroup));
    assert_eq!(delete(&site.name("nobody")), Err(Code::GroupIdNotFound));
    drop(a);
    let outsider = site.consumer("outsider", &[]);
    eventually("the group is empty", || (state(&outsider, &group)? == "Empty").then_some(()));
    assert_eq!(delete(&group), Ok(()));
    let again = site.consumer("group", &[("fetch.wait.max.ms", "100")]);
    assert_eq!(
        crate::kit::committed_within(&again, &topic, 0, Duration::from_secs(30)),
        Ok(Offset::Invalid),
        "its offsets went with it"
    );
}
