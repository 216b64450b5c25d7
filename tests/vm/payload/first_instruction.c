/* SPDX-License-Identifier: MIT */
/*
 * A service for the boot benchmark: the time stamp counter is read by its first instruction, and
 * printed as "first: CYCLES" in one write. With the argument "calibrate" (and as root) the kernel
 * log gets the line "calibrate: CYCLES", which ties the counter to the log's own time stamps.
 * No C library: what it would do before main() is not what is measured.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>

static long system_call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

/* Writes "name: number" and a line end to fd. */
static void report(int fd, const char *name, uint64_t number)
{
	char line[64], digits[20];
	int len = 0, n = 0;

	while (*name)
		line[len++] = *name++;
	line[len++] = ':';
	line[len++] = ' ';
	do
		digits[n++] = '0' + number % 10;
	while (number /= 10);
	while (n)
		line[len++] = digits[--n];
	line[len++] = '\n';
	system_call(SYS_write, fd, (long)line, len);
}

/* argv as the kernel put it on the stack: argc, then the pointers. */
void run(uint64_t cycles, const long *stack);
void run(uint64_t cycles, const long *stack)
{
	report(1, "first", cycles);
	if (stack[0] > 1) {
		int fd = system_call(SYS_open, (long)"/dev/kmsg", O_WRONLY, 0);
		uint32_t low, high;
		__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
		report(fd, "calibrate", (uint64_t)high << 32 | low);
	}
	for (;;)
		system_call(SYS_pause, 0, 0, 0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	rdtsc\n"
	"	shl $32, %rdx\n"
	"	lea (%rdx,%rax), %rdi\n"
	"	mov %rsp, %rsi\n"
	"	and $-16, %rsp\n"
	"	call run\n");
