/* SPDX-License-Identifier: MIT */
/* Fields of the requests. Their structs are in bodies.h. */
#include "protocol/rows.h"
#include "protocol/tables.h"

/* Requests of mvm v1 and later are STRICT: mvm's own agent refuses unknown fields, and so do we. */
static const struct field sleep_prep_rows[] = {
	ROW_WHOLE(struct sleep_prep, drain_timeout_secs, UINT64_MAX),
};
const struct fields sleep_prep_fields = FIELDS_OF(sleep_prep_rows, struct sleep_prep);

static const struct field checkpoint_rows[] = {
	ROW_STRINGS(struct checkpoint_integrations, integrations),
};
const struct fields checkpoint_integrations_fields =
	FIELDS_OF(checkpoint_rows, struct checkpoint_integrations);

static const struct field exec_rows[] = {
	ROW_TEXT(struct exec_request, command),
	{ .name = "stdin",
		.type = FIELD_BYTES,
		.flags = FIELD_NULLABLE,
		.offset = offsetof(struct exec_request, stdin_bytes) },
	ROW_MAYBE_WHOLE(struct exec_request, timeout_secs, UINT64_MAX, has_timeout),
};
const struct fields exec_request_fields = FIELDS_OF(exec_rows, struct exec_request);

static const struct field port_forward_rows[] = {
	ROW_WHOLE(struct port_forward_request, guest_port, UINT16_MAX),
};
const struct fields port_forward_request_fields =
	FIELDS_OF(port_forward_rows, struct port_forward_request);

/* ---- the console ----------------------------------------------------------------------------- */

static const struct field console_open_rows[] = {
	ROW_WHOLE(struct console_open, cols, UINT16_MAX),
	ROW_WHOLE(struct console_open, rows, UINT16_MAX),
};
const struct fields console_open_fields = FIELDS_OF(console_open_rows, struct console_open);

static const struct field console_resize_rows[] = {
	ROW_WHOLE(struct console_resize, session_id, UINT32_MAX),
	ROW_WHOLE(struct console_resize, cols, UINT16_MAX),
	ROW_WHOLE(struct console_resize, rows, UINT16_MAX),
};
const struct fields console_resize_fields = FIELDS_OF(console_resize_rows, struct console_resize);

static const struct field console_session_rows[] = {
	ROW_WHOLE(struct console_session, session_id, UINT32_MAX),
};
const struct fields console_session_fields =
	FIELDS_OF(console_session_rows, struct console_session);

/* ---- the entrypoint -------------------------------------------------------------------------- */

static const struct field run_entrypoint_rows[] = {
	ROW_NUMBERS(struct run_entrypoint, stdin_bytes, "stdin", FIELD_REQUIRED),
	ROW_WHOLE(struct run_entrypoint, timeout_secs, UINT64_MAX),
};
const struct fields run_entrypoint_fields = STRICT(run_entrypoint_rows, struct run_entrypoint);

/* ---- files ----------------------------------------------------------------------------------- */

static const struct field fs_read_rows[] = {
	ROW_TEXT(struct fs_read_request, path),
	ROW_MAYBE_WHOLE(struct fs_read_request, offset, UINT64_MAX, has_offset),
	ROW_WHOLE(struct fs_read_request, length, UINT64_MAX),
	ROW_OPTION_ON(struct fs_read_request, follow_symlinks),
};
const struct fields fs_read_fields = STRICT(fs_read_rows, struct fs_read_request);

static const struct field fs_write_rows[] = {
	ROW_TEXT(struct fs_write_request, path),
	ROW_NUMBERS(struct fs_write_request, content, "content", FIELD_REQUIRED),
	ROW_WHOLE(struct fs_write_request, mode, UINT32_MAX),
	ROW_OPTION(struct fs_write_request, create_parents),
	ROW_OPTION(struct fs_write_request, follow_symlinks),
	{ ROW(struct fs_write_request, offset, WHOLE, FIELD_NULLABLE | FIELD_OMIT),
		.max = INT64_MAX, .given_offset = offsetof(struct fs_write_request, has_offset) },
};
const struct fields fs_write_fields = STRICT(fs_write_rows, struct fs_write_request);

