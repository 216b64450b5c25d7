/* SPDX-License-Identifier: MIT */
/*
 * Fields of the answers that only mvm-probe knows, and of the host's answers to the guest. Their
 * structs are in bodies.h.
 */
#include "protocol/rows.h"
#include "protocol/tables.h"

static const struct field hello_rows[] = {
	ROW_WHOLE(struct hello_answer, protocol, UINT32_MAX),
	ROW_TEXT(struct hello_answer, agent),
	ROW_MAYBE_TEXT(struct hello_answer, init),
	ROW_STRINGS(struct hello_answer, requests),
};
const struct fields hello_fields = FIELDS_OF(hello_rows, struct hello_answer);

static const struct field service_rows[] = {
	ROW_TEXT(struct service_entry, name),
	ROW_MAYBE_TEXT(struct service_entry, state),
	ROW_MAYBE_TEXT(struct service_entry, reason),
	ROW_KNOWN(struct service_entry, pid),
	ROW_KNOWN(struct service_entry, uid),
	ROW_KNOWN(struct service_entry, gid),
	ROW_KNOWN(struct service_entry, state_ms),
	ROW_KNOWN(struct service_entry, restarts),
	ROW_KNOWN(struct service_entry, failures),
	ROW_KNOWN(struct service_entry, next_start_ms),
	ROW_KNOWN(struct service_entry, exit_code),
	ROW_BOOL(struct service_entry, built_in),
	ROW_KNOWN(struct service_entry, memory_bytes),
	ROW_KNOWN(struct service_entry, cpu_us),
	ROW_KNOWN(struct service_entry, tasks),
	ROW_KNOWN(struct service_entry, oom_kills),
};
static const struct fields service_fields = FIELDS_OF(service_rows, struct service_entry);
static const struct field services_rows[] = {
	ROW_OBJECTS(struct list_answer, items, "services", &service_fields),
};
const struct fields services_fields = FIELDS_OF(services_rows, struct list_answer);

static const struct field log_time_rows[] = {
	ROW_WHOLE(struct log_time, position, UINT64_MAX),
	ROW_WHOLE(struct log_time, unix_ms, UINT64_MAX),
};
static const struct fields log_time_fields = FIELDS_OF(log_time_rows, struct log_time);
static const struct field logs_rows[] = {
	{ ROW(struct logs_answer, text, BYTES, FIELD_REQUIRED) },
	ROW_WHOLE(struct logs_answer, position, UINT64_MAX),
	ROW_BOOL(struct logs_answer, cut),
	{ ROW(struct logs_answer, times, OBJECTS, FIELD_NULLABLE), .object = &log_time_fields },
};
const struct fields logs_fields = FIELDS_OF(logs_rows, struct logs_answer);

static const struct field stage_rows[] = {
	ROW_TEXT(struct boot_stage, name),
	ROW_KNOWN(struct boot_stage, start_us),
	ROW_KNOWN(struct boot_stage, duration_us),
	ROW_BOOL(struct boot_stage, success),
	ROW_MAYBE_TEXT(struct boot_stage, detail),
};
static const struct fields stage_fields = FIELDS_OF(stage_rows, struct boot_stage);
static const struct field boot_timeline_rows[] = {
	ROW_OBJECTS(struct boot_timeline, stages, "stages", &stage_fields),
	ROW_KNOWN(struct boot_timeline, all_healthy_us),
};
const struct fields boot_timeline_fields = FIELDS_OF(boot_timeline_rows, struct boot_timeline);

