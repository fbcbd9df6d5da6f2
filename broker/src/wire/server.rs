//! Accepts connections and answers their requests, until told to stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, ApiVersionsResponse, api_versions_response::ApiVersion};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Cluster, admin, apis, fetch,
    frame::{self, Call, Hostile},
    groups, metadata, offsets, produce, transactions,
};
use crate::model::Code;

/// Connections at a time; more wait in the socket's queue.
const CONNECTIONS_MAX: usize = 1_000;
/// A client that sends nothing, or takes nothing, for this long is hung up on (Kafka: connections.max.idle.ms).
const IDLE_MAX: Duration = Duration::from_secs(600);
/// How often time passes for the model.
const TICK: Duration = Duration::from_millis(50);

/// Serves `cluster` on `listener` until `stop`.
pub(crate) async fn serve(listener: TcpListener, cluster: Arc<Cluster>, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    tasks.spawn(pass_time(Arc::clone(&cluster), stop.clone()));
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((socket, peer, slot)) = accepted else { continue };
        let (cluster, stop) = (Arc::clone(&cluster), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                result = converse(socket, peer, &cluster) => {
                    if let Err(error) = result {
                        tracing::debug!(%peer, %error, "connection closed");
                    }
                }
            }
            drop(slot);
        });
    }
    tasks.close();
    tasks.wait().await;
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((socket, peer)) => Some((socket, peer, slot)),
        Err(error) => {
            tracing::warn!(%error, "accept failed");
            tokio::time::sleep(TICK).await;
            None
        }
    }
}

async fn pass_time(cluster: Arc<Cluster>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => cluster.tick(),
        }
    }
}

async fn converse(mut socket: TcpStream, peer: SocketAddr, cluster: &Cluster) -> Result<(), Hostile> {
    socket.set_nodelay(true)?;
    let host = format!("/{}", peer.ip());
    while let Some(frame) = timeout(IDLE_MAX, frame::read(&mut socket)).await?? {
        let (call, body) = frame::open(frame, &host)?;
        if let Some(answer) = answer(cluster, &call, body).await? {
            timeout(IDLE_MAX, socket.write_all(&answer)).await??;
        }
    }
    Ok(())
}

/// Decodes the body, hands it to a handler, frames what it returns.
macro_rules! handle {
    ($call:expr, $body:expr, $handler:expr) => {{
        let response = $handler(frame::decode($body, $call.version)?);
        frame::encode($call, $call.version, &response).map(Some)
    }};
    ($call:expr, $body:expr, await $handler:expr) => {{
        let response = $handler(frame::decode($body, $call.version)?).await;
        frame::encode($call, $call.version, &response).map(Some)
    }};
}

/// One request answered; `None` for a Produce that wants no answer.
async fn answer(cluster: &Cluster, call: &Call, body: Bytes) -> Result<Option<BytesMut>, Hostile> {
    match call.key {
        ApiKey::Produce => match produce::produce(cluster, frame::decode(body, call.version)?) {
            Some(response) => frame::encode(call, call.version, &response).map(Some),
            None => Ok(None),
        },
        ApiKey::Fetch => handle!(call, body, await |request| fetch::fetch(cluster, request)),
        ApiKey::JoinGroup => handle!(call, body, await |request| groups::join(cluster, call, request)),
        ApiKey::SyncGroup => handle!(call, body, await |request| groups::sync(cluster, request)),
        ApiKey::ApiVersions => api_versions(call),
        _ => answer_at_once(cluster, call, body),
    }
}

fn answer_at_once(cluster: &Cluster, call: &Call, body: Bytes) -> Result<Option<BytesMut>, Hostile> {
    match call.key {
        ApiKey::ListOffsets => handle!(call, body, |request| fetch::list_offsets(cluster, call.version, request)),
        ApiKey::Metadata => handle!(call, body, |request| metadata::metadata(cluster, call.version, request)),
        ApiKey::DescribeCluster => handle!(call, body, |request| metadata::describe_cluster(cluster, request)),
        ApiKey::FindCoordinator => handle!(call, body, |request| metadata::find_coordinator(cluster, request)),
        ApiKey::OffsetCommit => handle!(call, body, |request| offsets::commit(cluster, request)),
        ApiKey::OffsetFetch => handle!(call, body, |request| offsets::fetch(cluster, call.version, request)),
        ApiKey::Heartbeat => handle!(call, body, |request| groups::heartbeat(cluster, request)),
        ApiKey::LeaveGroup => handle!(call, body, |request| groups::leave(cluster, call.version, request)),
        ApiKey::DescribeGroups => handle!(call, body, |request| groups::describe(cluster, request)),
        ApiKey::ListGroups => handle!(call, body, |request| groups::list(cluster, call.version, request)),
        ApiKey::DeleteGroups => handle!(call, body, |request| groups::delete(cluster, request)),
        ApiKey::CreateTopics => handle!(call, body, |request| admin::create_topics(cluster, call.version, request)),
        ApiKey::DeleteTopics => handle!(call, body, |request| admin::delete_topics(cluster, request)),
        ApiKey::CreatePartitions => handle!(call, body, |request| admin::create_partitions(cluster, request)),
        ApiKey::DeleteRecords => handle!(call, body, |request| admin::delete_records(cluster, request)),
        ApiKey::DescribeConfigs => handle!(call, body, |request| admin::describe_configs(cluster, request)),
        ApiKey::AlterConfigs => handle!(call, body, |request| admin::alter_configs(cluster, request)),
        ApiKey::IncrementalAlterConfigs => handle!(call, body, |request| admin::incremental_alter_configs(cluster, request)),
        ApiKey::InitProducerId => handle!(call, body, |request| transactions::init(cluster, call.version, request)),
        ApiKey::AddPartitionsToTxn => {
            handle!(call, body, |request| transactions::add_partitions(cluster, call.version, request))
        }
        ApiKey::AddOffsetsToTxn => handle!(call, body, |request| transactions::add_offsets(cluster, call.version, request)),
        ApiKey::TxnOffsetCommit => handle!(call, body, |request| transactions::commit_offsets(cluster, request)),
        ApiKey::EndTxn => handle!(call, body, |request| transactions::end(cluster, call.version, request)),
        _ => Err(Hostile::Key(call.key as i16)),
    }
}

/// What is answered here. A client newer than that is told so in the oldest form, which it can always read.
fn api_versions(call: &Call) -> Result<Option<BytesMut>, Hostile> {
    let listed =
        |api: &apis::Api| ApiVersion::default().with_api_key(api.key as i16).with_min_version(api.min).with_max_version(api.max);
    let code = if call.supported { 0 } else { Code::UnsupportedVersion.code() };
    let response = ApiVersionsResponse::default().with_error_code(code).with_api_keys(apis::APIS.iter().map(listed).collect());
    frame::encode(call, if call.supported { call.version } else { 0 }, &response).map(Some)
}