static const struct field fs_hash_rows[] = {
	ROW_TEXT(struct fs_hash_request, path),
	ROW_WHOLE(struct fs_hash_request, offset, INT64_MAX),
	ROW_WHOLE(struct fs_hash_request, length, INT64_MAX),
};
const struct fields fs_hash_fields = STRICT(fs_hash_rows, struct fs_hash_request);

static const struct field fs_set_attributes_rows[] = {
	ROW_TEXT(struct fs_set_attributes_request, path),
	ROW_MAYBE_WHOLE(struct fs_set_attributes_request, mode, 07777, has_mode),
	{ ROW(struct fs_set_attributes_request, modified_secs, SIGNED, FIELD_NULLABLE),
		.max = INT64_MAX,
		.given_offset = offsetof(struct fs_set_attributes_request, has_modified) },
};
const struct fields fs_set_attributes_fields =
	STRICT(fs_set_attributes_rows, struct fs_set_attributes_request);

static const struct field fs_list_rows[] = {
	ROW_TEXT(struct fs_path_request, path),
	ROW_OPTION_ON(struct fs_path_request, follow_symlinks),
};
const struct fields fs_list_fields = STRICT(fs_list_rows, struct fs_path_request);

static const struct field fs_mkdir_rows[] = {
	ROW_TEXT(struct fs_mkdir_request, path),
	ROW_WHOLE(struct fs_mkdir_request, mode, UINT32_MAX),
	ROW_OPTION(struct fs_mkdir_request, parents),
};
const struct fields fs_mkdir_fields = STRICT(fs_mkdir_rows, struct fs_mkdir_request);

static const struct field fs_remove_rows[] = {
	ROW_TEXT(struct fs_remove_request, path),
	ROW_OPTION(struct fs_remove_request, recursive),
	ROW_OPTION(struct fs_remove_request, follow_symlinks),
};
const struct fields fs_remove_fields = STRICT(fs_remove_rows, struct fs_remove_request);

static const struct field fs_move_rows[] = {
	ROW_TEXT(struct fs_move_request, from),
	ROW_TEXT(struct fs_move_request, to),
	ROW_OPTION(struct fs_move_request, follow_symlinks),
};
const struct fields fs_move_fields = STRICT(fs_move_rows, struct fs_move_request);

/* ---- processes ------------------------------------------------------------------------------- */

static const struct field proc_start_rows[] = {
	ROW_STRINGS(struct proc_start_request, argv),
	{ ROW(struct proc_start_request, env, MAP, 0) },
	ROW_MAYBE_TEXT(struct proc_start_request, cwd),
	ROW_NUMBERS(struct proc_start_request, stdin_bytes, "stdin", 0),
	ROW_MAYBE_WHOLE(struct proc_start_request, timeout_secs, UINT64_MAX, has_timeout),
	{ ROW(struct proc_start_request, user, STRING, FIELD_NULLABLE | FIELD_OMIT) },
};
const struct fields proc_start_fields = STRICT(proc_start_rows, struct proc_start_request);

static const struct field proc_token_rows[] = {
	ROW_TEXT(struct proc_token_request, pid_token),
};
const struct fields proc_token_fields = STRICT(proc_token_rows, struct proc_token_request);

static const struct field proc_signal_rows[] = {
	ROW_TEXT(struct proc_signal_request, pid_token),
	ROW_SIGNED(struct proc_signal_request, signum, INT32_MAX),
};
const struct fields proc_signal_fields = STRICT(proc_signal_rows, struct proc_signal_request);

static const struct field proc_input_rows[] = {
	ROW_TEXT(struct proc_input_request, pid_token),
	ROW_NUMBERS(struct proc_input_request, bytes, "bytes", FIELD_REQUIRED),
};
const struct fields proc_input_fields = STRICT(proc_input_rows, struct proc_input_request);

