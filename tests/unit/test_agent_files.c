/* SPDX-License-Identifier: MIT */
/* FsRead and its kin, by the whole agent and the process that it starts for each. */
#include "agent_process.h"
#include "agent_rig.h"

#include "agent/files/file_answer.h"
#include "agent/files/file_request.h"
#include "protocol/frame.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534 /* as whom the requests run where the test is root */

static int client;
static char top[64]; /* a directory of that user's */

static void copy_program(void)
{
	static char bytes[1 << 16];
	int in = open(PROGRAM, O_RDONLY), out = creat(rig_path("measure"), 0755);
	ssize_t n;

	cr_assert_geq(in, 0);
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		cr_assert_eq(write(out, bytes, (size_t)n), n);
	close(in);
	close(out);
}

static void give(const char *path)
{
	if (geteuid() == 0)
		cr_assert_eq(lchown(path, NOBODY, NOBODY), 0);
}

static void start(void)
{
	process_start();
	rig_file("security-policy.json", "{\"access\":{\"debug_exec\":true},\"profile\":\"dev\"}");
	copy_program();
	strcpy(top, rig_path("top"));
	cr_assert_eq(mkdir(top, 0755), 0);
	give(top);
	start_agent(NULL);
	client = connect_later_client();
}

static void stop(void)
{
	close(client);
	process_stop();
}

TestSuite(agent_files, .init = start, .fini = stop, .timeout = 120);

/* A path in the directory (static storage, four in turn). */
static const char *at(const char *name)
{
	static char paths[4][512];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", top, name);
	return path;
}

static const char *put(const char *name, const char *text)
{
	const char *path = at(name);
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
	give(path);
	return path;
}