static const struct field guest_rows[] = {
	ROW_KNOWN(struct guest_metrics, uptime_ms),
	ROW_KNOWN(struct guest_metrics, processors),
	ROW_KNOWN(struct guest_metrics, tasks),
	ROW_KNOWN(struct guest_metrics, cpu_us),
	ROW_KNOWN(struct guest_metrics, memory_bytes),
	ROW_KNOWN(struct guest_metrics, memory_available_bytes),
};
static const struct fields guest_fields = FIELDS_OF(guest_rows, struct guest_metrics);
static const struct field agent_rows[] = {
	ROW_TEXT(struct agent_metrics, version),
	ROW_KNOWN(struct agent_metrics, memory_bytes),
	ROW_KNOWN(struct agent_metrics, connections),
	ROW_KNOWN(struct agent_metrics, requests),
	ROW_KNOWN(struct agent_metrics, commands),
	ROW_KNOWN(struct agent_metrics, commands_cpu_us),
};
static const struct fields agent_fields = FIELDS_OF(agent_rows, struct agent_metrics);
static const struct field checks_rows[] = {
	ROW_WHOLE(struct checks_summary, total, UINT64_MAX),
	ROW_WHOLE(struct checks_summary, checked, UINT64_MAX),
	ROW_WHOLE(struct checks_summary, healthy, UINT64_MAX),
};
static const struct fields checks_fields = FIELDS_OF(checks_rows, struct checks_summary);
static const struct field metrics_rows[] = {
	ROW_OBJECT(struct metrics_answer, guest, &guest_fields),
	ROW_OBJECT(struct metrics_answer, agent, &agent_fields),
	ROW_OBJECT(struct metrics_answer, integrations, &checks_fields),
	ROW_OBJECT(struct metrics_answer, probes, &checks_fields),
	{ ROW(struct metrics_answer, services, OBJECTS, FIELD_NULLABLE), .object = &service_fields,
		.given_offset = offsetof(struct metrics_answer, has_services) },
};
const struct fields metrics_fields = FIELDS_OF(metrics_rows, struct metrics_answer);

static const struct field event_rows[] = {
	ROW_WHOLE(struct event_entry, number, UINT64_MAX),
	ROW_KNOWN(struct event_entry, at_ms),
	ROW_MAYBE_TEXT(struct event_entry, service),
	ROW_MAYBE_TEXT(struct event_entry, before),
	ROW_MAYBE_TEXT(struct event_entry, after),
	ROW_MAYBE_TEXT(struct event_entry, cause),
	ROW_MAYBE_TEXT(struct event_entry, reason),
	ROW_KNOWN(struct event_entry, pid),
	ROW_KNOWN(struct event_entry, exit_code),
};
static const struct fields event_fields = FIELDS_OF(event_rows, struct event_entry);
static const struct field events_rows[] = {
	ROW_OBJECTS(struct events_answer, events, "events", &event_fields),
	ROW_WHOLE(struct events_answer, position, UINT64_MAX),
	ROW_KNOWN(struct events_answer, lost),
};
const struct fields events_fields = FIELDS_OF(events_rows, struct events_answer);

static const struct field reload_rows[] = {
	ROW_BOOL(struct reload_result, success),
	ROW_MAYBE_TEXT(struct reload_result, detail),
	ROW_KNOWN(struct reload_result, started),
	ROW_KNOWN(struct reload_result, stopped),
	ROW_KNOWN(struct reload_result, restarted),
	ROW_KNOWN(struct reload_result, unchanged),
	ROW_STRINGS(struct reload_result, bad),
};
const struct fields reload_fields = FIELDS_OF(reload_rows, struct reload_result);

/* ---- answers of the host --------------------------------------------------------------------- */

static const struct field host_wake_rows[] = {
	ROW_BOOL(struct ack_answer, success),
	ROW_MAYBE_TEXT(struct ack_answer, detail),
};
const struct fields host_wake_fields = FIELDS_OF(host_wake_rows, struct ack_answer);

static const struct field instance_status_rows[] = {
	ROW_TEXT(struct instance_status, status),
	ROW_MAYBE_TEXT(struct instance_status, guest_ip),
};
const struct fields instance_status_fields =
	FIELDS_OF(instance_status_rows, struct instance_status);

static const struct field host_time_rows[] = {
	ROW_SIGNED(struct host_time_answer, unix_seconds, INT64_MAX),
	ROW_WHOLE(struct host_time_answer, unix_nanos, UINT32_MAX),
};
const struct fields host_time_fields = STRICT(host_time_rows, struct host_time_answer);
