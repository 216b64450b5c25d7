/* SPDX-License-Identifier: MIT */
/*
 * A service that lets the guest be for a minute, and then for an hour between two marks for
 * tests/bench/instruction_counter.c. No C library: its start would be measured, too.
 */
#include <sys/syscall.h>
#include <time.h>

static long system_call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static void wait_for(long seconds)
{
	struct timespec t = { .tv_sec = seconds };

	while (system_call(SYS_nanosleep, (long)&t, (long)&t, 0) != 0)
		;
}

static void mark(void)
{
	__asm__ volatile("nopl 0x4d564d03(%rax)");
}

void run(void);
void run(void)
{
	static const char text[] = "hour: over\n";

	wait_for(60);
	mark();
	wait_for(3600);
	mark();
	system_call(SYS_write, 1, (long)text, sizeof text - 1);
	for (;;)
		system_call(SYS_pause, 0, 0, 0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	and $-16, %rsp\n"
	"	call run\n");