static void expect_text(const char *name, const char *want)
{
	char text[64] = "";
	int fd = open(at(name), O_RDONLY);

	cr_assert_geq(fd, 0, "%s", name);
	cr_assert_geq(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	cr_expect_str_eq(text, want);
}

/* Send {"VERB":{FIELDS}}, in which each % is the directory. The reply is the caller's to free. */
static char *ask_files(const char *verb, const char *fields)
{
	static char request[4096];
	size_t n = (size_t)snprintf(request, sizeof(request), "{\"%s\":{", verb);

	for (; *fields != '\0'; fields++)
		n += (size_t)snprintf(request + n, sizeof(request) - n, "%.*s",
			*fields == '%' ? (int)strlen(top) : 1, *fields == '%' ? top : fields);
	snprintf(request + n, sizeof(request) - n, "}}");
	send_text(client, request);
	return rig_receive(client);
}

/* The reply must contain `want`. */
static void expect_files(const char *verb, const char *fields, const char *want)
{
	char *reply = ask_files(verb, fields);

	cr_expect(begins_with(reply, "{\"FsResult\":") && strstr(reply, want) != NULL, "%s %s: %s",
		verb, fields, reply);
	free(reply);
}

#define ERROR(kind) "{\"Error\":{\"kind\":\"" kind "\""

Test(agent_files, read_ranges)
{
	put("f", "0123456789");
	expect_files("FsRead", "\"path\":\"%/f\",\"length\":100",
		"{\"Read\":{\"content\":[48,49,50,51,52,53,54,55,56,57],\"total_size\":10}}");
	expect_files("FsRead", "\"path\":\"%/f\",\"offset\":8,\"length\":1",
		"{\"Read\":{\"content\":[56],\"total_size\":10}}");
	expect_files("FsRead", "\"path\":\"%/f\",\"offset\":10,\"length\":5",
		"{\"Read\":{\"content\":[],\"total_size\":10}}");
	expect_files("FsRead", "\"path\":\"%/f\",\"offset\":18446744073709551615,\"length\":5",
		"{\"Read\":{\"content\":[],\"total_size\":10}}");
	expect_files("FsRead", "\"path\":\"/proc/sys/kernel/ostype\",\"length\":60000",
		"{\"Read\":{\"content\":[76,105,110,117,120,10],\"total_size\":6}}");
}

Test(agent_files, more_than_a_page_is_refused_and_not_cut)
{
	put("f", "");
	cr_assert_eq(truncate(at("f"), FILE_READ_MAX), 0);
	expect_files("FsRead", "\"path\":\"%/f\",\"length\":16777216", "\"total_size\":60000}}");
	cr_assert_eq(truncate(at("f"), FILE_READ_MAX + 1), 0);
	expect_files("FsRead", "\"path\":\"%/f\",\"length\":16777216", ERROR("CapExceeded"));
	expect_files("FsRead", "\"path\":\"%/f\",\"length\":16777216", "at most 60000 bytes");
	expect_files("FsRead", "\"path\":\"%/f\",\"length\":60000", "\"total_size\":60001}}");
	expect_files("FsRead", "\"path\":\"%/f\",\"offset\":1,\"length\":60001",
		"\"total_size\":60001}}");
}

Test(agent_files, only_regular_files_are_read_and_written)
{
	cr_assert_eq(mkfifo(at("fifo"), 0666), 0);
	give(at("fifo"));
	cr_assert_eq(mkdir(at("d"), 0777), 0);
	expect_files("FsRead", "\"path\":\"%/fifo\",\"length\":1", ERROR("BadPath"));
	expect_files(
		"FsWrite", "\"path\":\"%/fifo\",\"content\":[1],\"mode\":420", ERROR("BadPath"));
	expect_files("FsRead", "\"path\":\"/dev/zero\",\"length\":1", ERROR("BadPath"));
	expect_files("FsRead", "\"path\":\"%/d\",\"length\":1", ERROR("BadPath"));
	expect_files("FsWrite", "\"path\":\"%/d\",\"content\":[1],\"mode\":420", ERROR("BadPath"));
	expect_files("FsList", "\"path\":\"%/fifo\"", ERROR("BadPath"));
	expect_files("FsStat", "\"path\":\"%/fifo\"", "\"kind\":\"other\",\"size\":0");
}

Test(agent_files, what_is_no_path)
{
	expect_files("FsStat", "\"path\":\"\"", ERROR("BadPath"));
	expect_files("FsStat", "\"path\":\"etc\"", ERROR("BadPath"));
	expect_files("FsMkdir", "\"path\":\"%/..\",\"mode\":0", ERROR("BadPath"));
	expect_files("FsStat", "\"path\":\"%/absent\"", ERROR("NotFound"));
	put("f", "");
	expect_files("FsStat", "\"path\":\"%/f/below\"", ERROR("NotFound"));
}

Test(agent_files, write_is_whole_and_keeps_the_mode)
{
	struct stat st, after;

	expect_files("FsWrite", "\"path\":\"%/new\",\"content\":[104,105],\"mode\":384",
		"{\"Write\":{\"bytes_written\":2}}");
	cr_assert_eq(stat(at("new"), &st), 0);
	cr_expect_eq(st.st_mode, S_IFREG | 0600);
	cr_expect_eq(st.st_uid, geteuid() == 0 ? NOBODY : geteuid());
	expect_text("new", "hi");
	cr_assert_eq(chmod(at("new"), 0751), 0);
	expect_files("FsWrite", "\"path\":\"%/new\",\"content\":[33],\"mode\":384",
		"{\"Write\":{\"bytes_written\":1}}");
	cr_assert_eq(stat(at("new"), &after), 0);
	cr_expect_eq(after.st_mode, S_IFREG | 0751);
	cr_expect_neq(after.st_ino, st.st_ino, "it was written in place");
	expect_text("new", "!");
	expect_files(
		"FsWrite", "\"path\":\"%/a/b/c\",\"content\":[],\"mode\":420", ERROR("NotFound"));
	expect_files("FsWrite",
		"\"path\":\"%/a/b/c\",\"content\":[],\"mode\":420,\"create_parents\":true",
		"{\"Write\":{\"bytes_written\":0}}");
	expect_files("FsList", "\"path\":\"%\"",
		"{\"List\":{\"entries\":[{\"name\":\"a\",\"kind\":\"dir\",\"size\":0},"
		"{\"name\":\"new\",\"kind\":\"file\",\"size\":1}],\"truncated\":false}}");
}

/* A killed writer leaves a file that nobody has locked. The next write there removes it. */
Test(agent_files, what_a_killed_writer_left_is_removed)
{
	static const char request[] = "\"path\":\"%/f\",\"content\":[33],\"mode\":384";
	static const char done[] = "{\"Write\":{\"bytes_written\":1}}";
	int fd;

	put(".mvm-0.new", "half");
	put(".mvm-1.new", "of another name");
	expect_files("FsWrite", request, done);
	expect_text("f", "!");
	cr_expect_neq(access(at(".mvm-0.new"), F_OK), 0);
	cr_expect_eq(access(at(".mvm-1.new"), F_OK), 0, "only what is in the way");
	/* Of a writer that lives, of another user, and no file at all: all stay. */
	fd = open(put(".mvm-0.new", "half"), O_RDONLY);
	cr_assert_eq(flock(fd, LOCK_EX), 0);
	cr_assert_eq(symlink("/", at(".mvm-2.new")), 0);
	expect_files("FsWrite", request, done);
	expect_text(".mvm-0.new", "half");
	cr_expect_neq(access(at(".mvm-1.new"), F_OK), 0);
	cr_expect_eq(access(at(".mvm-2.new"), F_OK), 0);
	put(".mvm-1.new", "half");
	cr_assert_eq(chmod(at(".mvm-1.new"), 0), 0);
	expect_files("FsWrite", request, done);
	cr_expect_eq(access(at(".mvm-2.new"), F_OK), 0);
	cr_expect_neq(access(at(".mvm-3.new"), F_OK), 0);
	close(fd);
	expect_files("FsWrite", request, done);
	cr_expect_neq(access(at(".mvm-0.new"), F_OK), 0);
}

/* Each of many writers at a time has a file of its own. */
Test(agent_files, writers_of_one_directory)
{
	enum { WRITERS = 8, TURNS = 5 };
	int clients[WRITERS];

	for (int i = 0; i < WRITERS; i++)
		clients[i] = connect_later_client();
	for (int turn = 0; turn < TURNS; turn++) {
		char request[512];

		for (int i = 0; i < WRITERS; i++) {
			snprintf(request, sizeof(request),
				"{\"FsWrite\":{\"path\":\"%s\",\"content\":[%d],\"mode\":384}}",
				at((char[]){ (char)('a' + i), '\0' }), 'A' + i);
			send_text(clients[i], request);
		}
		for (int i = 0; i < WRITERS; i++) {
			char *reply = rig_receive(clients[i]);

			cr_expect_str_eq(reply, "{\"FsResult\":{\"Write\":{\"bytes_written\":1}}}");
			free(reply);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		expect_text((char[]){ (char)('a' + i), '\0' }, (char[]){ (char)('A' + i), '\0' });
		close(clients[i]);
	}
	expect_files("FsStat", "\"path\":\"%/.mvm-0.new\"", ERROR("NotFound"));
}

Test(agent_files, the_user_may_no_more_than_the_kernel_lets_it)
{
	put("mine", "x");
	cr_assert_eq(chmod(at("mine"), 0444), 0);
	if (geteuid() != 0)
		cr_skip_test("only root has files that the user may not read");
	cr_assert_eq(chown(at("mine"), 0, 0), 0);
	expect_files("FsWrite", "\"path\":\"%/mine\",\"content\":[1],\"mode\":420",
		ERROR("PermissionDenied"));
	cr_assert_eq(chmod(at("mine"), 0666), 0);
	/* The owner could not be kept. */
	expect_files("FsWrite", "\"path\":\"%/mine\",\"content\":[1],\"mode\":420",
		ERROR("PermissionDenied"));
	cr_assert_eq(chmod(at("mine"), 0600), 0);
	expect_files("FsRead", "\"path\":\"%/mine\",\"length\":1", ERROR("PermissionDenied"));
	expect_text("mine", "x");
	expect_files(
		"FsMkdir", "\"path\":\"/mvm-test-absent\",\"mode\":0", ERROR("PermissionDenied"));
	expect_files("FsList", "\"path\":\"%\"", "\"entries\":[{\"name\":\"mine\"");
}

Test(agent_files, symbolic_links_are_followed_when_asked)
{
	put("f", "old");
	cr_assert_eq(mkdir(at("d"), 0777), 0);
	give(at("d"));
	cr_assert_eq(symlink(at("f"), at("link")), 0);
	cr_assert_eq(symlink(at("d"), at("dlink")), 0);
	cr_assert_eq(symlink("/proc/self/fd/0", at("magic")), 0);
	expect_files("FsRead", "\"path\":\"%/link\",\"length\":9", "[111,108,100]");
	expect_files("FsRead", "\"path\":\"%/link\",\"length\":9,\"follow_symlinks\":false",
		ERROR("PolicyDenied"));
	expect_files("FsWrite", "\"path\":\"%/link\",\"content\":[49],\"mode\":420",
		ERROR("PolicyDenied"));
	expect_files("FsWrite", "\"path\":\"%/dlink/x\",\"content\":[49],\"mode\":420",
		ERROR("PolicyDenied"));
	expect_files("FsMkdir", "\"path\":\"%/dlink/x\",\"mode\":0", ERROR("PolicyDenied"));
	expect_files("FsMkdir", "\"path\":\"%/dlink/x\",\"mode\":0,\"parents\":true",
		ERROR("PolicyDenied"));
	expect_files("FsRemove", "\"path\":\"%/dlink/x\"", ERROR("PolicyDenied"));
	expect_files("FsMove", "\"from\":\"%/f\",\"to\":\"%/dlink/x\"", ERROR("PolicyDenied"));
	expect_files("FsList", "\"path\":\"%/d\"", "{\"List\":{\"entries\":[],");
	expect_text("f", "old");
	expect_files("FsRead", "\"path\":\"%/magic\",\"length\":9", ERROR("PolicyDenied"));
	expect_files("FsStat", "\"path\":\"%/link\",\"follow_symlinks\":false",
		"\"kind\":\"symlink\",\"size\":0");
	expect_files("FsStat", "\"path\":\"%/link\"", "/top/f\",\"kind\":\"file\",\"size\":3");
	expect_files("FsWrite",
		"\"path\":\"%/link\",\"content\":[49],\"mode\":420,\"follow_symlinks\":true",
		"\"bytes_written\":1");
	expect_text("f", "1");
	/* The link goes, and not what it leads to. */
	expect_files("FsRemove", "\"path\":\"%/link\"", "{\"Remove\":{\"entries_removed\":1}}");
	expect_files(
		"FsRemove", "\"path\":\"%/dlink\",\"recursive\":true", "\"entries_removed\":1");
	expect_text("f", "1");
	expect_files("FsStat", "\"path\":\"%/d\"", "\"kind\":\"dir\"");
}

Test(agent_files, denied_places)
{
	static const char *const paths[] = { "/proc/1/status", "/proc/self/environ",
		"/proc/thread-self/status", "/sys/kernel/security", "/etc/mvm/agent.json",
		"/run/mvm-secrets/x", "/mnt/secrets/x", "/mnt/config", "/run/mvm",
		"/run/mvm-guest-agent/x" };
	char fields[256];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(fields, sizeof(fields), "\"path\":\"%s\"", paths[i]);
		expect_files("FsStat", fields, ERROR("PolicyDenied"));
	}
	cr_assert_eq(symlink("/proc/1", at("one")), 0);
	cr_assert_eq(symlink("/proc", at("proc")), 0);
	expect_files("FsRead", "\"path\":\"%/one/status\",\"length\":9", ERROR("PolicyDenied"));
	expect_files("FsStat", "\"path\":\"%/one\"", ERROR("PolicyDenied"));
	expect_files(
		"FsRead", "\"path\":\"%/proc/self/status\",\"length\":9", ERROR("PolicyDenied"));
	expect_files("FsRead", "\"path\":\"/proc/../proc//1/status\",\"length\":9",
		ERROR("PolicyDenied"));
	expect_files("FsRemove", "\"path\":\"/\",\"recursive\":true", ERROR("PolicyDenied"));
	expect_files("FsRemove", "\"path\":\"/etc\",\"recursive\":true", ERROR("PolicyDenied"));
	expect_files("FsMove", "\"from\":\"/run\",\"to\":\"%/run\"", ERROR("PolicyDenied"));
}

Test(agent_files, mkdir)
{
	struct stat st;

	expect_files("FsMkdir", "\"path\":\"%/d\",\"mode\":1023", "{\"FsResult\":\"Mkdir\"}");
	cr_assert_eq(stat(at("d"), &st), 0);
	cr_expect_eq(st.st_mode, S_IFDIR | 01777);
	expect_files("FsMkdir", "\"path\":\"%/d\",\"mode\":0", ERROR("AlreadyExists"));
	expect_files("FsMkdir", "\"path\":\"%/d\",\"mode\":448,\"parents\":true", "\"Mkdir\"}");
	cr_assert_eq(stat(at("d"), &st), 0);
	cr_expect_eq(st.st_mode, S_IFDIR | 01777, "the mode of an old one has changed");
	expect_files("FsMkdir", "\"path\":\"%/x/y/z/\",\"mode\":0,\"parents\":true", "\"Mkdir\"}");
	cr_assert_eq(stat(at("x/y/z"), &st), 0);
	cr_expect_eq(st.st_mode, S_IFDIR | 0755);
	put("f", "");
	expect_files(
		"FsMkdir", "\"path\":\"%/f\",\"mode\":0,\"parents\":true", ERROR("AlreadyExists"));
}

Test(agent_files, remove)
{
	cr_assert_eq(mkdir(at("d"), 0777), 0);
	cr_assert_eq(mkdir(at("d/e"), 0777), 0);
	give(at("d"));
	give(at("d/e"));
	put("d/e/f", "x");
	put("outside", "x");
	cr_assert_eq(symlink(at("outside"), at("d/link")), 0);
	expect_files("FsRemove", "\"path\":\"%/absent\"", ERROR("NotFound"));
	expect_files("FsRemove", "\"path\":\"%/d\"", ERROR("DirectoryNotEmpty"));
	expect_files("FsRemove", "\"path\":\"%/d\",\"recursive\":true",
		"{\"Remove\":{\"entries_removed\":3}}");
	expect_files("FsStat", "\"path\":\"%/d\"", ERROR("NotFound"));
	expect_text("outside", "x");
}

Test(agent_files, a_mount_point_stays_with_all_that_is_beside_it)
{
	char *reply;

	cr_assert_eq(mkdir(at("d"), 0777), 0);
	cr_assert_eq(mkdir(at("d/m"), 0777), 0);
	give(at("d"));
	give(at("d/m"));
	put("d/a", "x");
	if (mount(at("d"), at("d/m"), NULL, MS_BIND, NULL) != 0)
		cr_skip_test("this test may not mount");
	reply = ask_files("FsRemove", "\"path\":\"%/d\",\"recursive\":true");
	cr_expect_not_null(strstr(reply, ERROR("PolicyDenied")), "%s", reply);
	free(reply);
	expect_files("FsRemove", "\"path\":\"%/d/m\"", ERROR("PolicyDenied"));
	cr_expect_eq(umount2(at("d/m"), MNT_DETACH), 0);
	expect_text("d/a", "x");
}

Test(agent_files, move)
{
	put("a", "A");
	put("b", "B");
	cr_assert_eq(mkdir(at("d"), 0777), 0);
	give(at("d"));
	put("d/x", "");
	expect_files("FsMove", "\"from\":\"%/a\",\"to\":\"%/b\"", "{\"FsResult\":\"Move\"}");
	expect_text("b", "A");
	expect_files("FsMove", "\"from\":\"%/a\",\"to\":\"%/c\"", ERROR("NotFound"));
	expect_files("FsMkdir", "\"path\":\"%/e\",\"mode\":0", "\"Mkdir\"");
	expect_files("FsMove", "\"from\":\"%/e\",\"to\":\"%/d\"", ERROR("DirectoryNotEmpty"));
}

Test(agent_files, long_lists_are_cut_and_say_so)
{
	char *reply;
	char name[200];
	size_t entries = 0;

	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "%04d-%0150d", i, 0);
		close(creat(at(name), 0644));
	}
	reply = ask_files("FsList", "\"path\":\"%\"");
	for (const char *found = reply; (found = strstr(found, "\"name\"")) != NULL; found++)
		entries++;
	cr_expect_gt(entries, 900);
	cr_expect_lt(entries, 1500);
	cr_expect_not_null(strstr(reply, "\"truncated\":true"));
	free(reply);
}