static const struct field proc_wait_rows[] = {
	ROW_TEXT(struct proc_wait_request, pid_token),
	ROW_MAYBE_WHOLE(struct proc_wait_request, timeout_secs, UINT64_MAX, has_timeout),
};
const struct fields proc_wait_fields = STRICT(proc_wait_rows, struct proc_wait_request);

/* ---- the rest of mvm's ----------------------------------------------------------------------- */

static const struct field mount_volume_rows[] = {
	ROW_TEXT(struct mount_volume_request, volume_name),
	ROW_TEXT(struct mount_volume_request, guest_path),
	ROW_BOOL(struct mount_volume_request, read_only),
};
const struct fields mount_volume_fields = STRICT(mount_volume_rows, struct mount_volume_request);

static const struct field unmount_volume_rows[] = {
	ROW_TEXT(struct unmount_volume_request, guest_path),
	ROW_BOOL(struct unmount_volume_request, force),
};
const struct fields unmount_volume_fields =
	STRICT(unmount_volume_rows, struct unmount_volume_request);

static const struct field idle_timeout_rows[] = {
	ROW_WHOLE(struct idle_timeout_request, secs, UINT64_MAX),
};
const struct fields idle_timeout_fields = STRICT(idle_timeout_rows, struct idle_timeout_request);

static const struct field run_code_rows[] = {
	ROW_TEXT(struct run_code_request, code),
	ROW_MAYBE_WHOLE(struct run_code_request, timeout_secs, UINT64_MAX, has_timeout),
};
const struct fields run_code_fields = STRICT(run_code_rows, struct run_code_request);

static const struct field protocol_hello_rows[] = {
	ROW_WHOLE(struct protocol_hello, host_protocol_version, UINT32_MAX),
	ROW_WHOLE(struct protocol_hello, min_supported_version, UINT32_MAX),
	ROW_TEXT(struct protocol_hello, host_version),
	ROW_STRINGS(struct protocol_hello, requested_capabilities),
};
const struct fields protocol_hello_fields = STRICT(protocol_hello_rows, struct protocol_hello);

/* ---- ours ------------------------------------------------------------------------------------ */

static const struct field logs_rows[] = {
	ROW_TEXT(struct logs_request, service),
	{ ROW(struct logs_request, lines, WHOLE, FIELD_NULLABLE | FIELD_OMIT), .max = UINT32_MAX,
		.given_offset = offsetof(struct logs_request, has_lines) },
	{ ROW(struct logs_request, position, WHOLE, FIELD_NULLABLE | FIELD_OMIT), .max = UINT64_MAX,
		.given_offset = offsetof(struct logs_request, has_position) },
};
const struct fields logs_request_fields = FIELDS_OF(logs_rows, struct logs_request);

static const struct field service_rows[] = {
	ROW_TEXT(struct service_request, service),
};
const struct fields service_request_fields = FIELDS_OF(service_rows, struct service_request);

static const struct field shutdown_rows[] = {
	{ ROW(struct shutdown_request, power_off, BOOL, FIELD_NULLABLE) },
};
const struct fields shutdown_fields = FIELDS_OF(shutdown_rows, struct shutdown_request);

static const struct field events_rows[] = {
	{ ROW(struct events_request, service, STRING, FIELD_NULLABLE | FIELD_OMIT) },
	{ ROW(struct events_request, position, WHOLE, FIELD_NULLABLE | FIELD_OMIT),
		.max = UINT64_MAX, .given_offset = offsetof(struct events_request, has_position) },
	{ ROW(struct events_request, wait_secs, WHOLE, FIELD_NULLABLE | FIELD_OMIT),
		.max = UINT32_MAX, .given_offset = offsetof(struct events_request, has_wait) },
};
const struct fields events_request_fields = FIELDS_OF(events_rows, struct events_request);

/* ---- requests of the guest to the host ------------------------------------------------------- */

static const struct field host_instance_rows[] = {
	ROW_TEXT(struct host_instance, tenant_id),
	ROW_TEXT(struct host_instance, pool_id),
	ROW_TEXT(struct host_instance, instance_id),
};
const struct fields host_instance_fields = FIELDS_OF(host_instance_rows, struct host_instance);
