/* SPDX-License-Identifier: MIT */
/* Fields of the answers that mvm knows. Their structs are in bodies.h. */
#include "protocol/rows.h"
#include "protocol/tables.h"

/* Hosts from mvm v1 on refuse an answer with an unknown field (STRICT). The entries of the two
 * health reports are the exception: there they ignore it. */
static const struct field text_value = { .name = "", .type = FIELD_STRING };

/* ---- health ---------------------------------------------------------------------------------- */

static const char *const worker_states[] = { "idle", "busy", "unknown", NULL };
static const struct field worker_status_rows[] = {
	ROW_CHOICE(struct worker_status, status, worker_states),
	ROW_MAYBE_TEXT(struct worker_status, last_busy_at),
};
const struct fields worker_status_fields = STRICT(worker_status_rows, struct worker_status);

static const struct field health_rows[] = {
	ROW_BOOL(struct health, healthy),
	ROW_TEXT(struct health, detail),
	ROW_TEXT(struct health, checked_at),
};
static const struct fields health_fields = FIELDS_OF(health_rows, struct health);

static const struct variant integration_states[] = {
	{ .name = "active" },
	{ .name = "paused" },
	{ .name = "pending" },
	{ .name = "starting" },
	{ .name = "error", .value = &text_value },
	{ 0 },
};
static const struct field integration_rows[] = {
	ROW_TEXT(struct integration, name),
	ROW_TAGGED(struct integration, status, "status", integration_states, error),
	ROW_MAYBE_TEXT(struct integration, last_checkpoint_at),
	ROW_DEFAULT(struct integration, state_size_bytes, UINT64_MAX),
	{ ROW(struct integration, health, OBJECT, FIELD_NULLABLE), .object = &health_fields,
		.given_offset = offsetof(struct integration, has_health) },
};
static const struct fields integration_fields = FIELDS_OF(integration_rows, struct integration);
static const struct field integrations_rows[] = {
	ROW_OBJECTS(struct list_answer, items, "integrations", &integration_fields),
};
const struct fields integrations_fields = STRICT(integrations_rows, struct list_answer);

static const struct field probe_rows[] = {
	ROW_TEXT(struct probe_result, name),
	ROW_BOOL(struct probe_result, healthy),
	ROW_TEXT(struct probe_result, detail),
	{ ROW(struct probe_result, output, JSON, FIELD_NULLABLE | FIELD_OMIT) },
	ROW_TEXT(struct probe_result, checked_at),
};
static const struct fields probe_fields = FIELDS_OF(probe_rows, struct probe_result);
static const struct field probes_rows[] = {
	ROW_OBJECTS(struct list_answer, items, "probes", &probe_fields),
};
const struct fields probes_fields = STRICT(probes_rows, struct list_answer);

/* ---- acknowledgements ------------------------------------------------------------------------ */

static const struct field ack_rows[] = {
	ROW_BOOL(struct ack_answer, success),
	ROW_MAYBE_TEXT(struct ack_answer, detail),
};
const struct fields ack_fields = STRICT(ack_rows, struct ack_answer);

static const struct field wake_ack_rows[] = {
	ROW_BOOL(struct ack_answer, success),
};
const struct fields wake_ack_fields = STRICT(wake_ack_rows, struct ack_answer);

static const struct field checkpoint_result_rows[] = {
	ROW_BOOL(struct checkpoint_result, success),
	ROW_STRINGS(struct checkpoint_result, failed),
	ROW_MAYBE_TEXT(struct checkpoint_result, detail),
};
const struct fields checkpoint_result_fields =
	STRICT(checkpoint_result_rows, struct checkpoint_result);

static const struct field exec_rows[] = {
	ROW_SIGNED(struct exec_answer, exit_code, INT32_MAX),
	{ .name = "stdout",
		.type = FIELD_BYTES,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct exec_answer, out) },
	{ .name = "stderr",
		.type = FIELD_BYTES,
		.flags = FIELD_REQUIRED,
		.offset = offsetof(struct exec_answer, err) },
};
const struct fields exec_answer_fields = STRICT(exec_rows, struct exec_answer);

