/* SPDX-License-Identifier: MIT */
/* Contents of answers, and of the guest's requests to the host. The rules are in bodies.h. */
#ifndef PROTOCOL_ANSWER_BODIES_H
#define PROTOCOL_ANSWER_BODIES_H

#include "protocol/fields.h"

#include <stdbool.h>
#include <stdint.h>

enum worker_state { WORKER_IDLE, WORKER_BUSY, WORKER_UNKNOWN };

struct worker_status {
	unsigned int status; /* enum worker_state */
	char *last_busy_at;
};

enum integration_state {
	INTEGRATION_ACTIVE,
	INTEGRATION_PAUSED,
	INTEGRATION_PENDING,
	INTEGRATION_STARTING,
	INTEGRATION_ERROR,
};

struct health {
	bool healthy;
	char *detail, *checked_at;
};

struct integration {
	char *name;
	unsigned int status; /* enum integration_state */
	char *error;         /* INTEGRATION_ERROR */
	char *last_checkpoint_at;
	uint64_t state_size_bytes;
	struct health health;
	bool has_health;
};

struct probe_result {
	char *name, *detail, *output, *checked_at; /* output: JSON, or NULL */
	bool healthy;
};

struct list_answer { /* IntegrationStatusReport, ProbeStatusReport, FsDiffResult, Services */
	struct field_list items;
};

struct ack_answer { /* SleepPrepAck, WakeAck, PostRestoreAck, RestartResult,
		     * ReloadServiceResult, ShutdownAck */
	bool success;
	char *detail;
};

struct checkpoint_result {
	bool success;
	struct field_list failed; /* char * */
	char *detail;
};

struct exec_answer {
	int64_t exit_code;
	struct field_bytes out, err;
};

struct error_answer {
	char *message;
};

enum fs_change_kind { FS_CHANGE_CREATED, FS_CHANGE_MODIFIED, FS_CHANGE_DELETED };

struct fs_change {
	char *path;
	unsigned int kind; /* enum fs_change_kind */
	uint64_t size;
};

struct port_forward_started {
	uint64_t guest_port, vsock_port;
};

struct console_opened {
	uint64_t session_id, data_port;
};

struct console_resized {
	uint64_t session_id;
};

struct console_exited {
	uint64_t session_id;
	int64_t exit_code;
};

/* An error: its kind (each message has its own kinds) and what happened. */
struct kind_error {
	unsigned int kind;
	char *message;
};

enum entrypoint_event_kind {
	ENTRYPOINT_STDOUT,
	ENTRYPOINT_STDERR,
	ENTRYPOINT_CONTROL,
	ENTRYPOINT_EXIT,
	ENTRYPOINT_ERROR,
};

enum entrypoint_error {
	ENTRYPOINT_PAYLOAD_CAP,
	ENTRYPOINT_TIMEOUT,
	ENTRYPOINT_BUSY,
	ENTRYPOINT_WRAPPER_CRASHED,
	ENTRYPOINT_INVALID,
	ENTRYPOINT_SESSION_KILLED,
	ENTRYPOINT_INTERNAL_ERROR,
	ENTRYPOINT_NOT_READY, /* only after ProtocolHello */
};

struct chunk {
	struct field_bytes chunk;
};

struct exit_event {
	int64_t code;
};

struct entrypoint_event {
	unsigned int kind; /* enum entrypoint_event_kind */
	union {
		struct chunk output;
		struct entrypoint_control {
			char *header_json;
			struct field_bytes payload;
		} control;
		struct exit_event exit;
		struct kind_error error; /* enum entrypoint_error */
	} as;
};

struct entrypoint_status {
	bool ok;
	char *path, *detail;
};

enum fs_result_kind {
	FS_RESULT_READ,
	FS_RESULT_WRITE,
	FS_RESULT_LIST,
	FS_RESULT_STAT,
	FS_RESULT_MKDIR,
	FS_RESULT_REMOVE,
	FS_RESULT_MOVE,
	FS_RESULT_ERROR,
	FS_RESULT_HASH, /* ours */
};

enum fs_error {
	FS_POLICY_DENIED,
	FS_NOT_FOUND,
	FS_PERMISSION_DENIED,
	FS_ALREADY_EXISTS,
	FS_CAP_EXCEEDED,
	FS_CROSS_DEVICE,
	FS_DIRECTORY_NOT_EMPTY,
	FS_IO_ERROR,
	FS_BAD_PATH,
	FS_OTHER,
};

enum fs_file_kind { FS_KIND_FILE, FS_KIND_DIR, FS_KIND_SYMLINK, FS_KIND_OTHER };

