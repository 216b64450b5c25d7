/* SPDX-License-Identifier: MIT */
/*
 * snapshot and restore, with Firecracker and without mvm: the agent prepares, Firecracker pauses
 * the machine and writes it to files, and the agent resumes. mvm-snapshot(7) has the order and the
 * files.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/problem.h"
#include "probe/memory.h"
#include "probe/show/out.h"
#include "probe/verbs/output.h"
#include "probe/verbs/verbs.h"
#include "probe/wire/firecracker.h"
#include "probe/wire/inquiry.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FORMAT         1
#define STATE_FILE     "vmstate"
#define MEMORY_FILE    "memory"
#define MANIFEST       "snapshot.json"
#define MANIFEST_MAX   65536
#define DRAIN_SECS     30
#define DRAIN_MARGIN   5000
#define AGENT_MS       10000
#define TRY_AGAIN_NS   (100 * 1000 * 1000)
#define DETAIL_COLUMNS 160

/* State of a snapshot or a restore. */
struct work {
	const struct options *o;
	const struct target *target;
	char *directory; /* absolute: Firecracker has another working directory */
	json_t *steps;
	struct failure failure; /* the first failure */
	bool refused;           /* the agent or Firecracker refused a step */
};

static char *path_in(const struct work *w, const char *name)
{
	size_t size = strlen(w->directory) + strlen(name) + 2;
	char *path = memory_must(malloc(size));

	buf_format(path, size, "%s/%s", w->directory, name);
	return path;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* Record and print the end of a step. Returns true if it succeeded. */
static bool end_step(struct work *w, const char *name, uint64_t began_ms, const struct failure *f)
{
	bool success = f->kind == FAILURE_NONE;
	uint64_t took_ms = clock_ms() - began_ms;
	json_t *step = memory_must(json_object());

	output_set(step, "step", json_string(name));
	output_set(step, "success", json_boolean(success));
	output_set(step, "elapsed_ms", json_integer((json_int_t)took_ms));
	output_set(step, "detail", success ? json_null() : output_string(text_of(f->text)));
	if (json_array_append_new(w->steps, step) != 0)
		memory_must(NULL);
	if (!w->o->json)
		out_printf(stdout, "%s: %s: %s after %llu ms\n", w->target->shown, name,
			success ? "done" : "failed", (unsigned long long)took_ms);
	fflush(stdout);
	if (!success && w->failure.kind == FAILURE_NONE)
		w->failure = *f;
	return success;
}

/* Read an agent's acknowledgement. A refusal sets the failure, too. */
static void read_ack(struct work *w, struct inquiry *i, struct failure *f)
{
	char storage[4 * DETAIL_COLUMNS + 1];
	struct buf b = BUF_OVER(storage);
	struct text detail = { 0 };
	bool success = false;
	struct shape s;

	*f = i->failure;
	if (f->kind != FAILURE_NONE ||
		!shape_open(&s, i->bodies[0], question_answer(i->questions), f))
		return;
	shape_bool(&s, "success", SHAPE_REQUIRED, &success);
	shape_text(&s, "detail", SHAPE_OPTIONAL, &detail);
	if (success || f->kind != FAILURE_NONE)
		return;
	buf_clear(&b);
	text_put_visible(&b, detail, DETAIL_COLUMNS);
	w->refused = true;
	failure_set(f, FAILURE_ERROR_ANSWER, "the guest could not: %s", b.data);
}

static void ask_once(struct work *w, enum message_kind kind, const void *body, uint64_t timeout_ms,
	struct failure *f)
{
	char *request = body != NULL ? output_request(kind, body) : NULL;
	const struct question question = { kind, request };
	struct inquiry *i = inquiry_all(w->target, 1, &question, 1, timeout_ms, 0);

	inquiry_decode(i);
	read_ack(w, i, f);
	inquiry_free_all(i, 1);
	free(request);
}

static bool ask_agent(struct work *w, const char *name, enum message_kind kind, const void *body,
	uint64_t time_ms)
{
	uint64_t began_ms = clock_ms();
	struct failure f;

	ask_once(w, kind, body, time_ms, &f);
	return end_step(w, name, began_ms, &f);
}

/* A machine that was just loaded creates its socket again, so wait for that. */
static bool ask_agent_until(struct work *w, const char *name, enum message_kind kind)
{
	const struct timespec again = { .tv_nsec = TRY_AGAIN_NS };
	uint64_t began_ms = clock_ms();
	struct failure f;

	for (;;) {
		f.kind = FAILURE_NONE;
		ask_once(w, kind, NULL, AGENT_MS, &f);
		if (f.kind == FAILURE_NONE || f.kind == FAILURE_ERROR_ANSWER ||
			failure_is_final(f.kind) || clock_ms() - began_ms >= w->o->timeout_ms)
			break;
		nanosleep(&again, NULL);
	}
	return end_step(w, name, began_ms, &f);
}

/* Call Firecracker's API. Frees `body`. */
static bool call(
	struct work *w, const char *name, const char *method, const char *path, json_t *body)
{
	char *text = memory_must(json_dumps(body, JSON_COMPACT));
	struct failure f = { .kind = FAILURE_NONE };
	uint64_t began_ms = clock_ms();

	firecracker_call(w->o->api_socket, method, path, text, w->o->timeout_ms, &f);
	free(text);
	json_decref(body);
	return end_step(w, name, began_ms, &f);
}

static bool set_state(struct work *w, const char *name, const char *state)
{
	json_t *body = memory_must(json_object());

	output_set(body, "state", json_string(state));
	return call(w, name, "PATCH", "/vm", body);
}

static void set_path(json_t *body, const char *key, const struct work *w, const char *file)
{
	char *path = path_in(w, file);

	output_set(body, key, output_string(text_of(path)));
	free(path);
}

/* ---- the files ------------------------------------------------------------------------------- */

static bool fail_at(struct work *w, const char *path, const char *advice, int error)
{
	failure_set(
		&w->failure, FAILURE_SYSTEM, "%s: %s%s", path, problem_errno_text(error), advice);
	return false;
}

/* Get the absolute path of an existing directory. */
static bool find_directory(struct work *w, const char *path)
{
	char here[PATH_MAX] = "";
	size_t size = strlen(path) + sizeof(here) + 1;
	struct stat st;

	if (stat(path, &st) != 0)
		return fail_at(w, path, "", errno);
	if (path[0] != '/' && getcwd(here, sizeof(here)) == NULL)
		return fail_at(w, path, "", errno);
	w->directory = memory_must(malloc(size));
	buf_format(w->directory, size, "%s%s%s", here, path[0] != '/' ? "/" : "", path);
	return true;
}

/* Create the snapshot's directory; it may exist with the files of a failed attempt. */
static bool make_directory(struct work *w, const char *path)
{
	char *manifest;
	bool is_taken;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return fail_at(w, path, ": make the directories above it first", errno);
	if (!find_directory(w, path))
		return false;
	manifest = path_in(w, MANIFEST);
	is_taken = access(manifest, F_OK) == 0;
	free(manifest);
	return is_taken
		       ? fail_at(w, path, ": a snapshot is there: choose another directory", EEXIST)
		       : true;
}

static int64_t size_of(const struct work *w, const char *name)
{
	char *path = path_in(w, name);
	struct stat st;
	int64_t size = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;

	free(path);
	return size;
}

static void remove_files(const struct work *w)
{
	static const char *const names[] = { STATE_FILE, MEMORY_FILE };

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		char *path = path_in(w, names[n]);

		unlink(path);
		free(path);
	}
}

