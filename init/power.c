/* SPDX-License-Identifier: MIT */
#include "init/power.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOUNTS_MAX  64
#define REAP_FOR_MS 200
#define MOUNTINFO   "/proc/self/mountinfo"

int power_take_over_keys(void)
{
	return reboot(RB_DISABLE_CAD) != 0 ? -errno : 0;
}

/*
 * A process that is dead but not reaped holds its files no longer, but one that is still dying
 * does: wait for the last of them, within limits. Processes in uninterruptible sleep may never end.
 */
static void kill_everything(void)
{
	uint64_t until = clock_ms() + REAP_FOR_MS;
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	kill(-1, SIGKILL);
	for (;;) {
		uint64_t now = clock_ms();
		struct timespec left;
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0 || now >= until)
			return;
		if (pid > 0)
			continue;
		left = (struct timespec){ .tv_nsec = (long)(until - now) * 1000000 };
		sigtimedwait(&chld, NULL, &left);
	}
}

/* Field `number` (from 1) of a line, NUL-terminated in place by cutting the line up. */
static char *cut_field(char **line)
{
	char *field = *line;
	size_t n = strcspn(field, " ");

	*line = field + n + (field[n] == ' ');
	field[n] = '\0';
	return field;
}

/*
 * proc(5): "36 35 98:0 /root /target options - type source superoptions", spaces as \040. Returns
 * the mount point when the source is a device, else NULL.
 */
static char *device_mount_point(char *line)
{
	char *target = NULL, *separator = line, *after;

	while (separator != NULL && strncmp(separator, " - ", 3) != 0)
		separator = strchr(separator + 1, ' ');
	if (separator == NULL)
		return NULL;
	after = separator + 3;
	*separator = '\0';
	cut_field(&after);
	if (strncmp(cut_field(&after), "/dev/", 5) != 0)
		return NULL;
	for (int i = 0; i < 5; i++)
		target = cut_field(&line);
	return strchr(target, '\\') == NULL ? target : NULL;
}

static void unmount_one(const char *target, void (*report)(const struct problem *p))
{
	bool root = strcmp(target, "/") == 0;
	struct problem p;

	if (!root && umount2(target, UMOUNT_NOFOLLOW) == 0)
		return;
	if (mount(NULL, target, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0)
		return;
	problem_set(&p, errno, "cannot unmount %s", target);
	report(&p);
}

static void unmount_all(void (*report)(const struct problem *p))
{
	static char text[32 * 1024];
	char *targets[MOUNTS_MAX], *line = text;
	size_t count = 0;
	struct problem p;
	int err = file_read(MOUNTINFO, text, sizeof(text), NULL);

	if (err != 0) {
		problem_set(&p, -err, "cannot read " MOUNTINFO);
		report(&p);
		return;
	}
	while (*line != '\0' && count < MOUNTS_MAX) {
		char *end = line + strcspn(line, "\n");
		bool last = *end == '\0';

		*end = '\0';
		targets[count] = device_mount_point(line);
		if (targets[count] != NULL)
			count++;
		line = last ? end : end + 1;
	}
	while (count > 0)
		unmount_one(targets[--count], report);
}

int power_end(enum power_action action, void (*report)(const struct problem *p))
{
	kill_everything();
	sync();
	unmount_all(report);
	reboot(action == POWER_OFF ? RB_POWER_OFF : RB_AUTOBOOT);
	return -errno;
}