struct fs_entry {
	char *name;
	unsigned int kind; /* enum fs_file_kind */
	uint64_t size;
};

struct fs_result {
	unsigned int kind; /* enum fs_result_kind */
	union {
		struct fs_content {
			struct field_bytes content;
			uint64_t total_size;
		} read;
		struct fs_written {
			uint64_t bytes_written;
		} write;
		struct fs_listing {
			struct field_list entries; /* struct fs_entry */
			bool truncated;
		} list;
		struct fs_status {
			char *canonical_path;
			unsigned int kind; /* enum fs_file_kind */
			uint64_t size, mode;
			char *mtime;
		} stat;
		struct fs_removed {
			uint64_t entries_removed;
		} remove;
		struct kind_error error; /* enum fs_error */
		struct fs_hash {
			char *sha256;   /* 64 digits */
			uint64_t bytes; /* that it is of: fewer than asked for at the file's end */
		} hash;
	} as;
};

enum proc_result_kind {
	PROC_RESULT_STARTED,
	PROC_RESULT_LIST,
	PROC_RESULT_SIGNALED,
	PROC_RESULT_KILLED,
	PROC_RESULT_INPUT_ACCEPTED,
	PROC_RESULT_ERROR,
};

enum proc_error {
	PROC_UNKNOWN_TOKEN,
	PROC_SPAWN_FAILED,
	PROC_SECURITY_ENVELOPE_FAILED,
	PROC_INVALID_ARGV,
	PROC_INVALID_ENV,
	PROC_BAD_CWD,
	PROC_CAP_EXCEEDED,
	PROC_UNSUPPORTED_IN_PRODUCTION,
	PROC_OTHER,
};

enum proc_state { PROC_RUNNING, PROC_EXITED, PROC_KILLED, PROC_TIMED_OUT };

struct proc_entry {
	char *pid_token, *started_at, *argv0;
	unsigned int state; /* enum proc_state */
	int64_t code;       /* PROC_EXITED: exit code; PROC_KILLED: signal */
};

struct proc_result {
	unsigned int kind; /* enum proc_result_kind */
	union {
		struct proc_started {
			char *pid_token;
		} started;
		struct proc_listing {
			struct field_list processes; /* struct proc_entry */
		} list;
		struct proc_accepted {
			uint64_t bytes_accepted;
		} input;
		struct kind_error error; /* enum proc_error */
	} as;
};

enum proc_event_kind {
	PROC_EVENT_STDOUT,
	PROC_EVENT_STDERR,
	PROC_EVENT_BACKPRESSURE, /* only after ProtocolHello */
	PROC_EVENT_EXIT,
	PROC_EVENT_KILLED,
	PROC_EVENT_TIMED_OUT,
	PROC_EVENT_ERROR,
};

enum backpressure_reason {
	BACKPRESSURE_GUEST_AGENT_UNAVAILABLE,
	BACKPRESSURE_SERVICE_HEALTH_PENDING,
	BACKPRESSURE_OUTPUT_CONSUMER_SLOW,
	BACKPRESSURE_INPUT_BUFFER_FULL,
	BACKPRESSURE_ARTIFACT_TRANSFER_BLOCKED,
	BACKPRESSURE_BUILDER_BUSY,
};

struct proc_event {
	unsigned int kind; /* enum proc_event_kind */
	union {
		struct chunk output;
		struct backpressure {
			unsigned int reason;       /* enum backpressure_reason */
			struct field_list pending; /* char *: SERVICE_HEALTH_PENDING */
			char *detail;
		} backpressure;
		struct exit_event exit;
		struct proc_killed {
			int64_t signal;
		} killed;
		struct kind_error error; /* enum proc_error */
	} as;
};

enum volume_result_kind { VOLUME_MOUNTED, VOLUME_UNMOUNTED, VOLUME_ERROR };

enum volume_error {
	VOLUME_BAD_PATH,
	VOLUME_POLICY_DENIED,
	VOLUME_BAD_VOLUME_NAME,
	VOLUME_MOUNT_FAILED,
	VOLUME_BUSY,
	VOLUME_IO_ERROR,
	VOLUME_OTHER,
};

struct volume_result {
	unsigned int kind; /* enum volume_result_kind */
	union {
		struct volume_mounted {
			char *canonical_path;
		} mounted;
		struct kind_error error; /* enum volume_error */
	} as;
};

struct idle_timeout_ack {
	uint64_t previous_secs, applied_secs;
};

struct protocol_hello_ack {
	uint64_t agent_protocol_version, min_supported_version;
	char *agent_version;
	struct field_list capabilities; /* char * */
};

