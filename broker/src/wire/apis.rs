//! The requests that are answered, with their versions and shapes: what ApiVersions lists, and nothing else.
//!
//! The upper versions stop short of topic ids (Fetch 13, Metadata 10, CreateTopics 7), of batched coordinators and group
//! lists, and of KIP-848 and KIP-890.

use kafka_protocol::messages::ApiKey;

use super::shape::Field;

/// A request that is answered.
pub(super) struct Api {
    pub(super) key: ApiKey,
    pub(super) min: i16,
    pub(super) max: i16,
    pub(super) shape: &'static [Field],
}

const fn api(key: ApiKey, min: i16, max: i16, shape: &'static [Field]) -> Api {
    Api { key, min, max, shape }
}

const I8: Field = Field::fixed(1);
const I16: Field = Field::fixed(2);
const I32: Field = Field::fixed(4);
const I64: Field = Field::fixed(8);
const TEXT: Field = Field::text();

const NAMED_PARTITIONS: &[Field] = &[TEXT, Field::numbers()];

const PRODUCE: &[Field] = &[TEXT, I16, I32, Field::list(&[TEXT, Field::list(&[I32, Field::bytes()])])];
const FETCH_PARTITION: &[Field] = &[I32, I32.since(9), I64, I32.since(12), I64.since(5), I32];
const FETCH: &[Field] = &[
    I32,
    I32,
    I32,
    I32,
    I8,
    I32.since(7),
    I32.since(7),
    Field::list(&[TEXT, Field::list(FETCH_PARTITION)]),
    Field::list(NAMED_PARTITIONS).since(7),
    TEXT.since(11),
];
const LIST_OFFSETS: &[Field] = &[I32, I8.since(2), Field::list(&[TEXT, Field::list(&[I32, I32.since(4), I64])])];
const METADATA: &[Field] = &[Field::list(&[TEXT]), I8.since(4), I8.since(8), I8.since(8)];
const OFFSET_COMMIT: &[Field] =
    &[TEXT, I32, TEXT, TEXT.since(7), I64.until(4), Field::list(&[TEXT, Field::list(&[I32, I64, I32.since(6), TEXT])])];
const OFFSET_FETCH: &[Field] = &[TEXT, Field::list(NAMED_PARTITIONS), I8.since(7)];
const FIND_COORDINATOR: &[Field] = &[TEXT, I8.since(1)];
const JOIN_GROUP: &[Field] =
    &[TEXT, I32, I32.since(1), TEXT, TEXT.since(5), TEXT, Field::list(&[TEXT, Field::bytes()]), TEXT.since(8)];
const HEARTBEAT: &[Field] = &[TEXT, I32, TEXT, TEXT.since(3)];
const LEAVE_GROUP: &[Field] = &[TEXT, TEXT.until(2), Field::list(&[TEXT, TEXT, TEXT.since(5)]).since(3)];
const SYNC_GROUP: &[Field] =
    &[TEXT, I32, TEXT, TEXT.since(3), TEXT.since(5), TEXT.since(5), Field::list(&[TEXT, Field::bytes()])];
const CREATE_TOPIC: &[Field] = &[TEXT, I32, I16, Field::list(&[I32, Field::numbers()]), Field::list(&[TEXT, TEXT])];
const TXN_OFFSETS: &[Field] = &[TEXT, Field::list(&[I32, I64, I32.since(2), TEXT])];
const TXN_OFFSET_COMMIT: &[Field] = &[TEXT, TEXT, I64, I16, I32.since(3), TEXT.since(3), TEXT.since(3), Field::list(TXN_OFFSETS)];

/// In order of their keys.
pub(super) const APIS: &[Api] = &[
    api(ApiKey::Produce, 3, 9, PRODUCE),
    api(ApiKey::Fetch, 4, 12, FETCH),
    api(ApiKey::ListOffsets, 1, 6, LIST_OFFSETS),
    api(ApiKey::Metadata, 0, 9, METADATA),
    api(ApiKey::OffsetCommit, 2, 8, OFFSET_COMMIT),
    api(ApiKey::OffsetFetch, 1, 7, OFFSET_FETCH),
    api(ApiKey::FindCoordinator, 0, 3, FIND_COORDINATOR),
    api(ApiKey::JoinGroup, 0, 9, JOIN_GROUP),
    api(ApiKey::Heartbeat, 0, 4, HEARTBEAT),
    api(ApiKey::LeaveGroup, 0, 5, LEAVE_GROUP),
    api(ApiKey::SyncGroup, 0, 5, SYNC_GROUP),
    api(ApiKey::DescribeGroups, 0, 5, &[Field::texts(), I8.since(3)]),
    api(ApiKey::ListGroups, 0, 4, &[Field::texts().since(4)]),
    api(ApiKey::ApiVersions, 0, 3, &[TEXT.since(3), TEXT.since(3)]),
    api(ApiKey::CreateTopics, 2, 6, &[Field::list(CREATE_TOPIC), I32, I8]),
    api(ApiKey::DeleteTopics, 1, 5, &[Field::texts(), I32]),
    api(ApiKey::DeleteRecords, 0, 2, &[Field::list(&[TEXT, Field::list(&[I32, I64])]), I32]),
    api(ApiKey::InitProducerId, 0, 4, &[TEXT, I32, I64.since(3), I16.since(3)]),
    api(ApiKey::AddPartitionsToTxn, 0, 3, &[TEXT, I64, I16, Field::list(NAMED_PARTITIONS)]),
    api(ApiKey::AddOffsetsToTxn, 0, 3, &[TEXT, I64, I16, TEXT]),
    api(ApiKey::EndTxn, 0, 3, &[TEXT, I64, I16, I8]),
    api(ApiKey::TxnOffsetCommit, 0, 3, TXN_OFFSET_COMMIT),
    api(ApiKey::DescribeConfigs, 1, 4, &[Field::list(&[I8, TEXT, Field::texts()]), I8, I8.since(3)]),
    api(ApiKey::AlterConfigs, 0, 2, &[Field::list(&[I8, TEXT, Field::list(&[TEXT, TEXT])]), I8]),
    api(ApiKey::CreatePartitions, 0, 3, &[Field::list(&[TEXT, I32, Field::list(&[Field::numbers()])]), I32, I8]),
    api(ApiKey::DeleteGroups, 0, 2, &[Field::texts()]),
    api(ApiKey::IncrementalAlterConfigs, 0, 1, &[Field::list(&[I8, TEXT, Field::list(&[TEXT, I8, TEXT])]), I8]),
    api(ApiKey::DescribeCluster, 0, 0, &[I8]),
];

/// The request of this key, if it is answered.
pub(super) fn find(key: i16) -> Option<&'static Api> {
    APIS.iter().find(|api| api.key as i16 == key)
}