/* Written last: its presence means that the snapshot is complete. */
static bool write_manifest(struct work *w)
{
	uint64_t began_ms = clock_ms();
	struct failure f = { .kind = FAILURE_NONE };
	json_t *object = memory_must(json_object());
	char when[CLOCK_UTC_MAX], *path = path_in(w, MANIFEST), *text;
	int64_t state = size_of(w, STATE_FILE), memory = size_of(w, MEMORY_FILE);
	int err;

	clock_utc(time(NULL), when);
	output_set(object, "format", json_integer(FORMAT));
	output_set(object, "vm", output_string(text_of(w->target->name)));
	output_set(object, "created_at", json_string(when));
	output_set(object, "probe", json_string(PROGRAM_VERSION));
	output_set(object, "state_bytes", json_integer((json_int_t)state));
	output_set(object, "memory_bytes", json_integer((json_int_t)memory));
	text = memory_must(json_dumps(object, JSON_INDENT(2)));
	json_decref(object);
	err = state > 0 && memory > 0 ? file_replace(path, text, strlen(text), 0600) : -ENOENT;
	if (err != 0)
		failure_set(&f, FAILURE_SYSTEM,
			"%s: %s: does Firecracker see the directory by the same name?", path,
			problem_errno_text(-err));
	free(text);
	free(path);
	return end_step(w, "manifest", began_ms, &f);
}

