//! The classic group protocol's requests, and those that list, describe and delete groups.

use kafka_protocol::{
    messages::{
        DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, GroupId, HeartbeatRequest,
        HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, ListGroupsRequest,
        ListGroupsResponse, SyncGroupRequest, SyncGroupResponse,
        delete_groups_response::DeletableGroupResult,
        describe_groups_response::{DescribedGroup, DescribedGroupMember},
        join_group_response::JoinGroupResponseMember,
        leave_group_request::MemberIdentity,
        leave_group_response::MemberResponse,
        list_groups_response::ListedGroup,
    },
    protocol::StrBytes,
};

use super::{Cluster, cluster::text, frame::Call};
use crate::model::{Answer, Code, Group, GroupPhase, Join, Joined, Model, Speaker};

/// Session timeouts that a member may ask for, ms (Kafka: group.max.session.timeout.ms; its lower limit is 6 s).
const SESSION_MS: std::ops::RangeInclusive<i32> = 100..=1_800_000;
/// From these versions on a member asks for its id first; a leader may be told to skip the assignment.
const ASKS_FOR_ID: i16 = 4;
const MAY_SKIP: i16 = 9;
/// In these versions and later the answer may leave the protocol out.
const PROTOCOL_MAY_BE_NULL: i16 = 7;

fn owned(value: &StrBytes) -> String {
    value.to_string()
}

/// Waits until the group has a generation for the member.
pub(super) async fn join(cluster: &Cluster, call: &Call, request: JoinGroupRequest) -> JoinGroupResponse {
    let refused = |code: Code, member: &str| {
        let name = (call.version < PROTOCOL_MAY_BE_NULL).then(|| text(""));
        let answer = JoinGroupResponse::default().with_error_code(code.code()).with_member_id(text(member));
        answer.with_protocol_name(name)
    };
    if !SESSION_MS.contains(&request.session_timeout_ms) {
        return refused(Code::InvalidSessionTimeout, &request.member_id);
    }
    let group = request.group_id.clone();
    let join = wanted(call, request);
    match cluster.ask(|model, ticket| model.join(&group, join, ticket)).await {
        Some(Answer::Join(Ok(joined))) => accepted(joined),
        Some(Answer::Join(Err((code, member)))) => refused(code, &member),
        Some(Answer::Sync(_)) | None => refused(Code::CoordinatorNotAvailable, ""),
    }
}

fn wanted(call: &Call, request: JoinGroupRequest) -> Join {
    // Version 0 has only the session timeout.
    let rebalance_ms = if call.version >= 1 { request.rebalance_timeout_ms } else { request.session_timeout_ms };
    Join {
        member: owned(&request.member_id),
        instance: request.group_instance_id.as_ref().map(owned),
        client: call.client.clone(),
        host: call.host.clone(),
        session_ms: i64::from(request.session_timeout_ms),
        rebalance_ms: i64::from(rebalance_ms.max(0)),
        protocol_type: owned(&request.protocol_type),
        protocols: request.protocols.into_iter().map(|p| (owned(&p.name), p.metadata)).collect(),
        asks_for_id: call.version >= ASKS_FOR_ID,
        may_skip: call.version >= MAY_SKIP,
    }
}

fn accepted(joined: Joined) -> JoinGroupResponse {
    let member = |(id, instance, metadata): (String, Option<String>, _)| {
        let instance = instance.as_deref().map(text);
        JoinGroupResponseMember::default().with_member_id(text(&id)).with_group_instance_id(instance).with_metadata(metadata)
    };
    JoinGroupResponse::default()
        .with_generation_id(joined.generation)
        .with_protocol_type(Some(text(&joined.protocol_type)))
        .with_protocol_name(Some(text(&joined.protocol)))
        .with_leader(text(&joined.leader))
        .with_skip_assignment(joined.skip_assignment)
        .with_member_id(text(&joined.member))
        .with_members(joined.members.into_iter().map(member).collect())
}

/// Waits until the leader has assigned.
pub(super) async fn sync(cluster: &Cluster, request: SyncGroupRequest) -> SyncGroupResponse {
    let (kind, name) = (request.protocol_type.clone(), request.protocol_name.clone());
    let answer = cluster.ask(|model, ticket| {
        let speaker = Speaker {
            member: &request.member_id,
            instance: request.group_instance_id.as_deref(),
            generation: request.generation_id,
        };
        let assignments = request.assignments.iter().map(|a| (owned(&a.member_id), a.assignment.clone())).collect();
        let protocol = (request.protocol_type.as_deref(), request.protocol_name.as_deref());
        model.sync(&request.group_id, speaker, protocol, assignments, ticket);
    });
    let response = SyncGroupResponse::default().with_protocol_type(kind).with_protocol_name(name);
    match answer.await {
        Some(Answer::Sync(Ok(assignment))) => response.with_assignment(assignment),
        Some(Answer::Sync(Err(code))) => response.with_error_code(code.code()),
        Some(Answer::Join(_)) | None => response.with_error_code(Code::CoordinatorNotAvailable.code()),
    }
}

