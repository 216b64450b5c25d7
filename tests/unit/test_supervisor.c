/* SPDX-License-Identifier: MIT */
/* Services' output, and the effects of health checks. */
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/account_cache.h"
#include "supervisor/collector_link.h"
#include "supervisor/collector_service.h"
#include "supervisor/describe.h"
#include "supervisor/log_ring.h"
#include "supervisor/supervisor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop loop;
static struct supervisor s;
static struct service service;
static struct account account = { .name = "root" };

static void set_up(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_open(null, "");
	cr_assert(loop_init(&loop) == 0 && supervisor_init(&s, &loop) == 0);
	service = (struct service){ .owner = &s,
		.name = "web",
		.account = &account,
		.cgroup.fd = -1,
		.cgroup.events.fd = -1,
		.cgroup.fork_events.fd = -1,
		.notify.io.fd = -1,
		.output = { -1, -1, 0, false, false } };
	service_config_init(&service.config);
	machine_init(&service.machine, &service.config.rules, 1);
	s.services = &service;
}

TestSuite(supervisor, .init = set_up);

/* The loop can watch no more: epoll_ctl(2), ENOSPC. */
static bool watches_are_used_up;

int __wrap_epoll_ctl(int fd, int what, int other, struct epoll_event *event);
int __real_epoll_ctl(int fd, int what, int other, struct epoll_event *event);

int __wrap_epoll_ctl(int fd, int what, int other, struct epoll_event *event)
{
	if (!watches_are_used_up || what != EPOLL_CTL_ADD)
		return __real_epoll_ctl(fd, what, other, event);
	errno = ENOSPC;
	return -1;
}

/* ---- output -----------------------------------------------------------------------------------
 */

static void fill_ring(const char *text)
{
	struct log_ring *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED,
		s.collector.rings, (off_t)service.output.slot * (off_t)sizeof(*r));

	cr_assert(r != MAP_FAILED);
	for (; *text != '\0'; text++)
		r->bytes[r->head++ % LOG_RING_BYTES] = *text;
	munmap(r, sizeof(*r));
}

static int open_output(int stdio[2])
{
	return output_open(&service, getuid(), getgid(), &stdio[0], &stdio[1]);
}

#define STATUS_FLAGS (O_ACCMODE | O_APPEND | O_ASYNC | O_DIRECT | O_NONBLOCK)

/* Flags that one process sets on its standard output do not affect the next. */
Test(supervisor, output_of_one_process_is_not_shared_with_another)
{
	int first[2], second[2];

	cr_assert(open_output(first) == 0);
	cr_assert(fcntl(first[0], F_SETFL, O_NONBLOCK | O_APPEND) == 0);
	cr_expect_eq(fcntl(first[1], F_GETFL) & STATUS_FLAGS, O_WRONLY, "standard error");
	cr_assert(fcntl(first[0], F_SETPIPE_SZ, 4096) == 4096);
	cr_assert(fchmod(first[0], 0) == 0);
	cr_assert(open_output(second) == 0);
	for (int i = 0; i < 2; i++) {
		struct stat st;

		cr_expect_eq(fcntl(second[i], F_GETFL) & STATUS_FLAGS, O_WRONLY);
		cr_expect_eq(fcntl(second[i], F_GETFD), FD_CLOEXEC);
		cr_expect_eq(fcntl(second[i], F_GETPIPE_SZ), 65536);
		cr_assert(fstat(second[i], &st) == 0);
		cr_expect_eq(st.st_mode & 07777, 0600);
	}
	/* Output of the earlier process comes first. */
	cr_assert(write(first[1], "a", 1) == 1 && write(second[0], "b", 1) == 1);
	char text[4];
	cr_assert(read(service.output.read_fd, text, sizeof(text)) == 2);
	cr_expect(memcmp(text, "ab", 2) == 0);
	output_close(&service);
}

Test(supervisor, output_of_a_service_that_has_written_nothing)
{
	uint64_t at = 5, when;
	char text[16];

	cr_assert(output_read(&service, &at, text, sizeof(text), &when) == 0);
	cr_assert(output_find_lines(&service, 1, &at) == 0 && at == 0);
	output_flush(&service);
	output_close(&service);
}

