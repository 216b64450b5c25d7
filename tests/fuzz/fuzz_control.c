/* SPDX-License-Identifier: MIT */
/*
 * What an agent gone wild sends on the control channel. Each eight bytes of the input are a packet,
 * good or bad, or something else that happens. The first byte says whether the agent reads its
 * answers; if it does, each request has one end. The ring that CONTROL_LOGS reads is overwritten
 * with the same bytes. Requests that change the machine are not made here.
 */
#include "init/control.h"

#include "base/log.h"
#include "init/guest.h"
#include "init/verbs.h"
#include "supervisor/log_ring.h"
#include "tests/fuzz/rig.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEP_BYTES  8
#define STEPS_MAX   64
#define ITEMS_MAX   4096 /* of one request: a ring has 70, and there are as many events */
#define HEADER_SIZE (8 * sizeof(uint64_t))

static struct guest guest;
static struct service web = { .name = "web" }, db = { .name = "db" };
static int agent_fd = -1;
static unsigned int pending[256]; /* requests of each id without their end */
static int wanted;                /* error of the latest one, if it is to be refused; or 0 */

/* What PID 1 does after each pass of its loop. */
static void settle(void)
{
	while (control_go_on(&guest.control))
		;
}

static void open_channel(void)
{
	if (agent_fd >= 0)
		close(agent_fd);
	require(control_open(&guest.control) == 0, "no channel");
	agent_fd = guest.control.agent_fd;
	guest.control.agent_fd = -1;
	memset(pending, 0, sizeof(pending));
}

static void add_service(struct service *v)
{
	v->owner = &guest.supervisor;
	v->output.read_fd = v->output.write_fd = -1;
	v->cgroup.fd = v->cgroup.events.fd = -1;
	service_config_init(&v->config);
	index_add(v);
	v->next = guest.supervisor.services;
	guest.supervisor.services = v;
}

static void set_up(void)
{
	require(loop_init(&guest.loop) == 0 && supervisor_init(&guest.supervisor, &guest.loop) == 0,
		"no supervisor");
	log_open(guest.supervisor.null_fd, "");
	guest.supervisor.events = &guest.events;
	control_init(&guest.control, &guest.loop, &verbs_operations, &guest.events);
	changes_init(&guest.changes, &guest.loop);
	guest_mark_stage(&guest, "mounts");
	guest.supervisor.collector.rings = memfd_create("rings", MFD_CLOEXEC);
	require(ftruncate(guest.supervisor.collector.rings, sizeof(struct log_ring)) == 0,
		"no ring");
	add_service(&web);
	add_service(&db);
	db.output.read_fd = guest.supervisor.null_fd; /* it has ring number 0 */
}

static bool is_known(unsigned int verb)
{
	return verb < verbs_operations.verb_count && verbs_operations.verbs[verb].next != NULL;
}