static const struct field error_rows[] = {
	ROW_TEXT(struct error_answer, message),
};
const struct fields error_fields = STRICT(error_rows, struct error_answer);

/* ---- since mvm 0.8 --------------------------------------------------------------------------- */

static const char *const fs_change_kinds[] = { "created", "modified", "deleted", NULL };
static const struct field fs_change_rows[] = {
	ROW_TEXT(struct fs_change, path),
	ROW_CHOICE(struct fs_change, kind, fs_change_kinds),
	ROW_WHOLE(struct fs_change, size, UINT64_MAX),
};
static const struct fields fs_change_fields = STRICT(fs_change_rows, struct fs_change);
static const struct field fs_diff_rows[] = {
	ROW_OBJECTS(struct list_answer, items, "changes", &fs_change_fields),
};
const struct fields fs_diff_fields = STRICT(fs_diff_rows, struct list_answer);

static const struct field port_forward_rows[] = {
	ROW_WHOLE(struct port_forward_started, guest_port, UINT16_MAX),
	ROW_WHOLE(struct port_forward_started, vsock_port, UINT32_MAX),
};
const struct fields port_forward_fields = STRICT(port_forward_rows, struct port_forward_started);

static const struct field console_opened_rows[] = {
	ROW_WHOLE(struct console_opened, session_id, UINT32_MAX),
	ROW_WHOLE(struct console_opened, data_port, UINT32_MAX),
};
const struct fields console_opened_fields = STRICT(console_opened_rows, struct console_opened);

static const struct field console_resized_rows[] = {
	ROW_WHOLE(struct console_resized, session_id, UINT32_MAX),
};
const struct fields console_resized_fields = STRICT(console_resized_rows, struct console_resized);

static const struct field console_exited_rows[] = {
	ROW_WHOLE(struct console_exited, session_id, UINT32_MAX),
	ROW_SIGNED(struct console_exited, exit_code, INT32_MAX),
};
const struct fields console_exited_fields = STRICT(console_exited_rows, struct console_exited);

/* ---- parts of results ------------------------------------------------------------------------ */

#define KIND_ERROR(name, words)                                                                    \
	static const struct field name##_rows[] = {                                                \
		ROW_CHOICE(struct kind_error, kind, words),                                        \
		ROW_TEXT(struct kind_error, message),                                              \
	};                                                                                         \
	static const struct fields name##_fields = STRICT(name##_rows, struct kind_error)

static const struct field chunk_rows[] = {
	ROW_NUMBERS(struct chunk, chunk, "chunk", FIELD_REQUIRED),
};
static const struct fields chunk_fields = STRICT(chunk_rows, struct chunk);

static const struct field exit_rows[] = {
	ROW_SIGNED(struct exit_event, code, INT32_MAX),
};
static const struct fields exit_fields = STRICT(exit_rows, struct exit_event);

static const struct field signal_rows[] = {
	ROW_SIGNED(struct proc_killed, signal, INT32_MAX),
};

/* ---- files ----------------------------------------------------------------------------------- */

static const char *const fs_errors[] = { "PolicyDenied", "NotFound", "PermissionDenied",
	"AlreadyExists", "CapExceeded", "CrossDevice", "DirectoryNotEmpty", "IoError", "BadPath",
	"Other", NULL };
KIND_ERROR(fs_error, fs_errors);
static const char *const fs_kinds[] = { "file", "dir", "symlink", "other", NULL };

