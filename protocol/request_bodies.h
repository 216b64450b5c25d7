/* SPDX-License-Identifier: MIT */
/* Contents of the requests as C structs. The rules are in bodies.h. */
#ifndef PROTOCOL_REQUEST_BODIES_H
#define PROTOCOL_REQUEST_BODIES_H

#include "protocol/fields.h"

#include <stdbool.h>
#include <stdint.h>

struct sleep_prep {
	uint64_t drain_timeout_secs;
};

struct checkpoint_integrations {
	struct field_list integrations; /* char *: names */
};

struct exec_request {
	char *command;
	struct field_bytes stdin_bytes;
	uint64_t timeout_secs;
	bool has_timeout;
};

struct port_forward_request {
	uint64_t guest_port; /* TCP */
};

struct console_open {
	uint64_t cols, rows;
};

struct console_resize {
	uint64_t session_id, cols, rows;
};

struct console_session { /* ConsoleClose */
	uint64_t session_id;
};

struct run_entrypoint {
	struct field_bytes stdin_bytes;
	uint64_t timeout_secs;
};

struct fs_read_request {
	char *path;
	uint64_t offset, length;
	bool has_offset, follow_symlinks;
};

struct fs_write_request {
	char *path;
	struct field_bytes content;
	uint64_t mode;
	bool create_parents, follow_symlinks;
	/* Ours: write into the file that is there from `offset` on, which is its end then. At 0 it
	 * is made where it is absent. */
	uint64_t offset;
	bool has_offset;
};

struct fs_hash_request {
	char *path;
	uint64_t offset, length;
};

struct fs_set_attributes_request {
	char *path;
	uint64_t mode;         /* of file permissions, when `has_mode` */
	int64_t modified_secs; /* the time of modification, since 1970, when `has_modified` */
	bool has_mode, has_modified;
};

struct fs_path_request { /* FsList, FsStat */
	char *path;
	bool follow_symlinks;
};

struct fs_mkdir_request {
	char *path;
	uint64_t mode;
	bool parents;
};

struct fs_remove_request {
	char *path;
	bool recursive, follow_symlinks;
};

struct fs_move_request {
	char *from, *to;
	bool follow_symlinks;
};

struct proc_start_request {
	struct field_list argv; /* char * */
	struct field_list env;  /* struct field_pair */
	char *cwd;              /* or NULL */
	char *user;             /* ours: as whom it runs; or NULL */
	struct field_bytes stdin_bytes;
	uint64_t timeout_secs;
	bool has_timeout;
};

struct proc_token_request { /* ProcKill */
	char *pid_token;
};

struct proc_signal_request {
	char *pid_token;
	int64_t signum;
};

struct proc_input_request {
	char *pid_token;
	struct field_bytes bytes;
};

struct proc_wait_request {
	char *pid_token;
	uint64_t timeout_secs;
	bool has_timeout;
};

struct mount_volume_request {
	char *volume_name, *guest_path;
	bool read_only;
};

struct unmount_volume_request {
	char *guest_path;
	bool force;
};

struct idle_timeout_request {
	uint64_t secs;
};

struct run_code_request {
	char *code;
	uint64_t timeout_secs;
	bool has_timeout;
};

struct protocol_hello {
	uint64_t host_protocol_version, min_supported_version;
	char *host_version;
	struct field_list requested_capabilities; /* char * */
};

struct logs_request {
	char *service;
	uint64_t lines;    /* this many from the end, at most; 0: all that are kept */
	uint64_t position; /* if `has_position`: only what was written after it */
	bool has_lines, has_position;
};

struct service_request { /* Restart, ReloadService */
	char *service;
};

struct shutdown_request {
	bool power_off;
};

struct events_request {
	char *service;      /* only events of this service; NULL: of all */
	uint64_t position;  /* first event wanted; 0: all that are kept */
	uint64_t wait_secs; /* how long to wait for an event if there is none yet */
	bool has_position, has_wait;
};

union request_body {
	struct sleep_prep sleep_prep;
	struct checkpoint_integrations checkpoint;
	struct exec_request exec;
	struct port_forward_request port_forward;
	struct console_open console_open;
	struct console_resize console_resize;
	struct console_session console_close;
	struct run_entrypoint run_entrypoint;
	struct fs_read_request fs_read;
	struct fs_write_request fs_write;
	struct fs_path_request fs_path;
	struct fs_hash_request fs_hash;
	struct fs_set_attributes_request fs_set_attributes;
	struct fs_mkdir_request fs_mkdir;
	struct fs_remove_request fs_remove;
	struct fs_move_request fs_move;
	struct proc_start_request proc_start;
	struct proc_token_request proc_kill;
	struct proc_signal_request proc_signal;
	struct proc_input_request proc_input;
	struct proc_wait_request proc_wait;
	struct mount_volume_request mount_volume;
	struct unmount_volume_request unmount_volume;
	struct idle_timeout_request idle_timeout;
	struct run_code_request run_code;
	struct protocol_hello protocol_hello;
	struct logs_request logs;
	struct service_request service;
	struct shutdown_request shutdown;
	struct events_request events;
};

#endif
