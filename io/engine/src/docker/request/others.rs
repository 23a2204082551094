//! Everything but creating a container.

use lazaret_model::{EngineAction, EngineOperation, RunConfiguration};

use super::endpoints::Call;
use super::{CreateVolume, LogIn, LogInStep, Request, Undecided, networking, shorten, wrong};
use crate::docker::fields::{Fields, flag, is_nothing, text, text_map};
use crate::docker::json::Value;
use crate::docker::volume;

/// From a checkpoint, a container would go on with memory that nobody has seen.
pub(super) fn start(call: &Call<'_>) -> Result<Request, Undecided> {
    if !call.query.get("checkpoint").is_empty() || !call.query.get("checkpoint-dir").is_empty() {
        return Ok(call.operation(EngineAction::Checkpoint));
    }
    Ok(Request::StartContainer { container: call.subject.clone() })
}

pub(super) fn exec(call: &Call<'_>) -> Result<Request, Undecided> {
    let harmless = [
        "AttachStderr",
        "AttachStdin",
        "AttachStdout",
        "Cmd",
        "ConsoleSize",
        "Detach",
        "DetachKeys",
        "Env",
        "Tty",
        "User",
        "WorkingDir",
    ];
    let fields = Fields::known(&call.body, "", &["Privileged"], &harmless)?;
    let privileged = flag(fields.get("Privileged"), "Privileged")?;
    Ok(log_in(call, EngineAction::Exec, LogInStep::Prepare { privileged }))
}

pub(super) fn exec_start(call: &Call<'_>) -> Result<Request, Undecided> {
    Fields::known(&call.body, "", &[], &["Detach", "Tty", "ConsoleSize"])?;
    Ok(log_in(call, EngineAction::Exec, LogInStep::Start))
}

fn log_in(call: &Call<'_>, action: EngineAction, step: LogInStep) -> Request {
    Request::LogIn(LogIn { operation: EngineOperation { action, subject: call.subject.clone() }, step })
}

/// Hearing what a container says is reading its log.
pub(super) fn attach(call: &Call<'_>) -> Result<Request, Undecided> {
    if call.query.flag("stdin") { attach_input(call) } else { Ok(Request::Read) }
}

pub(super) fn attach_input(call: &Call<'_>) -> Result<Request, Undecided> {
    Ok(log_in(call, EngineAction::Attach, LogInStep::Attach))
}

/// Limits may change; what the container may reach may not.
pub(super) fn update(call: &Call<'_>) -> Result<Request, Undecided> {
    let decided = ["CgroupParent", "DeviceCgroupRules", "DeviceRequests", "Devices"];
    let limits = [
        "BlkioDeviceReadBps",
        "BlkioDeviceReadIOps",
        "BlkioDeviceWriteBps",
        "BlkioDeviceWriteIOps",
        "BlkioWeight",
        "BlkioWeightDevice",
        "CpuCount",
        "CpuPercent",
        "CpuPeriod",
        "CpuQuota",
        "CpuRealtimePeriod",
        "CpuRealtimeRuntime",
        "CpuShares",
        "CpusetCpus",
        "CpusetMems",
        "IOMaximumBandwidth",
        "IOMaximumIOps",
        "Init",
        "KernelMemory",
        "KernelMemoryTCP",
        "Memory",
        "MemoryReservation",
        "MemorySwap",
        "MemorySwappiness",
        "NanoCpus",
        "OomKillDisable",
        "PidsLimit",
        "RestartPolicy",
        "Ulimits",
    ];
    let fields = Fields::known(&call.body, "", &decided, &limits)?;
    if let Some(key) = decided.iter().find(|key| !is_nothing(fields.get(key))) {
        return Err(wrong(key, "cannot be changed in a container"));
    }
    Ok(call.operation(EngineAction::Update))
}

pub(super) const IMAGE_CREATE: &[&str] =
    &["fromImage", "fromSrc", "repo", "tag", "message", "platform", "changes", "inputContext"];

/// Pulls, or imports.
pub(super) fn image_create(call: &Call<'_>) -> Result<Request, Undecided> {
    let (image, source) = (call.query.get("fromImage"), call.query.get("fromSrc"));
    let (action, name) = match (image, source) {
        ("", "") => return Err(Undecided::Query { key: "fromImage".to_owned(), why: "is missing" }),
        (image, "") => (EngineAction::Pull, image),
        ("", _) => (EngineAction::Import, call.query.get("repo")),
        _ => return Err(Undecided::Query { key: "fromSrc".to_owned(), why: "contradicts `fromImage`" }),
    };
    Ok(named(action, name, call.query.get("tag")))
}