static const struct field fs_content_rows[] = {
	ROW_NUMBERS(struct fs_content, content, "content", FIELD_REQUIRED),
	ROW_WHOLE(struct fs_content, total_size, UINT64_MAX),
};
static const struct fields fs_content_fields = STRICT(fs_content_rows, struct fs_content);
static const struct field fs_written_rows[] = {
	ROW_WHOLE(struct fs_written, bytes_written, UINT64_MAX),
};
static const struct fields fs_written_fields = STRICT(fs_written_rows, struct fs_written);
static const struct field fs_entry_rows[] = {
	ROW_TEXT(struct fs_entry, name),
	ROW_CHOICE(struct fs_entry, kind, fs_kinds),
	ROW_WHOLE(struct fs_entry, size, UINT64_MAX),
};
static const struct fields fs_entry_fields = STRICT(fs_entry_rows, struct fs_entry);
static const struct field fs_listing_rows[] = {
	ROW_OBJECTS(struct fs_listing, entries, "entries", &fs_entry_fields),
	ROW_BOOL(struct fs_listing, truncated),
};
static const struct fields fs_listing_fields = STRICT(fs_listing_rows, struct fs_listing);
static const struct field fs_status_rows[] = {
	ROW_TEXT(struct fs_status, canonical_path),
	ROW_CHOICE(struct fs_status, kind, fs_kinds),
	ROW_WHOLE(struct fs_status, size, UINT64_MAX),
	ROW_WHOLE(struct fs_status, mode, UINT32_MAX),
	ROW_MAYBE_TEXT(struct fs_status, mtime),
};
static const struct fields fs_status_fields = STRICT(fs_status_rows, struct fs_status);
static const struct field fs_removed_rows[] = {
	ROW_WHOLE(struct fs_removed, entries_removed, UINT64_MAX),
};
static const struct fields fs_removed_fields = STRICT(fs_removed_rows, struct fs_removed);

static const struct field fs_hash_answer_rows[] = {
	ROW_TEXT(struct fs_hash, sha256),
	ROW_WHOLE(struct fs_hash, bytes, INT64_MAX),
};
static const struct fields fs_hash_answer_fields = STRICT(fs_hash_answer_rows, struct fs_hash);

static const struct variant fs_results[] = {
	{ .name = "Read", .fields = &fs_content_fields },
	{ .name = "Write", .fields = &fs_written_fields },
	{ .name = "List", .fields = &fs_listing_fields },
	{ .name = "Stat", .fields = &fs_status_fields },
	{ .name = "Mkdir" },
	{ .name = "Remove", .fields = &fs_removed_fields },
	{ .name = "Move" },
	{ .name = "Error", .fields = &fs_error_fields },
	{ .name = "Hash", .fields = &fs_hash_answer_fields },
	{ 0 },
};
const struct field fs_result_value = ROW_TAGGED(struct fs_result, kind, "", fs_results, as);

/* ---- processes ------------------------------------------------------------------------------- */

static const char *const proc_errors[] = { "UnknownToken", "SpawnFailed", "SecurityEnvelopeFailed",
	"InvalidArgv", "InvalidEnv", "BadCwd", "CapExceeded", "UnsupportedInProduction", "Other",
	NULL };
KIND_ERROR(proc_error, proc_errors);

static const struct field code_value = { .name = "", .type = FIELD_SIGNED, .max = INT32_MAX };
static const struct variant proc_states[] = {
	{ .name = "running" },
	{ .name = "exited", .value = &code_value },
	{ .name = "killed", .value = &code_value },
	{ .name = "timed_out" },
	{ 0 },
};
static const struct field proc_entry_rows[] = {
	ROW_TEXT(struct proc_entry, pid_token),
	ROW_TEXT(struct proc_entry, started_at),
	ROW_TEXT(struct proc_entry, argv0),
	ROW_TAGGED(struct proc_entry, state, "state", proc_states, code),
};
static const struct fields proc_entry_fields = STRICT(proc_entry_rows, struct proc_entry);
static const struct field proc_started_rows[] = {
	ROW_TEXT(struct proc_started, pid_token),
};
static const struct fields proc_started_fields = STRICT(proc_started_rows, struct proc_started);
static const struct field proc_listing_rows[] = {
	ROW_OBJECTS(struct proc_listing, processes, "processes", &proc_entry_fields),
};
static const struct fields proc_listing_fields = STRICT(proc_listing_rows, struct proc_listing);
static const struct field proc_accepted_rows[] = {
	ROW_WHOLE(struct proc_accepted, bytes_accepted, UINT64_MAX),
};
static const struct fields proc_accepted_fields = STRICT(proc_accepted_rows, struct proc_accepted);

