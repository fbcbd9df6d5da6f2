//! Partitions and offsets as librdkafka lists them.
//!
//!     Place, Offsets ─► TopicPartitionList ─► Offsets, or which partition has no answer
//!
//! Keeps nothing.

use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::errors::reopen;
use crate::log::{LogError, Offsets, Place};

/// Which partition's end could not be had, and why.
pub(super) fn unanswered(list: &TopicPartitionList) -> String {
    let elements = list.elements();
    let failed = elements.iter().find_map(|element| Some((element, element.error().err()?)));
    failed.map_or_else(String::new, |(element, error)| format!("{}/{}: its end: {error}", element.topic(), element.partition()))
}

/// A question for an offset of each partition.
pub(super) fn question(places: &[Place], which: Offset) -> Result<TopicPartitionList, LogError> {
    let mut asked = TopicPartitionList::with_capacity(places.len());
    for place in places {
        asked.add_partition_offset(&place.topic, place.partition, which).map_err(reopen)?;
    }
    Ok(asked)
}

/// Partitions with the offsets to go on at.
pub(super) fn list(offsets: &Offsets) -> Result<TopicPartitionList, LogError> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (place, offset) in offsets {
        list.add_partition_offset(&place.topic, place.partition, Offset::Offset(*offset)).map_err(reopen)?;
    }
    Ok(list)
}

/// The offsets that are known.
pub(super) fn offsets(list: &TopicPartitionList) -> Offsets {
    let known = list.elements().into_iter().filter_map(|element| match element.offset() {
        Offset::Offset(offset) => Some((Place::new(element.topic(), element.partition()), offset)),
        _ => None,
    });
    known.collect()
}