Test(agent_files, without_leave_nothing_is_done)
{
	rig_file("security-policy.json", "{\"profile\":\"sealed-prod\"}");
	put("f", "x");
	expect_files("FsRead", "\"path\":\"%/f\",\"length\":1", ERROR("PolicyDenied"));
	expect_files("FsRemove", "\"path\":\"%/f\"", ERROR("PolicyDenied"));
	expect_text("f", "x");
}

/* A frame of up to 1 MiB, as only requests that carry bytes may have. */
Test(agent_files, a_large_write)
{
	enum { BYTES = 250000 };
	char *frame = malloc(5 * BYTES), *end = frame + 4;
	struct stat st;

	end += sprintf(end, "{\"FsWrite\":{\"path\":\"%s\",\"mode\":420,\"content\":[7", at("big"));
	for (size_t i = 1; i < BYTES; i++)
		end = stpcpy(end, ",77");
	end = stpcpy(end, "]}}");
	protocol_header_encode((uint32_t)(end - frame - 4), (unsigned char *)frame);
	cr_assert_eq(fcntl(client, F_SETFL, 0), 0); /* the agent takes it while this waits */
	rig_send(client, frame, (size_t)(end - frame));
	cr_assert_eq(fcntl(client, F_SETFL, O_NONBLOCK), 0);
	free(frame);
	expect_reply(client, "{\"FsResult\":{\"Write\":{\"bytes_written\":250000}}}");
	cr_assert_eq(stat(at("big"), &st), 0);
	cr_expect_eq(st.st_size, BYTES);
}

