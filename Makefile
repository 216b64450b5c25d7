# SPDX-License-Identifier: MIT
# The front door. Every target installs the Debian packages that it lacks (tests/packages.txt).
.PHONY: all release kernel unit clang demo check bench fuzz format clean

KERNEL_HEADERS = build/kernel-headers
PROGRAMS = init/init agent/mvm-guest-agent probe/mvm-probe
MESON_QUIET = >build/meson.log 2>&1 || { cat build/meson.log >&2; exit 1; }

all: release

# musl-gcc looks only at musl's own headers. These links add the kernel's, and nothing of glibc.
$(KERNEL_HEADERS):
	@mkdir -p $@
	@ln -sfn /usr/include/linux $@/linux
	@ln -sfn /usr/include/asm-generic $@/asm-generic
	@ln -sfn /usr/include/$$(gcc -print-multiarch)/asm $@/asm

release: | packages-build
	@mkdir -p build/release
	@$(MAKE) --no-print-directory $(KERNEL_HEADERS)
	@sh subprojects/fetch
	@test -f build/meson-release/build.ninja || CC=musl-gcc meson setup build/meson-release \
		-Drelease=true -Db_lto=true -Dwerror=true -Dkernel_headers=$(CURDIR)/$(KERNEL_HEADERS) $(MESON_QUIET)
	@ninja -C build/meson-release $(PROGRAMS) $(MESON_QUIET)
	@for p in $(PROGRAMS); do cmp -s build/meson-release/$$p build/release/$${p##*/} || \
		install -m 755 build/meson-release/$$p build/release/; done

unit: | packages-build packages-unit
	@mkdir -p build
	@sh subprojects/fetch
	@test -f build/meson-unit/build.ninja || meson setup build/meson-unit -Dunit_tests=true \
		-Dwerror=true -Db_sanitize=address,undefined -Doptimization=1 $(MESON_QUIET)
	@ninja -C build/meson-unit $(MESON_QUIET)

# FUZZ_SECONDS for each target.
FUZZ_SECONDS = 60
fuzz:
	@tests/fuzz/run $(FUZZ_SECONDS)

packages-%:
	@sh tests/install-packages $*