static const struct variant proc_results[] = {
	{ .name = "Started", .fields = &proc_started_fields },
	{ .name = "List", .fields = &proc_listing_fields },
	{ .name = "Signaled" },
	{ .name = "Killed" },
	{ .name = "InputAccepted", .fields = &proc_accepted_fields },
	{ .name = "Error", .fields = &proc_error_fields },
	{ 0 },
};
const struct field proc_result_value = ROW_TAGGED(struct proc_result, kind, "", proc_results, as);

static const struct fields killed_fields = STRICT(signal_rows, struct proc_killed);
static const struct field pending_rows[] = {
	{ .name = "pending", .type = FIELD_STRINGS, .flags = FIELD_REQUIRED },
};
static const struct fields pending_fields = STRICT(pending_rows, struct field_list);
static const struct variant backpressure_reasons[] = {
	{ .name = "guest_agent_unavailable" },
	{ .name = "service_health_pending", .fields = &pending_fields },
	{ .name = "output_consumer_slow" },
	{ .name = "input_buffer_full" },
	{ .name = "artifact_transfer_blocked" },
	{ .name = "builder_busy" },
	{ 0 },
};
static const struct field backpressure_rows[] = {
	ROW_TAGGED(struct backpressure, reason, "reason", backpressure_reasons, pending),
	ROW_TEXT(struct backpressure, detail),
};
static const struct fields backpressure_fields = STRICT(backpressure_rows, struct backpressure);
static const struct variant proc_events[] = {
	{ .name = "Stdout", .fields = &chunk_fields },
	{ .name = "Stderr", .fields = &chunk_fields },
	{ .name = "Backpressure", .fields = &backpressure_fields },
	{ .name = "Exit", .fields = &exit_fields },
	{ .name = "Killed", .fields = &killed_fields },
	{ .name = "TimedOut" },
	{ .name = "Error", .fields = &proc_error_fields },
	{ 0 },
};
const struct field proc_event_value = ROW_TAGGED(struct proc_event, kind, "", proc_events, as);

/* ---- the entrypoint -------------------------------------------------------------------------- */

static const char *const entrypoint_errors[] = { "PayloadCap", "Timeout", "Busy", "WrapperCrashed",
	"EntrypointInvalid", "SessionKilled", "InternalError", "NotReady", NULL };
KIND_ERROR(entrypoint_error, entrypoint_errors);
static const struct field entrypoint_control_rows[] = {
	ROW_TEXT(struct entrypoint_control, header_json),
	ROW_NUMBERS(struct entrypoint_control, payload, "payload", FIELD_REQUIRED),
};
static const struct fields entrypoint_control_fields =
	STRICT(entrypoint_control_rows, struct entrypoint_control);
static const struct variant entrypoint_events[] = {
	{ .name = "Stdout", .fields = &chunk_fields },
	{ .name = "Stderr", .fields = &chunk_fields },
	{ .name = "Control", .fields = &entrypoint_control_fields },
	{ .name = "Exit", .fields = &exit_fields },
	{ .name = "Error", .fields = &entrypoint_error_fields },
	{ 0 },
};
const struct field entrypoint_event_value =
	ROW_TAGGED(struct entrypoint_event, kind, "", entrypoint_events, as);

static const struct field entrypoint_status_rows[] = {
	ROW_BOOL(struct entrypoint_status, ok),
	ROW_MAYBE_TEXT(struct entrypoint_status, path),
	ROW_MAYBE_TEXT(struct entrypoint_status, detail),
};
const struct fields entrypoint_status_fields =
	STRICT(entrypoint_status_rows, struct entrypoint_status);

/* ---- volumes, timeouts, hello ---------------------------------------------------------------- */

static const char *const volume_errors[] = { "BadPath", "PolicyDenied", "BadVolumeName",
	"MountFailed", "Busy", "IoError", "Other", NULL };
KIND_ERROR(volume_error, volume_errors);
static const struct field volume_mounted_rows[] = {
	ROW_TEXT(struct volume_mounted, canonical_path),
};
static const struct fields volume_mounted_fields =
	STRICT(volume_mounted_rows, struct volume_mounted);
