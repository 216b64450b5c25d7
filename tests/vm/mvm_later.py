# SPDX-License-Identifier: MIT
"""
The answers that later hosts of mvm decode, as strictly as they do: written from the protocol's
description, not from the agent. Beside mvm_types.py, which has those of mvm 0.7.

DIALECTS    {"A": 0.8 to 0.13 on port 52, "B": v1 on port 5252, "C": the latest, after a hello}
"""
from mvm_types import (Members, Undecodable, INTEGRATION, PROBE, TIME, array, boolean, default, i32,
                       nullable, one_of, string, struct, text, u64, whole)

u16, u32 = whole(0, 2 ** 16 - 1), whole(0, 2 ** 32 - 1)
CHUNK = array(whole(0, 255))
POSSIBLE = default(nullable(u64), None)


def closed(**fields):
    """A struct that has no other fields than these."""
    open_struct = struct(**fields)

    def decode_closed(value):
        if isinstance(value, Members):
            unknown = [name for name, _ in value if name not in fields]
            if unknown:
                raise Undecodable("unknown: %s" % ", ".join(unknown))
        return open_struct(value)
    decode_closed.fields = list(fields)
    return decode_closed


def error(kinds):
    return closed(kind=text(kinds), message=string)


ACK = {"success": boolean, "detail": nullable(string)}
COMMON = {
    "Pong": None,
    "WorkerStatus": closed(status=string, last_busy_at=nullable(string)),
    "IntegrationStatusReport": closed(integrations=array(INTEGRATION)),
    "ProbeStatusReport": closed(probes=array(PROBE)),
    "SleepPrepAck": closed(**ACK),
    "WakeAck": closed(success=boolean),
    "CheckpointResult": closed(success=boolean, failed=array(string), detail=nullable(string)),
    "ExecResult": closed(exit_code=i32, stdout=string, stderr=string),
    "PostRestoreAck": closed(**ACK),
    "Error": closed(message=text(r"(?s).+")),
    "FsDiffResult": closed(changes=array(closed(
        path=text("/.*"), kind=text("created|modified|deleted"), size=u64))),
    "PortForwardStarted": closed(guest_port=u16, vsock_port=u32),
    "ConsoleOpened": closed(session_id=u32, data_port=u32),
    "ConsoleResized": closed(session_id=u32),
    "ConsoleExited": closed(session_id=u32, exit_code=i32),
}

FILE = text("file|dir|symlink|other")
FS_ERROR = error("PolicyDenied|NotFound|PermissionDenied|AlreadyExists|CapExceeded|CrossDevice|"
                 "DirectoryNotEmpty|IoError|BadPath|Other")
FS = one_of({
    "Read": closed(content=CHUNK, total_size=u64),
    "Write": closed(bytes_written=u64),
    "List": closed(entries=array(closed(name=string, kind=FILE, size=u64)), truncated=boolean),
    "Stat": closed(canonical_path=string, kind=FILE, size=u64, mode=u32, mtime=nullable(TIME)),
    "Mkdir": None,
    "Remove": closed(entries_removed=u64),
    "Move": None,
    "Error": FS_ERROR,
})

PROC_ERROR = error("UnknownToken|SpawnFailed|SecurityEnvelopeFailed|InvalidArgv|InvalidEnv|BadCwd|"
                   "CapExceeded|UnsupportedInProduction|Other")
PROC_STATE = one_of({"running": None, "exited": i32, "killed": i32, "timed_out": None})
PROC = one_of({
    "Started": closed(pid_token=text("ptok-[0-9a-f]{32}")),
    "List": closed(processes=array(closed(pid_token=string, started_at=TIME, argv0=string,
                                          state=PROC_STATE))),
    "Signaled": None,
    "Killed": None,
    "InputAccepted": closed(bytes_accepted=u64),
    "Error": PROC_ERROR,
})
PROC_EVENTS = {
    "Stdout": closed(chunk=CHUNK),
    "Stderr": closed(chunk=CHUNK),
    "Exit": closed(code=i32),
    "Killed": closed(signal=i32),
    "TimedOut": None,
    "Error": PROC_ERROR,
}
BACKPRESSURE = closed(reason=one_of({
    "guest_agent_unavailable": None, "service_health_pending": closed(pending=array(string)),
    "output_consumer_slow": None, "input_buffer_full": None, "artifact_transfer_blocked": None,
    "builder_busy": None}), detail=string)


def entrypoint(kinds):
    return one_of({
        "Stdout": closed(chunk=CHUNK),
        "Stderr": closed(chunk=CHUNK),
        "Control": closed(header_json=string, payload=CHUNK),
        "Exit": closed(code=i32),
        "Error": error(kinds),
    })


ENTRYPOINT_ERRORS = ("PayloadCap|Timeout|Busy|WrapperCrashed|EntrypointInvalid|SessionKilled|"
                     "InternalError")
V1 = {
    **COMMON,
    "EntrypointEvent": entrypoint(ENTRYPOINT_ERRORS),
    "EntrypointStatusReport": closed(ok=boolean, path=nullable(string), detail=nullable(string)),
    "FsResult": FS,
    "ProcResult": PROC,
    "ProcWaitEvent": one_of(PROC_EVENTS),
    "VolumeMountResult": one_of({
        "Mounted": closed(canonical_path=string), "Unmounted": None,
        "Error": error("BadPath|PolicyDenied|BadVolumeName|MountFailed|Busy|IoError|Other")}),
    "UpdateIdleTimeoutAck": closed(previous_secs=u64, applied_secs=u64),
}

READINESS = one_of({"disabled": None, "starting": None, "ready": None,
                    "failed": closed(message=string)})
CAPABILITIES = ("ping|integration_status|entrypoint_status|run_entrypoint|filesystem_rpc|process_rpc|"
                "console|volume_mount|update_idle_timeout|readiness")
HEAD = {
    **V1,
    "EntrypointEvent": entrypoint(ENTRYPOINT_ERRORS + "|NotReady"),
    "ProcWaitEvent": one_of({**PROC_EVENTS, "Backpressure": BACKPRESSURE}),
    "ProtocolHelloAck": closed(agent_protocol_version=u32, min_supported_version=u32,
                               agent_version=string, capabilities=array(text(CAPABILITIES))),
    "ProtocolMismatch": closed(
        host_protocol_version=u32, agent_protocol_version=u32, message=string,
        required_action=text("upgrade_host|rebuild_guest|downgrade_host")),
    "UnsupportedInProfile": closed(profile=text("sealed-prod|dev|builder"), verb=string),
    "ReadinessStatusReport": closed(
        control_plane=READINESS, entrypoint=READINESS, warm_pool=READINESS, integrations=READINESS,
        probes=READINESS, volumes=READINESS, profile=text("sealed-prod|dev|builder"),
        boot_millis=closed(agent_started_ms=POSSIBLE, vsock_bound_ms=POSSIBLE,
                           first_accept_ms=POSSIBLE, entrypoint_ready_ms=POSSIBLE,
                           warm_pool_ready_ms=POSSIBLE, integrations_ready_ms=POSSIBLE,
                           probes_ready_ms=POSSIBLE)),
}

DIALECTS = {"A": COMMON, "B": V1, "C": HEAD}