static bool check_size(struct work *w, const json_t *manifest, const char *key, const char *file)
{
	json_int_t wanted = json_integer_value(json_object_get(manifest, key));
	int64_t found = size_of(w, file);

	if (found == (int64_t)wanted && found > 0)
		return true;
	failure_set(&w->failure, FAILURE_SYSTEM,
		"%s/%s has %lld bytes where the snapshot had %lld: it is not whole; copy it again",
		w->directory, file, (long long)found, (long long)wanted);
	return false;
}

static bool read_manifest(struct work *w, const char *path)
{
	char *manifest, *text = NULL;
	json_t *object = NULL;
	size_t len = 0;
	bool good = false;
	int err;

	if (!find_directory(w, path))
		return false;
	manifest = path_in(w, MANIFEST);
	err = file_read_alloc(manifest, MANIFEST_MAX, &text, &len);
	if (err == 0)
		object = json_loadb(text, len, 0, NULL);
	if (err != 0)
		fail_at(w, manifest, ": not a snapshot, or a snapshot that was not finished", -err);
	else if (json_integer_value(json_object_get(object, "format")) != FORMAT)
		fail_at(w, manifest, ": not a format that this version knows", EINVAL);
	else
		good = check_size(w, object, "state_bytes", STATE_FILE) &&
		       check_size(w, object, "memory_bytes", MEMORY_FILE);
	json_decref(object);
	free(text);
	free(manifest);
	return good;
}

/* ---- the verbs ------------------------------------------------------------------------------- */

static int end_work(struct work *w)
{
	bool success = w->failure.kind == FAILURE_NONE;
	int status = w->refused ? EXIT_UNHEALTHY : (int)failure_exit(w->failure.kind);

	if (w->o->json) {
		json_t *object = output_target(w->target);

		output_set(object, "success", json_boolean(success));
		output_set(object, "directory",
			w->directory != NULL ? output_string(text_of(w->directory)) : json_null());
		output_set(object, "steps", json_incref(w->steps));
		output_set(object, "error", output_failure(&w->failure));
		output_json(object);
	} else if (!success) {
		output_error(w->target, &w->failure);
	}
	json_decref(w->steps);
	free(w->directory);
	return status;
}

static bool write_machine(struct work *w)
{
	json_t *body = memory_must(json_object());

	output_set(body, "snapshot_type", json_string("Full"));
	set_path(body, "snapshot_path", w, STATE_FILE);
	set_path(body, "mem_file_path", w, MEMORY_FILE);
	return call(w, "snapshot", "PUT", "/snapshot/create", body);
}

/* Whatever fails, the machine is resumed and the agent is woken. */
static void take_snapshot(struct work *w)
{
	const struct options *o = w->o;
	uint64_t secs = o->drain_given ? o->drain_secs : DRAIN_SECS;
	bool is_ready = ask_agent(w, "sleep-prep", REQUEST_SLEEP_PREP, &(struct sleep_prep){ secs },
		secs * 1000 + DRAIN_MARGIN);

	if (is_ready && set_state(w, "pause", "Paused")) {
		if (write_machine(w))
			write_manifest(w);
		set_state(w, "resume", "Resumed");
	}
	ask_agent_until(w, "wake", REQUEST_WAKE);
	if (w->failure.kind != FAILURE_NONE && size_of(w, MANIFEST) < 0)
		remove_files(w);
}

int verb_snapshot(const struct options *o)
{
	struct work w = { .o = o, .target = &o->targets[0], .steps = memory_must(json_array()) };

	if (make_directory(&w, o->directory))
		take_snapshot(&w);
	return end_work(&w);
}

int verb_restore(const struct options *o)
{
	struct work w = { .o = o, .target = &o->targets[0], .steps = memory_must(json_array()) };
	json_t *body, *memory;

	if (!read_manifest(&w, o->directory))
		return end_work(&w);
	body = memory_must(json_object());
	memory = memory_must(json_object());
	output_set(memory, "backend_type", json_string("File"));
	set_path(memory, "backend_path", &w, MEMORY_FILE);
	set_path(body, "snapshot_path", &w, STATE_FILE);
	output_set(body, "mem_backend", memory);
	output_set(body, "resume_vm", json_true());
	if (call(&w, "load", "PUT", "/snapshot/load", body))
		ask_agent_until(&w, "post-restore", REQUEST_POST_RESTORE);
	return end_work(&w);
}