/* ---- ours ------------------------------------------------------------------------------------ */

#define HASH_OF_456 "b3a8e0e1f9ab1bfe3a36f231f676f78bb30a519d2b21e6c530c0eee8ebb4a5d0"

Test(agent_files, hashes_of_ranges)
{
	put("f", "123456");
	expect_files("FsHash", "\"path\":\"%/f\",\"offset\":3,\"length\":3",
		"{\"Hash\":{\"sha256\":\"" HASH_OF_456 "\",\"bytes\":3}}");
	expect_files("FsHash", "\"path\":\"%/f\",\"offset\":3,\"length\":99",
		"{\"Hash\":{\"sha256\":\"" HASH_OF_456 "\",\"bytes\":3}}");
	expect_files("FsHash", "\"path\":\"%/f\",\"offset\":6,\"length\":1", "\"bytes\":0}}");
	expect_files("FsHash", "\"path\":\"%\",\"offset\":0,\"length\":1", ERROR("BadPath"));
	expect_files("FsHash", "\"path\":\"/proc/1/maps\",\"offset\":0,\"length\":1",
		ERROR("PolicyDenied"));
}

Test(agent_files, pages_are_written_in_place_and_end_the_file)
{
	struct stat st;

	expect_files("FsWrite", "\"path\":\"%/f\",\"content\":[49],\"mode\":384,\"offset\":1",
		ERROR("NotFound"));
	expect_files("FsWrite", "\"path\":\"%/f\",\"content\":[49,50,51],\"mode\":384,\"offset\":0",
		"{\"Write\":{\"bytes_written\":3}}");
	cr_assert_eq(stat(at("f"), &st), 0);
	cr_expect_eq(st.st_mode, S_IFREG | 0600);
	expect_files("FsWrite", "\"path\":\"%/f\",\"content\":[52],\"mode\":384,\"offset\":2",
		"{\"Write\":{\"bytes_written\":1}}");
	expect_text("f", "124");
	expect_files("FsWrite", "\"path\":\"%/f\",\"content\":[],\"mode\":384,\"offset\":1",
		"{\"Write\":{\"bytes_written\":0}}");
	expect_text("f", "1");
	expect_files("FsWrite", "\"path\":\"%/f\",\"content\":[49],\"mode\":384,\"offset\":2",
		ERROR("BadPath"));
	cr_assert_eq(symlink("f", at("link")), 0);
	expect_files("FsWrite", "\"path\":\"%/link\",\"content\":[49],\"mode\":384,\"offset\":0",
		ERROR("PolicyDenied"));
	cr_assert_eq(mkfifo(at("fifo"), 0666), 0);
	give(at("fifo"));
	expect_files("FsWrite", "\"path\":\"%/fifo\",\"content\":[49],\"mode\":384,\"offset\":0",
		ERROR("BadPath"));
}

Test(agent_files, mode_and_time_are_set)
{
	struct stat st;

	put("f", "x");
	expect_files("FsSetAttributes", "\"path\":\"%/f\",\"mode\":493,\"modified_secs\":-5",
		"\"mode\":33261,\"mtime\":\"");
	cr_assert_eq(stat(at("f"), &st), 0);
	cr_expect_eq(st.st_mtime, -5);
	cr_expect_eq(st.st_mode, S_IFREG | 0755);
	expect_files("FsSetAttributes", "\"path\":\"%/f\",\"mode\":384", "\"mode\":33152");
	cr_assert_eq(stat(at("f"), &st), 0);
	cr_expect_eq(st.st_mtime, -5);
	cr_assert_eq(symlink("f", at("link")), 0);
	expect_files("FsSetAttributes", "\"path\":\"%/link\",\"mode\":384", ERROR("BadPath"));
	expect_files("FsSetAttributes", "\"path\":\"%/no\",\"mode\":384", ERROR("NotFound"));
}
