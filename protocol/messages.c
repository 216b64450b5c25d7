/* SPDX-License-Identifier: MIT */
#include "protocol/messages.h"

#include "protocol/tables.h"

/*
 * A release leaves out the examples of messages with fields: only the manual, the fuzzers and the
 * tests need them. The example of a message without fields is the message, which the probe sends.
 */
#ifdef MESSAGE_EXAMPLES
#define EXAMPLE(...) __VA_ARGS__
#else
#define EXAMPLE(...) NULL
#endif

#define SINCE_V7 (DIALECT_V7 | SINCE_V8)
#define SINCE_V8 (DIALECT_V13 | SINCE_V1)
#define SINCE_V1 (DIALECT_V1 | DIALECT_HEAD | DIALECT_OURS)

/* A request about files: its name and fields, who knows it, the capability, an example. */
#define FILE_REQUEST(n, f, d, c, ...)                                                              \
	{                                                                                          \
		.body = { .name = (n), .fields = &(f) }, .direction = MESSAGE_REQUEST,             \
		.dialects = (d), .access = ACCESS_DEV, .capability = (c),                          \
		.answers = { ANSWER_FS_RESULT }, .example = EXAMPLE(__VA_ARGS__)                   \
	}

const struct message messages[MESSAGE_KINDS] = {
	[REQUEST_PING] = { .body = { .name = "Ping" },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V7,
		.capability = "ping",
		.answers = { ANSWER_PONG },
		.example = "\"Ping\"" },
	[REQUEST_WORKER_STATUS] = { .body = { .name = "WorkerStatus" },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V7,
		.answers = { ANSWER_WORKER_STATUS },
		.example = "\"WorkerStatus\"" },
	[REQUEST_INTEGRATION_STATUS] = { .body = { .name = "IntegrationStatus" },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V7,
		.capability = "integration_status",
		.answers = { ANSWER_INTEGRATION_STATUS },
		.example = "\"IntegrationStatus\"" },
	[REQUEST_PROBE_STATUS] = { .body = { .name = "ProbeStatus" },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V7,
		.answers = { ANSWER_PROBE_STATUS },
		.example = "\"ProbeStatus\"" },
	[REQUEST_WAKE] = { .body = { .name = "Wake" },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V7,
		.answers = { ANSWER_WAKE },
		.example = "\"Wake\"" },
	[REQUEST_POST_RESTORE] = { .body = { .name = "PostRestore" },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V7,
		.answers = { ANSWER_POST_RESTORE },
		.example = "\"PostRestore\"" },
	[REQUEST_SLEEP_PREP] = { .body = { .name = "SleepPrep", .fields = &sleep_prep_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V7,
		.answers = { ANSWER_SLEEP_PREP },
		.example = EXAMPLE("{\"SleepPrep\":{\"drain_timeout_secs\":30}}") },
	[REQUEST_CHECKPOINT_INTEGRATIONS] = { .body = { .name = "CheckpointIntegrations",
						      .fields = &checkpoint_integrations_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V7,
		.answers = { ANSWER_CHECKPOINT },
		.example = EXAMPLE("{\"CheckpointIntegrations\":{\"integrations\":[\"db\"]}}") },
	[REQUEST_EXEC] = { .body = { .name = "Exec", .fields = &exec_request_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V7,
		.access = ACCESS_EXEC,
		.answers = { ANSWER_EXEC },
		.example = EXAMPLE(
			"{\"Exec\":{\"command\":\"uptime\",\"stdin\":null,\"timeout_secs\":30}}") },
	[REQUEST_FS_DIFF] = { .body = { .name = "FsDiff" },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V8,
		.access = ACCESS_DEV,
		.answers = { ANSWER_FS_DIFF },
		.example = "\"FsDiff\"" },
	[REQUEST_START_PORT_FORWARD] = { .body = { .name = "StartPortForward",
						 .fields = &port_forward_request_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V8,
		.access = ACCESS_DEV,
		.answers = { ANSWER_PORT_FORWARD_STARTED },
		.example = EXAMPLE("{\"StartPortForward\":{\"guest_port\":8080}}") },
	[REQUEST_CONSOLE_OPEN] = { .body = { .name = "ConsoleOpen",
					   .fields = &console_open_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V8,
		.access = ACCESS_CONSOLE,
		.capability = "console",
		.answers = { ANSWER_CONSOLE_OPENED },
		.example = EXAMPLE("{\"ConsoleOpen\":{\"cols\":80,\"rows\":24}}") },
	[REQUEST_CONSOLE_RESIZE] = { .body = { .name = "ConsoleResize",
					     .fields = &console_resize_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V8,
		.access = ACCESS_CONSOLE,
		.capability = "console",
		.answers = { ANSWER_CONSOLE_RESIZED },
		.example =
			EXAMPLE("{\"ConsoleResize\":{\"session_id\":1,\"cols\":9,\"rows\":3}}") },
	[REQUEST_CONSOLE_CLOSE] = { .body = { .name = "ConsoleClose",
					    .fields = &console_session_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V8,
		.access = ACCESS_CONSOLE,
		.capability = "console",
		.answers = { ANSWER_CONSOLE_EXITED },
		.example = EXAMPLE("{\"ConsoleClose\":{\"session_id\":1}}") },
	[REQUEST_RUN_ENTRYPOINT] = { .body = { .name = "RunEntrypoint",
					     .fields = &run_entrypoint_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.capability = "run_entrypoint",
		.large = true,
		.stream = true,
		.answers = { ANSWER_ENTRYPOINT_EVENT },
		.example =
			EXAMPLE("{\"RunEntrypoint\":{\"stdin\":[104,105],\"timeout_secs\":30}}") },
	[REQUEST_ENTRYPOINT_STATUS] = { .body = { .name = "EntrypointStatus" },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.capability = "entrypoint_status",
		.answers = { ANSWER_ENTRYPOINT_STATUS },
		.example = "\"EntrypointStatus\"" },
	[REQUEST_FS_READ] = FILE_REQUEST("FsRead", fs_read_fields, SINCE_V1, "filesystem_rpc",
		"{\"FsRead\":{\"path\":\"/"
		"x\",\"offset\":null,\"length\":9,\"follow_symlinks\":true}}"),
	[REQUEST_FS_WRITE] = { .body = { .name = "FsWrite", .fields = &fs_write_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.access = ACCESS_DEV,
		.capability = "filesystem_rpc",
		.large = true,
		.answers = { ANSWER_FS_RESULT },
		.example =
			EXAMPLE("{\"FsWrite\":{\"path\":\"/tmp/"
				"x\",\"content\":[104,105],\"mode\":420,\"create_parents\":false,"
				"\"follow_symlinks\":false}}") },
	[REQUEST_FS_LIST] = FILE_REQUEST("FsList", fs_list_fields, SINCE_V1, "filesystem_rpc",
		"{\"FsList\":{\"path\":\"/tmp\",\"follow_symlinks\":true}}"),
	[REQUEST_FS_STAT] = FILE_REQUEST("FsStat", fs_list_fields, SINCE_V1, "filesystem_rpc",
		"{\"FsStat\":{\"path\":\"/tmp\",\"follow_symlinks\":true}}"),
	[REQUEST_FS_MKDIR] = FILE_REQUEST("FsMkdir", fs_mkdir_fields, SINCE_V1, "filesystem_rpc",
		"{\"FsMkdir\":{\"path\":\"/d\",\"mode\":493,\"parents\":false}}"),
	[REQUEST_FS_REMOVE] = FILE_REQUEST("FsRemove", fs_remove_fields, SINCE_V1, "filesystem_rpc",
		"{\"FsRemove\":{\"path\":\"/x\",\"recursive\":false,\"follow_symlinks\":false}}"),
	[REQUEST_FS_MOVE] = FILE_REQUEST("FsMove", fs_move_fields, SINCE_V1, "filesystem_rpc",
		"{\"FsMove\":{\"from\":\"/x\",\"to\":\"/y\",\"follow_symlinks\":false}}"),
	[REQUEST_PROC_START] = { .body = { .name = "ProcStart", .fields = &proc_start_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.access = ACCESS_DEV,
		.capability = "process_rpc",
		.large = true,
		.answers = { ANSWER_PROC_RESULT },
		.example = EXAMPLE("{\"ProcStart\":{\"argv\":[\"/bin/ls\",\"/"
				   "\"],\"env\":{\"A\":\"b\"},\"cwd\":\"/"
				   "tmp\",\"stdin\":[],\"timeout_secs\":null}}") },
	[REQUEST_PROC_LIST] = { .body = { .name = "ProcList" },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.access = ACCESS_DEV,
		.capability = "process_rpc",
		.answers = { ANSWER_PROC_RESULT },
		.example = "\"ProcList\"" },
	[REQUEST_PROC_SIGNAL] = { .body = { .name = "ProcSignal", .fields = &proc_signal_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.access = ACCESS_DEV,
		.capability = "process_rpc",
		.answers = { ANSWER_PROC_RESULT },
		.example = EXAMPLE("{\"ProcSignal\":{\"pid_token\":\"ptok-"
				   "00112233445566778899aabbccddeeff\",\"signum\":15}}") },
	[REQUEST_PROC_SEND_INPUT] = { .body = { .name = "ProcSendInput",
					      .fields = &proc_input_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.access = ACCESS_DEV,
		.capability = "process_rpc",
		.large = true,
		.answers = { ANSWER_PROC_RESULT },
		.example = EXAMPLE("{\"ProcSendInput\":{\"pid_token\":\"ptok-"
				   "00112233445566778899aabbccddeeff\",\"bytes\":[104,105]}}") },
	[REQUEST_PROC_WAIT] = { .body = { .name = "ProcWait", .fields = &proc_wait_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.access = ACCESS_DEV,
		.capability = "process_rpc",
		.stream = true,
		.answers = { ANSWER_PROC_WAIT_EVENT },
		.example = EXAMPLE(
			"{\"ProcWait\":{\"pid_token\":\"ptok-00112233445566778899aabbccddeeff\","
			"\"timeout_secs\":null}}") },
	[REQUEST_PROC_KILL] = { .body = { .name = "ProcKill", .fields = &proc_token_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.access = ACCESS_DEV,
		.capability = "process_rpc",
		.answers = { ANSWER_PROC_RESULT },
		.example = EXAMPLE("{\"ProcKill\":{\"pid_token\":\"ptok-0011\"}}") },
	[REQUEST_MOUNT_VOLUME] = { .body = { .name = "MountVolume",
					   .fields = &mount_volume_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.capability = "volume_mount",
		.answers = { ANSWER_VOLUME_MOUNT },
		.example =
			EXAMPLE("{\"MountVolume\":{\"volume_name\":\"work\",\"guest_path\":\"/mnt/"
				"work\",\"read_only\":true}}") },
	[REQUEST_UNMOUNT_VOLUME] = { .body = { .name = "UnmountVolume",
					     .fields = &unmount_volume_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.capability = "volume_mount",
		.answers = { ANSWER_VOLUME_MOUNT },
		.example = EXAMPLE(
			"{\"UnmountVolume\":{\"guest_path\":\"/mnt/w\",\"force\":false}}") },
	[REQUEST_UPDATE_IDLE_TIMEOUT] = { .body = { .name = "UpdateIdleTimeout",
						  .fields = &idle_timeout_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.capability = "update_idle_timeout",
		.answers = { ANSWER_UPDATE_IDLE_TIMEOUT },
		.example = EXAMPLE("{\"UpdateIdleTimeout\":{\"secs\":60}}") },
	[REQUEST_RUN_CODE] = { .body = { .name = "RunCode", .fields = &run_code_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = SINCE_V1,
		.access = ACCESS_DEV,
		.answers = { ANSWER_EXEC },
		.example = EXAMPLE("{\"RunCode\":{\"code\":\"1 + 1\",\"timeout_secs\":5}}") },
	[REQUEST_PROTOCOL_HELLO] = { .body = { .name = "ProtocolHello",
					     .fields = &protocol_hello_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_HEAD | DIALECT_OURS,
		.answers = { ANSWER_PROTOCOL_HELLO_ACK, ANSWER_PROTOCOL_MISMATCH },
		.example = EXAMPLE(
			"{\"ProtocolHello\":{\"host_protocol_version\":1,\"min_supported_version\":"
			"1,\"host_version\":\"0.14.0\",\"requested_capabilities\":[\"ping\"]}}") },
	[REQUEST_READINESS_STATUS] = { .body = { .name = "ReadinessStatus" },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_HEAD | DIALECT_OURS,
		.capability = "readiness",
		.answers = { ANSWER_READINESS_STATUS },
		.example = "\"ReadinessStatus\"" },
	[REQUEST_HELLO] = { .body = { .name = "Hello" },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_OURS,
		.answers = { ANSWER_HELLO },
		.example = "\"Hello\"" },
	[REQUEST_SERVICES] = { .body = { .name = "Services" },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_OURS,
		.answers = { ANSWER_SERVICES },
		.example = "\"Services\"" },
	[REQUEST_LOGS] = { .body = { .name = "Logs", .fields = &logs_request_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_OURS,
		.answers = { ANSWER_LOGS },
		.example = EXAMPLE("{\"Logs\":{\"service\":\"web\",\"lines\":20}}") },
	[REQUEST_BOOT_TIMELINE] = { .body = { .name = "BootTimeline" },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_OURS,
		.answers = { ANSWER_BOOT_TIMELINE },
		.example = "\"BootTimeline\"" },
	[REQUEST_METRICS] = { .body = { .name = "Metrics" },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_OURS,
		.answers = { ANSWER_METRICS },
		.example = "\"Metrics\"" },
	[REQUEST_RESTART] = { .body = { .name = "Restart", .fields = &service_request_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_OURS,
		.access = ACCESS_EXEC,
		.answers = { ANSWER_RESTART },
		.example = EXAMPLE("{\"Restart\":{\"service\":\"web\"}}") },
	[REQUEST_SHUTDOWN] = { .body = { .name = "Shutdown", .fields = &shutdown_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_OURS,
		.access = ACCESS_EXEC,
		.answers = { ANSWER_SHUTDOWN },
		.example = EXAMPLE("{\"Shutdown\":{\"power_off\":false}}") },
	[REQUEST_EVENTS] = { .body = { .name = "Events", .fields = &events_request_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_OURS,
		.answers = { ANSWER_EVENTS },
		.example = EXAMPLE(
			"{\"Events\":{\"service\":\"w\",\"position\":1,\"wait_secs\":0}}") },
	[REQUEST_RELOAD] = { .body = { .name = "Reload" },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_OURS,
		.access = ACCESS_EXEC,
		.answers = { ANSWER_RELOAD },
		.example = "\"Reload\"" },
	[REQUEST_RELOAD_SERVICE] = { .body = { .name = "ReloadService",
					     .fields = &service_request_fields },
		.direction = MESSAGE_REQUEST,
		.dialects = DIALECT_OURS,
		.access = ACCESS_EXEC,
		.answers = { ANSWER_RELOAD_SERVICE },
		.example = EXAMPLE("{\"ReloadService\":{\"service\":\"web\"}}") },
	[REQUEST_FS_HASH] = FILE_REQUEST("FsHash", fs_hash_fields, DIALECT_OURS, NULL,
		"{\"FsHash\":{\"path\":\"/x\",\"offset\":0,\"length\":9}}"),
	[REQUEST_FS_SET_ATTRIBUTES] =
		FILE_REQUEST("FsSetAttributes", fs_set_attributes_fields, DIALECT_OURS, NULL,
			"{\"FsSetAttributes\":{\"path\":\"/x\",\"mode\":420,\"modified_secs\":5}}"),

	[ANSWER_PONG] = { .body = { .name = "Pong" },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V7,
		.example = "\"Pong\"" },
	[ANSWER_WORKER_STATUS] = { .body = { .name = "WorkerStatus",
					   .fields = &worker_status_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V7,
		.example =
			EXAMPLE("{\"WorkerStatus\":{\"status\":\"busy\",\"last_busy_at\":\"2026-03-"
				"21T10:15:00Z\"}}") },
	[ANSWER_INTEGRATION_STATUS] = { .body = { .name = "IntegrationStatusReport",
						.fields = &integrations_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V7,
		.example = EXAMPLE(
			"{\"IntegrationStatusReport\":{\"integrations\":[{\"name\":\"web\","
			"\"status\":\"active\",\"last_checkpoint_at\":null,\"state_size_bytes\":"
			"0,\"health\":{\"healthy\":true,\"detail\":\"ok\",\"checked_at\":\"2026-"
			"03-21T10:15:00Z\"}}]}}") },
	[ANSWER_PROBE_STATUS] = { .body = { .name = "ProbeStatusReport", .fields = &probes_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V7,
		.example = EXAMPLE(
			"{\"ProbeStatusReport\":{\"probes\":[{\"name\":\"disk\",\"healthy\":"
			"true,\"detail\":\"ok\",\"output\":{\"pct\":41},\"checked_at\":\"2026-"
			"03-21T10:15:00Z\"}]}}") },
	[ANSWER_WAKE] = { .body = { .name = "WakeAck", .fields = &wake_ack_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V7,
		.example = EXAMPLE("{\"WakeAck\":{\"success\":true}}") },
	[ANSWER_POST_RESTORE] = { .body = { .name = "PostRestoreAck", .fields = &ack_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V7,
		.example = EXAMPLE("{\"PostRestoreAck\":{\"success\":true,\"detail\":\"thaw\"}}") },
	[ANSWER_SLEEP_PREP] = { .body = { .name = "SleepPrepAck", .fields = &ack_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V7,
		.example = EXAMPLE(
			"{\"SleepPrepAck\":{\"success\":true,\"detail\":\"filesystems synced, "
			"page cache dropped\"}}") },
	[ANSWER_CHECKPOINT] = { .body = { .name = "CheckpointResult",
					.fields = &checkpoint_result_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V7,
		.example = EXAMPLE("{\"CheckpointResult\":{\"success\":false,\"failed\":[\"mail\"],"
				   "\"detail\":\"mail: lock held\"}}") },
	[ANSWER_EXEC] = { .body = { .name = "ExecResult", .fields = &exec_answer_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V7,
		.example = EXAMPLE("{\"ExecResult\":{\"exit_code\":0,\"stdout\":\"up 3 "
				   "min\\n\",\"stderr\":\"\"}}") },
	[ANSWER_ERROR] = { .body = { .name = "Error", .fields = &error_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V7,
		.example = EXAMPLE("{\"Error\":{\"message\":\"...\"}}") },
	[ANSWER_FS_DIFF] = { .body = { .name = "FsDiffResult", .fields = &fs_diff_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V8,
		.example = EXAMPLE("{\"FsDiffResult\":{\"changes\":[{\"path\":\"/a/"
				   "b\",\"kind\":\"created\",\"size\":3}]}}") },
	[ANSWER_PORT_FORWARD_STARTED] = { .body = { .name = "PortForwardStarted",
						  .fields = &port_forward_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V8,
		.example = EXAMPLE(
			"{\"PortForwardStarted\":{\"guest_port\":8080,\"vsock_port\":18080}}") },
	[ANSWER_CONSOLE_OPENED] = { .body = { .name = "ConsoleOpened",
					    .fields = &console_opened_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V8,
		.example = EXAMPLE("{\"ConsoleOpened\":{\"session_id\":1,\"data_port\":20001}}") },
	[ANSWER_CONSOLE_RESIZED] = { .body = { .name = "ConsoleResized",
					     .fields = &console_resized_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V8,
		.example = EXAMPLE("{\"ConsoleResized\":{\"session_id\":1}}") },
	[ANSWER_CONSOLE_EXITED] = { .body = { .name = "ConsoleExited",
					    .fields = &console_exited_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V8,
		.example = EXAMPLE("{\"ConsoleExited\":{\"session_id\":1,\"exit_code\":0}}") },
	[ANSWER_ENTRYPOINT_EVENT] = { .body = { .name = "EntrypointEvent",
					      .value = &entrypoint_event_value },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V1,
		.example = EXAMPLE("{\"EntrypointEvent\":{\"Stdout\":{\"chunk\":[104,105]}}}") },
	[ANSWER_ENTRYPOINT_STATUS] = { .body = { .name = "EntrypointStatusReport",
					       .fields = &entrypoint_status_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V1,
		.example = EXAMPLE(
			"{\"EntrypointStatusReport\":{\"ok\":false,\"path\":null,\"detail\":\".."
			".\"}}") },
	[ANSWER_FS_RESULT] = { .body = { .name = "FsResult", .value = &fs_result_value },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V1,
		.example = EXAMPLE(
			"{\"FsResult\":{\"Read\":{\"content\":[104,105],\"total_size\":9}}}") },
	[ANSWER_PROC_RESULT] = { .body = { .name = "ProcResult", .value = &proc_result_value },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V1,
		.example = EXAMPLE("{\"ProcResult\":{\"Started\":{\"pid_token\":\"ptok-"
				   "00112233445566778899aabbccddeeff\"}}}") },
	[ANSWER_PROC_WAIT_EVENT] = { .body = { .name = "ProcWaitEvent",
					     .value = &proc_event_value },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V1,
		.example = EXAMPLE("{\"ProcWaitEvent\":{\"Exit\":{\"code\":0}}}") },
	[ANSWER_VOLUME_MOUNT] = { .body = { .name = "VolumeMountResult",
					  .value = &volume_result_value },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V1,
		.example = EXAMPLE("{\"VolumeMountResult\":{\"Mounted\":{\"canonical_path\":\"/mnt/"
				   "work\"}}}") },
	[ANSWER_UPDATE_IDLE_TIMEOUT] = { .body = { .name = "UpdateIdleTimeoutAck",
						 .fields = &idle_timeout_ack_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = SINCE_V1,
		.example = EXAMPLE(
			"{\"UpdateIdleTimeoutAck\":{\"previous_secs\":0,\"applied_secs\":0}}") },
	[ANSWER_PROTOCOL_HELLO_ACK] = { .body = { .name = "ProtocolHelloAck",
						.fields = &hello_ack_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_HEAD | DIALECT_OURS,
		.example = EXAMPLE(
			"{\"ProtocolHelloAck\":{\"agent_protocol_version\":1,\"min_supported_"
			"version\":1,\"agent_version\":\"0.14.0\",\"capabilities\":[\"ping\"]}}") },
	[ANSWER_PROTOCOL_MISMATCH] = { .body = { .name = "ProtocolMismatch",
					       .fields = &mismatch_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_HEAD | DIALECT_OURS,
		.example = EXAMPLE(
			"{\"ProtocolMismatch\":{\"host_protocol_version\":3,\"agent_protocol_"
			"version\":1,\"required_action\":\"rebuild_guest\",\"message\":\"...\"}"
			"}") },
	[ANSWER_UNSUPPORTED_IN_PROFILE] = { .body = { .name = "UnsupportedInProfile",
						    .fields = &unsupported_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_HEAD | DIALECT_OURS,
		.example =
			EXAMPLE("{\"UnsupportedInProfile\":{\"profile\":\"sealed-prod\",\"verb\":"
				"\"Exec\"}}") },
	[ANSWER_READINESS_STATUS] = { .body = { .name = "ReadinessStatusReport",
					      .fields = &readiness_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_HEAD | DIALECT_OURS,
		.example = EXAMPLE(
			"{\"ReadinessStatusReport\":{\"control_plane\":\"ready\",\"entrypoint\":"
			"\"disabled\",\"warm_pool\":\"disabled\",\"integrations\":\"ready\","
			"\"probes\":\"disabled\",\"volumes\":\"disabled\",\"profile\":\"dev\","
			"\"boot_millis\":{\"agent_started_ms\":3,\"vsock_bound_ms\":3,\"first_"
			"accept_ms\":40,\"entrypoint_ready_ms\":null,\"warm_pool_ready_ms\":"
			"null,\"integrations_ready_ms\":5,\"probes_ready_ms\":null}}}") },
	[ANSWER_HELLO] = { .body = { .name = "Hello", .fields = &hello_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_OURS,
		.example =
			EXAMPLE("{\"Hello\":{\"protocol\":1,\"agent\":\"0.1.0\",\"init\":\"0.1.0\","
				"\"requests\":[\"Ping\"]}}") },
	[ANSWER_SERVICES] = { .body = { .name = "Services", .fields = &services_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_OURS,
		.example = EXAMPLE(
			"{\"Services\":{\"services\":[{\"name\":\"web\",\"state\":\"running\","
			"\"reason\":null,\"pid\":12,\"uid\":900,\"gid\":900,\"state_ms\":1234,"
			"\"restarts\":2,\"failures\":0,\"next_start_ms\":null,\"exit_code\":1,"
			"\"built_in\":false,\"memory_bytes\":4096,\"cpu_us\":5,\"tasks\":1,"
			"\"oom_kills\":0}]}}") },
	[ANSWER_LOGS] = { .body = { .name = "Logs", .fields = &logs_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_OURS,
		.example = EXAMPLE("{\"Logs\":{\"text\":\"...\",\"position\":4711,\"cut\":false,"
				   "\"times\":[{\"position\":4096,\"unix_ms\":1774088100000}]}}") },
	[ANSWER_BOOT_TIMELINE] = { .body = { .name = "BootTimeline",
					   .fields = &boot_timeline_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_OURS,
		.example = EXAMPLE(
			"{\"BootTimeline\":{\"stages\":[{\"name\":\"mounts\",\"start_us\":5100,"
			"\"duration_us\":320,\"success\":true,\"detail\":null}],\"all_healthy_"
			"us\":812000}}") },
	[ANSWER_METRICS] = { .body = { .name = "Metrics", .fields = &metrics_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_OURS,
		.example = EXAMPLE(
			"{\"Metrics\":{\"guest\":{\"uptime_ms\":1,\"processors\":1,\"tasks\":40,"
			"\"cpu_us\":1,\"memory_bytes\":1,\"memory_available_bytes\":1},"
			"\"agent\":{\"version\":\"0.1.0\",\"memory_bytes\":1,\"connections\":1,"
			"\"requests\":1,\"commands\":0,\"commands_cpu_us\":1},\"integrations\":{"
			"\"total\":1,\"checked\":1,\"healthy\":1},\"probes\":{\"total\":0,"
			"\"checked\":0,\"healthy\":0},\"services\":null}}") },
	[ANSWER_RESTART] = { .body = { .name = "RestartResult", .fields = &ack_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_OURS,
		.example = EXAMPLE("{\"RestartResult\":{\"success\":true,\"detail\":null}}") },
	[ANSWER_SHUTDOWN] = { .body = { .name = "ShutdownAck", .fields = &ack_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_OURS,
		.example = EXAMPLE("{\"ShutdownAck\":{\"success\":true,\"detail\":null}}") },
	[ANSWER_EVENTS] = { .body = { .name = "Events", .fields = &events_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_OURS,
		.example = EXAMPLE(
			"{\"Events\":{\"events\":[{\"number\":17,\"at_ms\":4711,\"service\":"
			"\"web\",\"before\":\"running\",\"after\":\"stop-sigkill\",\"cause\":"
			"\"exited\",\"reason\":\"exit code "
			"1\",\"pid\":44,\"exit_code\":1}],\"position\":18,\"lost\":0}}") },
	[ANSWER_RELOAD] = { .body = { .name = "ReloadResult", .fields = &reload_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_OURS,
		.example = EXAMPLE(
			"{\"ReloadResult\":{\"success\":false,\"detail\":null,\"started\":1,"
			"\"stopped\":0,\"restarted\":1,\"unchanged\":7,\"bad\":[\"web: ...\"]}}") },
	[ANSWER_RELOAD_SERVICE] = { .body = { .name = "ReloadServiceResult",
					    .fields = &ack_fields },
		.direction = MESSAGE_ANSWER,
		.dialects = DIALECT_OURS,
		.example =
			EXAMPLE("{\"ReloadServiceResult\":{\"success\":true,\"detail\":null}}") },
	[HOST_REQUEST_WAKE_INSTANCE] = { .body = { .name = "WakeInstance",
						 .fields = &host_instance_fields },
		.direction = MESSAGE_HOST_REQUEST,
		.dialects = SINCE_V7,
		.answers = { HOST_ANSWER_WAKE },
		.example =
			EXAMPLE("{\"WakeInstance\":{\"tenant_id\":\"t1\",\"pool_id\":\"workers\","
				"\"instance_id\":\"i-7f\"}}") },
	[HOST_REQUEST_QUERY_INSTANCE_STATUS] = { .body = { .name = "QueryInstanceStatus",
							 .fields = &host_instance_fields },
		.direction = MESSAGE_HOST_REQUEST,
		.dialects = SINCE_V7,
		.answers = { HOST_ANSWER_INSTANCE_STATUS },
		.example = EXAMPLE(
			"{\"QueryInstanceStatus\":{\"tenant_id\":\"t1\",\"pool_id\":\"workers\","
			"\"instance_id\":\"i-7f\"}}") },
	[HOST_REQUEST_QUERY_HOST_TIME] = { .body = { .name = "QueryHostTime" },
		.direction = MESSAGE_HOST_REQUEST,
		.dialects = SINCE_V1,
		.answers = { HOST_ANSWER_HOST_TIME },
		.example = "\"QueryHostTime\"" },
	[HOST_ANSWER_WAKE] = { .body = { .name = "WakeResult", .fields = &host_wake_fields },
		.direction = MESSAGE_HOST_ANSWER,
		.dialects = SINCE_V7,
		.example = EXAMPLE("{\"WakeResult\":{\"success\":true,\"detail\":null}}") },
	[HOST_ANSWER_INSTANCE_STATUS] = { .body = { .name = "InstanceStatus",
						  .fields = &instance_status_fields },
		.direction = MESSAGE_HOST_ANSWER,
		.dialects = SINCE_V7,
		.example = EXAMPLE(
			"{\"InstanceStatus\":{\"status\":\"Running\",\"guest_ip\":\"10.240.1."
			"5\"}}") },
	[HOST_ANSWER_HOST_TIME] = { .body = { .name = "HostTime", .fields = &host_time_fields },
		.direction = MESSAGE_HOST_ANSWER,
		.dialects = SINCE_V1,
		.example =
			EXAMPLE("{\"HostTime\":{\"unix_seconds\":1780000000,\"unix_nanos\":0}}") },
	[HOST_ANSWER_ERROR] = { .body = { .name = "Error", .fields = &error_fields },
		.direction = MESSAGE_HOST_ANSWER,
		.dialects = SINCE_V7,
		.example = EXAMPLE("{\"Error\":{\"message\":\"no such instance\"}}") },
};