Test(supervisor, output_is_read_in_pieces_from_a_line_on)
{
	uint64_t at, when;
	char text[8];
	int stdio[2];

	cr_assert(open_output(stdio) == 0 && open_output(stdio) == 0);
	fill_ring("one\ntwo\nthree\n");
	cr_assert(output_find_lines(&service, 2, &at) == 0 && at == 4);
	cr_assert(output_read(&service, &at, text, 4, &when) == 4 && memcmp(text, "two\n", 4) == 0);
	at = 8;
	cr_assert(output_read(&service, &at, text, sizeof(text), &when) == 6);
	at = 14;
	cr_assert(output_read(&service, &at, text, sizeof(text), &when) == 0);
	at = 15; /* a fresh position: reading begins at the oldest byte */
	cr_assert(output_read(&service, &at, text, 3, &when) == 3 && at == 0);
	output_flush(&service);
	cr_assert(service.output.is_ended);
	output_close(&service);
	cr_assert(service.output.read_fd == -1);
}

Test(supervisor, output_that_cannot_be_mapped)
{
	uint64_t at = 0, when;
	char text[8];
	int stdio[2];

	cr_assert(open_output(stdio) == 0);
	close(s.collector.rings);
	cr_assert(output_read(&service, &at, text, sizeof(text), &when) == -EBADF);
	cr_assert(output_find_lines(&service, 0, &at) == -EBADF);
}

/* ---- health -----------------------------------------------------------------------------------
 */

Test(supervisor, health_makes_ready)
{
	service.config.rules.ready = MACHINE_READY_HEALTHY;
	service.machine.state = MACHINE_START;
	service.unhealthy = 3;
	supervisor_health(&service, true, 0);
	cr_assert(service.machine.state == MACHINE_RUNNING && service.unhealthy == 0);
}

Test(supervisor, failed_checks_in_a_row_restart)
{
	service.config.unhealthy_restart_after = 3;
	service.machine.state = MACHINE_RUNNING;
	service.machine.wanted = true;
	service.pid = -1; /* something that is still there */
	supervisor_health(&service, false, 0);
	supervisor_health(&service, false, 0);
	supervisor_health(&service, true, 0);
	supervisor_health(&service, false, 0);
	supervisor_health(&service, false, 0);
	cr_assert(service.machine.state == MACHINE_RUNNING && service.unhealthy == 2);
	supervisor_health(&service, false, 0);
	cr_assert(service.machine.state == MACHINE_STOP && service.machine.again);
	supervisor_health(&service, false, 0);
	cr_assert(service.unhealthy == 0, "only while it runs");
}

/* A check that began in an earlier life of the service says nothing of this one. */
Test(supervisor, a_check_of_an_earlier_process)
{
	service.config.rules.ready = MACHINE_READY_HEALTHY;
	service.config.unhealthy_restart_after = 1;
	service.machine.state = MACHINE_START;
	service.machine.started_ms = 1000;
	cr_expect_eq(supervisor_health(&service, true, 999), -ESTALE);
	cr_expect_eq(service.machine.state, MACHINE_START);
	cr_expect_eq(supervisor_health(&service, true, 1000), 0);
	cr_expect_eq(service.machine.state, MACHINE_RUNNING);
	cr_expect_eq(supervisor_health(&service, false, 999), -ESTALE);
	cr_expect_eq(service.machine.state, MACHINE_RUNNING);
}

/* ---- hold, freeze, count ----------------------------------------------------------------------
 */

Test(supervisor, who_is_held_stops_soon_and_waits)
{
	service.machine.state = MACHINE_RUNNING;
	service.machine.wanted = true;
	service.pid = -1;
	supervisor_hold(&s, 250);
	cr_assert(service.machine.state == MACHINE_STOP);
	cr_assert(machine_stop_timeout(&service.machine) == 250);
	cr_assert_not(supervisor_has_settled(&s));
	service.pid = 0;
	service.config.rules.stop_timeout = 1000;
	supervisor_event(&service, MACHINE_EV_GONE, NULL);
	cr_assert(service.machine.state == MACHINE_WAITING, "held");
	service.problem = strdup("enough");
	supervisor_release(&s);
	cr_assert(machine_stop_timeout(&service.machine) == 1000);
}

