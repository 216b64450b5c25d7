/* SPDX-License-Identifier: MIT */
/*
 * A plugin of QEMU's TCG that counts the instructions a guest executes. A processor that waits
 * (HLT) executes none.
 *
 *   -plugin instruction-counter,out=PATH
 *
 * The file, of 4096 bytes, is shared: its first number is the count so far, its second how many
 * marks the guest has executed, and from the third on it has the count at each mark. A mark is the
 * instruction "nopl 0x4d564d03(%rax)", which does nothing else.
 *
 * QEMU has no header for plugins in Debian 12; these are the parts of its interface that are used
 * (https://www.qemu.org/docs/master/devel/tcg-plugins.html).
 */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION 1 /* of QEMU 7.2; QEMU 9.0: 2; QEMU 9.1 and later: 3 */
#endif

#define FILE_BYTES 4096u
#define MARKS_MAX  (FILE_BYTES / sizeof(uint64_t) - 2)

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(
	uint64_t id, void (*translated)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
	void (*run)(unsigned int vcpu, void *arg), enum qemu_plugin_cb_flags flags, void *arg);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
	void (*run)(unsigned int vcpu, void *arg), enum qemu_plugin_cb_flags flags, void *arg);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
#if PLUGIN_VERSION >= 3
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t size);
#else
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
#endif

extern int qemu_plugin_version;
int qemu_plugin_version = PLUGIN_VERSION;

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

static uint64_t *numbers; /* of the file */

static void on_block(unsigned int vcpu, void *arg)
{
	(void)vcpu;
	numbers[0] += (uintptr_t)arg;
}

static void on_mark(unsigned int vcpu, void *arg)
{
	(void)vcpu;
	(void)arg;
	if (numbers[1] < MARKS_MAX)
		numbers[2 + numbers[1]] = numbers[0];
	numbers[1]++;
}

static int is_mark(const struct qemu_plugin_insn *insn)
{
	static const unsigned char mark[] = { 0x0f, 0x1f, 0x80, 0x03, 0x4d, 0x56, 0x4d };
#if PLUGIN_VERSION >= 3
	unsigned char bytes[16];
	const void *data = bytes;

	qemu_plugin_insn_data(insn, bytes, sizeof bytes);
#else
	const void *data = qemu_plugin_insn_data(insn);
#endif
	return qemu_plugin_insn_size(insn) == sizeof mark && memcmp(data, mark, sizeof mark) == 0;
}

static void on_translation(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(
		tb, on_block, QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)count);
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (is_mark(insn))
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, on_mark, QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	int fd = argc == 1 && strncmp(argv[0], "out=", 4) == 0 ? open(argv[0] + 4, O_RDWR) : -1;
	void *shared = MAP_FAILED;

	(void)info;
	if (fd >= 0)
		shared = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		return 1;
	close(fd);
	numbers = shared;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