static bool ends_within(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static void check_item(const struct control_message *m)
{
	const struct control_transition *t = m->transitions;

	switch (m->verb) {
	case CONTROL_SERVICES:
		require(strcmp(m->service.name, "web") == 0 || strcmp(m->service.name, "db") == 0,
			"a service that is none");
		break;
	case CONTROL_LOGS:
		require(m->length > 0 && m->length <= CONTROL_DATA_MAX, "a part without bytes");
		break;
	case CONTROL_EVENTS:
		require(m->value > 0 && m->value <= CONTROL_TRANSITIONS_MAX, "no events");
		for (uint64_t i = 0; i < m->value; i++)
			require(t[i].number >= 1 && t[i].number <= guest.events.count &&
					(i == 0 || t[i].number > t[i - 1].number) &&
					ends_within(t[i].name, sizeof(t[i].name)),
				"events in no order");
		break;
	default:
		require(ends_within(m->text, sizeof(m->text)), "a text without its end");
	}
}

static void check_answer(const struct control_message *m)
{
	require(m->version == CONTROL_VERSION, "another version");
	if (m->kind == CONTROL_EVENT) {
		require(m->id == 0 && m->verb == CONTROL_EV_TRANSITION, "an event of no kind");
		return;
	}
	require(m->id > 0 && m->id < 256 && pending[m->id] > 0, "an answer that nobody waits for");
	if (m->kind == CONTROL_ITEM) {
		check_item(m);
		return;
	}
	require(m->kind == CONTROL_DONE, "an answer of no kind");
	require(m->error >= 0 && ends_within(m->text, sizeof(m->text)), "an error of no kind");
	require(m->error == 0 || m->verb == 0 || !is_known(m->verb) || m->error == EBUSY ||
			m->error == EBADMSG || m->text[0] != '\0',
		"an error without words");
	require(wanted == 0 || m->error == wanted, "a bad request is not refused");
	pending[m->id]--;
}

/* The agent reads until there is no more. */
static void read_answers(void)
{
	struct control_message m;
	unsigned int count = 0;
	ssize_t n;

	for (bool any = true; any;) {
		settle();
		for (any = false; (n = recv(agent_fd, &m, sizeof(m), MSG_DONTWAIT)) > 0;
			any = true) {
			require(n == (ssize_t)sizeof(m), "half an answer");
			check_answer(&m);
			require(count++ < STEPS_MAX * ITEMS_MAX, "answers without end");
		}
	}
	for (size_t i = 0; i < CONTROL_JOBS_MAX; i++)
		require(!guest.control.jobs[i].used, "a request without its end");
}

static void require_none_pending(void)
{
	for (size_t i = 0; i < 256; i++)
		require(pending[i] == 0, "a request without an answer");
}

static struct control_message make_request(const uint8_t step[STEP_BYTES])
{
	static const char *const names[] = { "", "web", "db", "nobody" };
	static const uint16_t harmless[] = { CONTROL_HELLO, CONTROL_SERVICES, CONTROL_FREEZE,
		CONTROL_THAW, CONTROL_LOGS, CONTROL_TIMELINE, CONTROL_HEALTH, CONTROL_EVENTS };
	static const uint64_t numbers[] = { 0, 1, 2, 70000, INT64_MAX, UINT64_MAX };
	struct control_message m = { .version = CONTROL_VERSION,
		.kind = CONTROL_REQUEST,
		.verb = harmless[step[1] % 8],
		.id = step[2],
		.value = numbers[step[3] % 6] + step[4],
		.position = numbers[step[5] % 6] + step[6] };

	strcpy(m.name, names[step[7] % 4]);
	return m;
}

/* Make a packet outside the protocol, or a request. Returns its size. */
static size_t spoil(struct control_message *m, uint8_t how)
{
	static const int errors[16] = { [1] = EBADMSG, EOPNOTSUPP, EBADMSG, EBADMSG };
	size_t size = sizeof(*m);

	wanted = errors[how % 16];
	switch (how % 16) {
	case 0:
		m->version++;
		break;
	case 1:
		m->kind = how / 16;
		m->kind += m->kind == CONTROL_REQUEST;
		break;
	case 2:
		m->verb = how < 128 ? 0 : (uint16_t)(CONTROL_CHANGES + 1 + how);
		break;
	case 3:
		memset(m->name, 'x', sizeof(m->name));
		break;
	case 4:
		memset(m->text, 'x', sizeof(m->text));
		break;
	case 5:
		size = (size_t)how / 16 + 1;
		break;
	case 6:
		size -= 1;
		break;
	default:
		break;
	}
	return size;
}

static void send_packet(const uint8_t step[STEP_BYTES], bool reads)
{
	struct control_message m = make_request(step);
	size_t size = spoil(&m, step[0] % 4 == 0 ? step[7] : 15);

	if (size == sizeof(m) && m.version == CONTROL_VERSION && m.id > 0)
		pending[m.id]++;
	require(send(agent_fd, &m, size, MSG_DONTWAIT) == (ssize_t)size, "PID 1 does not read");
	require(loop_run_once(&guest.loop) == 0, "the loop ends");
	require(guest.control.io.fd >= 0, "the channel is closed");
	if (!reads) {
		wanted = 0; /* others may be answered first */
		return;
	}
	read_answers();
	require_none_pending();
}

static void take_step(const uint8_t step[STEP_BYTES], bool reads)
{
	switch (step[0] % 16) {
	case 1:
		for (unsigned int i = 0; i <= step[1]; i++)
			events_add(&guest.events, step[2] % 2 == 0 ? &web : &db, MACHINE_INACTIVE,
				MACHINE_EV_START);
		settle();
		break;
	case 2:
		open_channel();
		break;
	case 3: /* the agent has died */
		close(agent_fd);
		agent_fd = -1;
		require(loop_run_once(&guest.loop) == 0, "the loop ends");
		require(guest.control.io.fd < 0, "a channel to nobody");
		open_channel();
		break;
	case 5:
		read_answers();
		break;
	default:
		send_packet(step, reads);
	}
}

static void overwrite_ring(const uint8_t *data, size_t size)
{
	int fd = guest.supervisor.collector.rings;

	require(pwrite(fd, data, size < HEADER_SIZE ? size : HEADER_SIZE, 0) >= 0 &&
			pwrite(fd, data, size, 4096) >= 0,
		"no ring");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool reads;

	if (size <= STEP_BYTES)
		return 0;
	if (guest.loop.epoll_fd == 0)
		set_up();
	reads = data[0] % 2 == 0;
	memset(&guest.events, 0, sizeof(guest.events));
	overwrite_ring(data + 1, size - 1);
	open_channel();
	data++;
	size--;
	for (int i = 0; i < STEPS_MAX && size >= STEP_BYTES; i++) {
		take_step(data, reads);
		data += STEP_BYTES;
		size -= STEP_BYTES;
	}
	read_answers();
	return 0;
}