fn code(outcome: Result<(), Code>) -> i16 {
    outcome.map_or_else(|code| code.code(), |()| 0)
}

/// A sign of life.
pub(super) fn heartbeat(cluster: &Cluster, request: HeartbeatRequest) -> HeartbeatResponse {
    let speaker =
        Speaker { member: &request.member_id, instance: request.group_instance_id.as_deref(), generation: request.generation_id };
    HeartbeatResponse::default().with_error_code(code(cluster.with(|model| model.heartbeat(&request.group_id, speaker))))
}

/// One member leaves, or from version 3 on several.
pub(super) fn leave(cluster: &Cluster, version: i16, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let group = &request.group_id;
    if version < 3 {
        let outcome = cluster.with(|model| model.leave(group, &request.member_id, None));
        return LeaveGroupResponse::default().with_error_code(code(outcome));
    }
    let one = |model: &mut Model, member: MemberIdentity| {
        let outcome = model.leave(group, &member.member_id, member.group_instance_id.as_deref());
        MemberResponse::default()
            .with_member_id(member.member_id)
            .with_group_instance_id(member.group_instance_id)
            .with_error_code(code(outcome))
    };
    let members = cluster.with(|model| request.members.into_iter().map(|member| one(model, member)).collect());
    LeaveGroupResponse::default().with_members(members)
}

fn state(group: &Group) -> &'static str {
    match group.phase {
        GroupPhase::Empty => "Empty",
        GroupPhase::Preparing(_) => "PreparingRebalance",
        GroupPhase::Completing(_) => "CompletingRebalance",
        GroupPhase::Stable => "Stable",
    }
}

/// Members, metadata, assignments; an unknown group is `Dead`, as Kafka has it.
pub(super) fn describe(cluster: &Cluster, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let groups = cluster.with(|model| request.groups.iter().map(|name| described(name, model.group(name))).collect());
    DescribeGroupsResponse::default().with_groups(groups)
}

fn described(name: &GroupId, group: Option<&Group>) -> DescribedGroup {
    let answer = DescribedGroup::default().with_group_id(name.clone()).with_error_message(None);
    let Some(group) = group else { return answer.with_group_state(text("Dead")) };
    let stable = group.phase == GroupPhase::Stable;
    let member = |(id, m): (&String, &crate::model::Member)| {
        DescribedGroupMember::default()
            .with_member_id(text(id))
            .with_group_instance_id(m.instance.as_deref().map(text))
            .with_client_id(text(&m.client))
            .with_client_host(text(&m.host))
            .with_member_metadata(m.metadata(&group.protocol))
            .with_member_assignment(if stable { m.assignment.clone() } else { Default::default() })
    };
    answer
        .with_group_state(text(state(group)))
        .with_protocol_type(text(&group.protocol_type))
        .with_protocol_data(text(if stable { &group.protocol } else { "" }))
        .with_members(group.members.iter().map(member).collect())
}

/// All groups, or those in the states asked for.
pub(super) fn list(cluster: &Cluster, version: i16, request: ListGroupsRequest) -> ListGroupsResponse {
    let wanted = |group: &Group| {
        let mut states = request.states_filter.iter();
        version < 4 || request.states_filter.is_empty() || states.any(|s| s.eq_ignore_ascii_case(state(group)))
    };
    let listed = |(name, group): (&std::sync::Arc<str>, &Group)| {
        ListedGroup::default()
            .with_group_id(GroupId(text(name)))
            .with_protocol_type(text(&group.protocol_type))
            .with_group_state(text(state(group)))
    };
    let groups = cluster.with(|model| model.groups().filter(|(_, group)| wanted(group)).map(listed).collect());
    ListGroupsResponse::default().with_groups(groups)
}

/// Deletes groups that have no members.
pub(super) fn delete(cluster: &Cluster, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let one = |model: &mut Model, name: GroupId| {
        let outcome = model.delete_group(&name);
        DeletableGroupResult::default().with_group_id(name).with_error_code(code(outcome))
    };
    let results = cluster.with(|model| request.groups_names.into_iter().map(|name| one(model, name)).collect());
    DeleteGroupsResponse::default().with_results(results)
}