fn named(action: EngineAction, name: &str, tag: &str) -> Request {
    let subject = match tag {
        "" => name.to_owned(),
        digest if digest.contains(':') => format!("{name}@{digest}"),
        tag => format!("{name}:{tag}"),
    };
    Request::Operation(EngineOperation { action, subject })
}

pub(super) fn tag(call: &Call<'_>) -> Result<Request, Undecided> {
    let to = named(EngineAction::Tag, call.query.get("repo"), call.query.get("tag"));
    let Request::Operation(operation) = to else { return Ok(to) };
    let subject = format!("{} as {}", call.subject, operation.subject);
    Ok(Request::Operation(EngineOperation { subject, ..operation }))
}

pub(super) const COMMIT: &[&str] = &["container", "repo", "tag", "comment", "author", "pause", "changes"];

pub(super) fn commit(call: &Call<'_>) -> Result<Request, Undecided> {
    let subject = call.query.get("container").to_owned();
    Ok(Request::Operation(EngineOperation { action: EngineAction::Commit, subject }))
}

pub(super) fn volume_create(call: &Call<'_>) -> Result<Request, Undecided> {
    let keys = ["Name", "Driver", "DriverOpts", "ClusterVolumeSpec"];
    let fields = Fields::known(&call.body, "", &keys, &["Labels"])?;
    if !is_nothing(fields.get("ClusterVolumeSpec")) {
        return Err(wrong("ClusterVolumeSpec", "asks for a volume of a cluster"));
    }
    let name = text(fields.get("Name"), "Name")?.to_owned();
    let options = text_map(fields.get("DriverOpts"), "DriverOpts")?;
    let mut run = RunConfiguration::default();
    let content = volume::Content::of(text(fields.get("Driver"), "Driver")?, &options);
    if content != volume::Content::Own {
        content.add_to(&mut run, &name, "", false);
    }
    Ok(Request::CreateVolume(Box::new(CreateVolume { name, run })))
}

pub(super) fn network_create(call: &Call<'_>) -> Result<Request, Undecided> {
    let read = ["Name", "Driver", "Scope", "Ingress", "ConfigOnly", "ConfigFrom", "Options", "IPAM"];
    let harmless = ["CheckDuplicate", "Internal", "Attachable", "EnableIPv4", "EnableIPv6", "Labels"];
    let fields = Fields::known(&call.body, "", &read, &harmless)?;
    let ipam = Fields::known(fields.get("IPAM"), "IPAM", &["Driver", "Options"], &["Config"])?;
    let asks_little = matches!(text(fields.get("Driver"), "Driver")?, "" | "bridge")
        && matches!(text(fields.get("Scope"), "Scope")?, "" | "local")
        && matches!(text(ipam.get("Driver"), "IPAM.Driver")?, "" | "default")
        && ["Ingress", "ConfigOnly", "ConfigFrom", "Options"].iter().all(|key| is_nothing(fields.get(key)))
        && is_nothing(ipam.get("Options"));
    let action = if asks_little { EngineAction::CreateNetwork } else { EngineAction::CreateSpecialNetwork };
    let subject = text(fields.get("Name"), "Name")?.to_owned();
    Ok(Request::Operation(EngineOperation { action, subject }))
}

pub(super) fn network_connect(call: &Call<'_>) -> Result<Request, Undecided> {
    let fields = Fields::known(&call.body, "", &["Container", "EndpointConfig"], &[])?;
    let mut run = RunConfiguration::default();
    networking::endpoint(fields.get("EndpointConfig"), "EndpointConfig", &mut run)?;
    if let Some(setting) = run.sysctls.first().or(run.escapes.first()) {
        return Err(wrong("EndpointConfig.DriverOpts", format!("asks for `{}`", shorten(setting))));
    }
    membership(call, &fields, EngineAction::ConnectNetwork)
}

pub(super) fn network_disconnect(call: &Call<'_>) -> Result<Request, Undecided> {
    let fields = Fields::known(&call.body, "", &["Container"], &["Force"])?;
    membership(call, &fields, EngineAction::DisconnectNetwork)
}

fn membership(call: &Call<'_>, fields: &Fields<'_>, action: EngineAction) -> Result<Request, Undecided> {
    if *fields.get("Container") == Value::Null {
        return Err(wrong("Container", "is missing"));
    }
    let subject = format!("{} (network {})", text(fields.get("Container"), "Container")?, call.subject);
    Ok(Request::Operation(EngineOperation { action, subject }))
}
