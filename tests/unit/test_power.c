/* SPDX-License-Identifier: MIT */
/* Which command a signal to PID 1 comes from. */
#include "init/power.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>

Test(power, names)
{
	cr_expect_eq(power_action_of("halt"), POWER_HALT);
	cr_expect_eq(power_action_of("poweroff"), POWER_OFF);
	cr_expect_eq(power_action_of("reboot"), POWER_RESTART);
	cr_expect_eq(power_action_of("sh"), -ENOENT);
	cr_expect_eq(power_action_of(""), -ENOENT);
}

/* Of busybox's signals only that of halt also has another meaning. */
Test(power, a_sender_that_has_ended)
{
	for (int prepared = 0; prepared < 2; prepared++) {
		cr_expect_eq(power_action_likely(SIGTERM, prepared), -ENOENT);
		cr_expect_eq(power_action_likely(SIGUSR2, prepared), -ENOENT);
	}
	cr_expect_eq(power_action_likely(SIGUSR1, false), POWER_HALT);
	cr_expect_eq(power_action_likely(SIGUSR1, true), -ENOENT);
}