Test(supervisor, freezing_needs_a_group)
{
	cr_assert(supervisor_freeze(&s, true) == 0);
	service.cgroup.fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(supervisor_freeze(&s, true) == -ENOENT);
	service.built_in = true;
	cr_assert(supervisor_freeze(&s, true) == 0);
	cr_assert(supervisor_count(&s, false) == 0);
}

/* ---- faults -----------------------------------------------------------------------------------
 */

static void start(const char *command)
{
	struct problem p;

	cr_assert(command_parse(command, &service.config.command, &p) == 0);
	service.account = account_cache_find(
		&s.known_accounts, &s.accounts, "4711", &service.config.supplementary_groups, &p);
	cr_assert(service.account != NULL, "%s", p.text);
	service.config.bounding = UINT64_MAX;
	s.files_max = 64;
	supervisor_event(&service, MACHINE_EV_START, NULL);
}

Test(supervisor, a_start_that_cannot_be_watched)
{
	if (getuid() != 0)
		cr_skip_test("it starts a program as another user");
	watches_are_used_up = true;
	start("/bin/sleep 1000");
	cr_assert(service.machine.state == MACHINE_RUNNING && service.pid > 0);
	cr_assert(service.launch.slot == NULL);
	watches_are_used_up = false;
	kill(service.pid, SIGKILL);
	while (service.pid > 0)
		supervisor_reap(&s);
	cr_assert(service.machine.state == MACHINE_BACKOFF);
}

Test(supervisor, a_link_that_cannot_be_watched)
{
	watches_are_used_up = true;
	cr_assert(collector_add(&s) == 0);
	struct service *collector = supervisor_find(&s, "log-collector");

	cr_assert(collector != NULL);
	collector->hooks.starting(collector);
	cr_assert(s.collector.io.fd == -1 && s.collector.fds[0] == s.null_fd);
	collector->hooks.started(collector);
	watches_are_used_up = false;
	collector->hooks.starting(collector);
	cr_assert(s.collector.io.fd >= 0 && s.collector.fds[0] != s.null_fd);
	collector->hooks.started(collector);
	cr_assert(s.collector.fds[0] == s.null_fd);
}

/* ---- words ------------------------------------------------------------------------------------
 */

Test(supervisor, an_end_in_words)
{
	char text[256];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	describe_end(&service, &b);
	cr_assert_str_eq(text, "not started");
	service.last.start_problem = "output pipe: Too many open files";
	buf_init(&b, text, sizeof(text));
	describe_end(&service, &b);
	cr_assert_str_eq(text, "output pipe: Too many open files");
	service.last.has_ended = service.last.outcome.out_of_memory = true;
	service.last.outcome.status = SIGKILL;
	service.last.ran_ms = 1250;
	buf_init(&b, text, sizeof(text));
	describe_end(&service, &b);
	cr_assert_str_eq(text, "signal 9 (Killed), memory_max was reached after 1.3 s");
}

Test(supervisor, the_table_in_words)
{
	char *text;
	size_t size, lines = 0;
	FILE *f = open_memstream(&text, &size);

	machine_print_table(f);
	fclose(f);
	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	cr_assert(lines == MACHINE_STATES + 2);
	cr_assert(strstr(text, "| running | - | stop |") != NULL);
	cr_assert_str_eq(machine_state_name(MACHINE_STATES), "unknown");
	free(text);
}

Test(supervisor, accounts_are_looked_up_once)
{
	struct account_entry *known = NULL;
	struct accounts none = { 0 };
	struct strings groups = { 0 };
	struct problem p;
	const struct account *a = account_cache_find(&known, &none, "4711", &groups, &p);

	cr_assert(a != NULL && a->uid == 4711, "%s", a == NULL ? p.text : "");
	cr_assert(account_cache_find(&known, &none, "4711", &groups, &p) == a);
	cr_assert(account_cache_variables(a)->count == 4);
	cr_assert(account_cache_find(&known, &none, "nobody-here", &groups, &p) == NULL);
	cr_assert(strings_add(&groups, "no-group", 8) == 0);
	cr_assert(account_cache_find(&known, &none, "4711", &groups, &p) == NULL);
	account_cache_free(&known);
	cr_assert(known == NULL);
	strings_free(&groups);
}
