/* SPDX-License-Identifier: MIT */
/* The tables of fields that messages.c refers to: requests.c, answers.c, answers_ours.c. */
#ifndef PROTOCOL_TABLES_H
#define PROTOCOL_TABLES_H

#include "protocol/bodies.h"

extern const struct fields sleep_prep_fields, checkpoint_integrations_fields, exec_request_fields,
	port_forward_request_fields, console_open_fields, console_resize_fields,
	console_session_fields, run_entrypoint_fields, fs_read_fields, fs_write_fields,
	fs_list_fields, fs_hash_fields, fs_set_attributes_fields, fs_mkdir_fields, fs_remove_fields,
	fs_move_fields, proc_start_fields, proc_token_fields, proc_signal_fields, proc_input_fields,
	proc_wait_fields, mount_volume_fields, unmount_volume_fields, idle_timeout_fields,
	run_code_fields, protocol_hello_fields, logs_request_fields, service_request_fields,
	shutdown_fields, events_request_fields;

extern const struct fields worker_status_fields, integrations_fields, probes_fields, ack_fields,
	wake_ack_fields, checkpoint_result_fields, exec_answer_fields, error_fields, fs_diff_fields,
	port_forward_fields, console_opened_fields, console_exited_fields, console_resized_fields,
	entrypoint_status_fields, idle_timeout_ack_fields, hello_ack_fields, mismatch_fields,
	unsupported_fields, readiness_fields, hello_fields, services_fields, logs_fields,
	boot_timeline_fields, metrics_fields, events_fields, reload_fields;

extern const struct field fs_result_value, proc_result_value, proc_event_value,
	entrypoint_event_value, volume_result_value;

extern const struct fields host_instance_fields, instance_status_fields, host_time_fields,
	host_wake_fields;

#endif
