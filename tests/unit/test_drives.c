/* SPDX-License-Identifier: MIT */
#include "mounts/drives.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char none[DRIVE_ROLES][DRIVE_DEVICE_MAX];

static struct drive_seen drive(const char *device, bool read_only, const char *label)
{
	struct drive_seen d = { .read_only = read_only, .content.ext4 = true };

	snprintf(d.device, sizeof(d.device), "/dev/%s", device);
	snprintf(d.content.label, sizeof(d.content.label), "%s", label);
	return d;
}

static void expect(const struct drive_seen *seen, size_t count, const char *config,
	const char *secrets, const char *data)
{
	const char *wanted[] = { config, secrets, data };
	struct drives got;

	drives_assign(seen, count, none, &got);
	for (int r = 0; r < DRIVE_ROLES; r++) {
		const char *name = got.device[r][0] != '\0' ? got.device[r] + 5 : "";

		cr_expect(strcmp(name, wanted[r]) == 0, "%s is '%s', not '%s'",
			drive_role_name((enum drive_role)r), name, wanted[r]);
	}
}

#define EXPECT(config, secrets, data, ...)                                                         \
	do {                                                                                       \
		struct drive_seen seen_[] = { __VA_ARGS__ };                                       \
		expect(seen_, sizeof(seen_) / sizeof(seen_[0]), config, secrets, data);            \
	} while (0)

Test(drives, by_label_in_any_order)
{
	EXPECT("vdb", "vdc", "vdd", drive("vdb", true, "mvm-config"),
		drive("vdc", true, "mvm-secrets"), drive("vdd", false, "mvm-data"));
	EXPECT("vdb", "vdd", "vdc", drive("vdb", true, "mvm-config"),
		drive("vdc", false, "mvm-data"), drive("vdd", true, "mvm-secrets"));
	EXPECT("vdd", "vdb", "vdc", drive("vdb", true, "mvm-secrets"),
		drive("vdc", false, "mvm-data"), drive("vdd", true, "mvm-config"));
	EXPECT("vdz", "", "", drive("vdz", true, "mvm-config"));
}

Test(drives, by_position_in_both_orders)
{
	EXPECT("vdb", "vdc", "vdd", drive("vdb", true, ""), drive("vdc", true, ""),
		drive("vdd", false, ""));
	EXPECT("vdb", "vdd", "vdc", drive("vdb", true, ""), drive("vdc", false, ""),
		drive("vdd", true, ""));
	EXPECT("vdb", "vdc", "", drive("vdb", true, ""), drive("vdc", true, ""));
	EXPECT("", "", "vdb", drive("vdb", false, ""));
	EXPECT("", "", "", drive("vde", false, ""));
}

Test(drives, labels_before_positions)
{
	/* A user's data volume has no mvm label. */
	EXPECT("vdb", "vdc", "vdd", drive("vdb", true, "mvm-config"),
		drive("vdc", true, "mvm-secrets"), drive("vdd", false, "my-disk"));
	/* An absent secrets drive must not make another drive's content secret. */
	EXPECT("vdb", "", "vdc", drive("vdb", true, "mvm-config"), drive("vdc", false, "mvm-data"));
	/* A drive with another mvm label gets no role by position. */
	EXPECT("", "", "", drive("vdb", true, "mvm-extra-1"));
	/* Of two drives with the same label, the first counts. */
	EXPECT("vdb", "", "", drive("vdb", true, "mvm-config"), drive("vdc", true, "mvm-config"));
}

static struct drive_seen used(struct drive_seen d)
{
	d.in_use = true;
	return d;
}

/* Layers of an overlay root do not count as the host's drives. */
Test(drives, what_is_in_use_has_no_role_by_position)
{
	EXPECT("vdc", "", "vdd", used(drive("vda", true, "")), used(drive("vdb", false, "")),
		drive("vdc", true, ""), drive("vdd", false, ""));
	EXPECT("vdc", "vdd", "vde", used(drive("vdb", false, "")), drive("vdc", true, ""),
		drive("vdd", true, ""), drive("vde", false, ""));
	EXPECT("", "", "", used(drive("vdb", false, "")));
	EXPECT("", "", "vdb", used(drive("vdb", false, "mvm-data")));
	EXPECT("", "", "", drive("vda", false, ""));
}

static void expect_left_over(const struct drive_seen *seen, size_t count, const char *wanted)
{
	struct drives got;

	drives_assign(seen, count, none, &got);
	cr_expect_str_eq(got.left_over, wanted);
}

Test(drives, what_is_left_over_is_named)
{
	struct drive_seen seen[] = { drive("vda", false, ""), drive("vdb", true, "mvm-config"),
		drive("vdc", false, "mvm-extra-0"), drive("vdd", true, "x"), drive("vde", true, ""),
		drive("vdf", false, ""), used(drive("vdg", false, "")) };
	struct drive_seen two[] = { drive("vdb", false, ""), drive("vdc", false, "") };

	expect_left_over(seen, 7,
		"vda (no role by position), vdc (label mvm-extra-0), vde (no role by position), "
		"vdf (no role by position)");
	expect_left_over(two, 2, "vdc (its role is taken)");
	expect_left_over(two, 1, "");
}

Test(drives, fixed_devices_come_first)
{
	struct drive_seen seen[] = { drive("vdb", true, "mvm-config"), drive("vdc", false, "") };
	char fixed[DRIVE_ROLES][DRIVE_DEVICE_MAX] = { "", "", "/dev/vdb" };
	struct drives got;

	drives_assign(seen, 2, (const char(*)[DRIVE_DEVICE_MAX])fixed, &got);
	cr_expect(strcmp(got.device[DRIVE_DATA], "/dev/vdb") == 0);
	cr_expect(got.device[DRIVE_CONFIG][0] == '\0', "a device has one role");
}

Test(ext4, superblock)
{
	unsigned char bytes[EXT4_SUPERBLOCK_END] = { 0 };
	struct ext4_superblock l;

	ext4_parse(bytes, sizeof(bytes), &l);
	cr_expect(!(l.ext4));
	bytes[1024 + 0x38] = 0x53;
	bytes[1024 + 0x39] = 0xEF;
	memcpy(bytes + 1024 + 0x78, "mvm-config", 10);
	ext4_parse(bytes, sizeof(bytes), &l);
	cr_expect(l.ext4 && strcmp(l.label, "mvm-config") == 0);
	memcpy(bytes + 1024 + 0x78, "sixteen-letters!", 16);
	ext4_parse(bytes, sizeof(bytes), &l);
	cr_expect(strcmp(l.label, "sixteen-letters!") == 0);
	bytes[1024 + 0x78 + 3] = 0x1b;
	ext4_parse(bytes, sizeof(bytes), &l);
	cr_expect(strcmp(l.label, "six") == 0, "nothing unprintable in a label");
	ext4_parse(bytes, sizeof(bytes) - 1, &l);
	cr_expect(!(l.ext4), "a device that is too small");
}