enum hello_action { HELLO_UPGRADE_HOST, HELLO_REBUILD_GUEST, HELLO_DOWNGRADE_HOST };

struct protocol_mismatch {
	uint64_t host_protocol_version, agent_protocol_version;
	unsigned int required_action; /* enum hello_action */
	char *message;
};

enum guest_profile { PROFILE_SEALED_PROD, PROFILE_DEV, PROFILE_BUILDER };

struct unsupported_in_profile {
	unsigned int profile; /* enum guest_profile */
	char *verb;
};

enum readiness_state { READINESS_DISABLED, READINESS_STARTING, READINESS_READY, READINESS_FAILED };

struct readiness {
	unsigned int state; /* enum readiness_state */
	char *message;      /* READINESS_FAILED */
};

/* Milliseconds since the agent started; FIELD_UNKNOWN: not yet, or never. */
struct boot_millis {
	uint64_t agent_started_ms, vsock_bound_ms, first_accept_ms, entrypoint_ready_ms,
		warm_pool_ready_ms, integrations_ready_ms, probes_ready_ms;
};

struct readiness_status {
	struct readiness control_plane, entrypoint, warm_pool, integrations, probes, volumes;
	unsigned int profile; /* enum guest_profile */
	struct boot_millis boot_millis;
};

struct hello_answer {
	uint64_t protocol;
	char *agent, *init;
	struct field_list requests; /* char * */
};

/* A number is FIELD_UNKNOWN if the guest does not know it. */
struct service_entry {
	char *name, *state, *reason;
	uint64_t pid, uid, gid, state_ms, restarts, failures, next_start_ms, exit_code,
		memory_bytes, cpu_us, tasks, oom_kills;
	bool built_in;
};

struct log_time {
	uint64_t position; /* from here on bytes came */
	uint64_t unix_ms;  /* at this time; 0: not known */
};

struct logs_answer {
	struct field_bytes text;
	uint64_t position;
	bool cut;
	struct field_list times; /* struct log_time */
};

struct boot_stage {
	char *name, *detail;
	uint64_t start_us, duration_us;
	bool success;
};

struct boot_timeline {
	struct field_list stages; /* struct boot_stage */
	uint64_t all_healthy_us;
};

struct checks_summary {
	uint64_t total, checked, healthy;
};

struct metrics_answer {
	struct guest_metrics {
		uint64_t uptime_ms, processors, tasks, cpu_us, memory_bytes, memory_available_bytes;
	} guest;
	struct agent_metrics {
		char *version;
		uint64_t memory_bytes, connections, requests, commands, commands_cpu_us;
	} agent;
	struct checks_summary integrations, probes;
	struct field_list services; /* struct service_entry */
	bool has_services;
};

struct event_entry {
	char *service, *before, *after, *cause, *reason;
	uint64_t number, at_ms, pid, exit_code;
};

struct events_answer {
	struct field_list events; /* struct event_entry */
	uint64_t position, lost;
};

struct reload_result {
	bool success;
	char *detail;
	uint64_t started, stopped, restarted, unchanged;
	struct field_list bad; /* char * */
};

union answer_body {
	struct worker_status worker_status;
	struct list_answer list;
	struct ack_answer ack;
	struct checkpoint_result checkpoint;
	struct exec_answer exec;
	struct error_answer error;
	struct port_forward_started port_forward;
	struct console_opened console_opened;
	struct console_resized console_resized;
	struct console_exited console_exited;
	struct entrypoint_event entrypoint_event;
	struct entrypoint_status entrypoint_status;
	struct fs_result fs;
	struct proc_result proc;
	struct proc_event proc_event;
	struct volume_result volume;
	struct idle_timeout_ack idle_timeout;
	struct protocol_hello_ack hello_ack;
	struct protocol_mismatch mismatch;
	struct unsupported_in_profile unsupported;
	struct readiness_status readiness;
	struct hello_answer hello;
	struct logs_answer logs;
	struct boot_timeline boot_timeline;
	struct metrics_answer metrics;
	struct events_answer events;
	struct reload_result reload;
};

/* ---- requests of the guest to the host ------------------------------------------------------- */

struct host_instance {
	char *tenant_id, *pool_id, *instance_id;
};

struct instance_status {
	char *status, *guest_ip;
};

struct host_time_answer {
	int64_t unix_seconds;
	uint64_t unix_nanos;
};

union host_answer_body {
	struct ack_answer wake;
	struct instance_status status;
	struct host_time_answer time;
	struct error_answer error;
};

/* The names of enum guest_profile; NULL-terminated. */
extern const char *const guest_profiles[];

#endif