static const struct variant volume_results[] = {
	{ .name = "Mounted", .fields = &volume_mounted_fields },
	{ .name = "Unmounted" },
	{ .name = "Error", .fields = &volume_error_fields },
	{ 0 },
};
const struct field volume_result_value =
	ROW_TAGGED(struct volume_result, kind, "", volume_results, as);

static const struct field idle_timeout_ack_rows[] = {
	ROW_WHOLE(struct idle_timeout_ack, previous_secs, UINT64_MAX),
	ROW_WHOLE(struct idle_timeout_ack, applied_secs, UINT64_MAX),
};
const struct fields idle_timeout_ack_fields =
	STRICT(idle_timeout_ack_rows, struct idle_timeout_ack);

static const struct field hello_ack_rows[] = {
	ROW_WHOLE(struct protocol_hello_ack, agent_protocol_version, UINT32_MAX),
	ROW_WHOLE(struct protocol_hello_ack, min_supported_version, UINT32_MAX),
	ROW_TEXT(struct protocol_hello_ack, agent_version),
	ROW_STRINGS(struct protocol_hello_ack, capabilities),
};
const struct fields hello_ack_fields = STRICT(hello_ack_rows, struct protocol_hello_ack);

static const char *const hello_actions[] = { "upgrade_host", "rebuild_guest", "downgrade_host",
	NULL };
static const struct field mismatch_rows[] = {
	ROW_WHOLE(struct protocol_mismatch, host_protocol_version, UINT32_MAX),
	ROW_WHOLE(struct protocol_mismatch, agent_protocol_version, UINT32_MAX),
	ROW_CHOICE(struct protocol_mismatch, required_action, hello_actions),
	ROW_TEXT(struct protocol_mismatch, message),
};
const struct fields mismatch_fields = STRICT(mismatch_rows, struct protocol_mismatch);

const char *const guest_profiles[] = { "sealed-prod", "dev", "builder", NULL };
static const struct field unsupported_rows[] = {
	ROW_CHOICE(struct unsupported_in_profile, profile, guest_profiles),
	ROW_TEXT(struct unsupported_in_profile, verb),
};
const struct fields unsupported_fields = STRICT(unsupported_rows, struct unsupported_in_profile);

/* ---- readiness ------------------------------------------------------------------------------- */

static const struct field failed_rows[] = {
	{ .name = "message", .type = FIELD_STRING, .flags = FIELD_REQUIRED },
};
static const struct fields failed_fields = STRICT(failed_rows, char *);
static const struct variant readiness_states[] = {
	{ .name = "disabled" },
	{ .name = "starting" },
	{ .name = "ready" },
	{ .name = "failed", .fields = &failed_fields },
	{ 0 },
};

#define ROW_READINESS(m)                                                                           \
	{                                                                                          \
		.name = #m, .type = FIELD_TAGGED, .flags = FIELD_REQUIRED,                         \
		.offset = offsetof(struct readiness_status, m.state),                              \
		.variants = readiness_states,                                                      \
		.content_offset = offsetof(struct readiness_status, m.message)                     \
	}

static const struct field boot_millis_rows[] = {
	ROW_KNOWN(struct boot_millis, agent_started_ms),
	ROW_KNOWN(struct boot_millis, vsock_bound_ms),
	ROW_KNOWN(struct boot_millis, first_accept_ms),
	ROW_KNOWN(struct boot_millis, entrypoint_ready_ms),
	ROW_KNOWN(struct boot_millis, warm_pool_ready_ms),
	ROW_KNOWN(struct boot_millis, integrations_ready_ms),
	ROW_KNOWN(struct boot_millis, probes_ready_ms),
};
static const struct fields boot_millis_fields = STRICT(boot_millis_rows, struct boot_millis);
static const struct field readiness_rows[] = {
	ROW_READINESS(control_plane),
	ROW_READINESS(entrypoint),
	ROW_READINESS(warm_pool),
	ROW_READINESS(integrations),
	ROW_READINESS(probes),
	ROW_READINESS(volumes),
	ROW_CHOICE(struct readiness_status, profile, guest_profiles),
	ROW_OBJECT(struct readiness_status, boot_millis, &boot_millis_fields),
};
const struct fields readiness_fields = STRICT(readiness_rows, struct readiness_status);
