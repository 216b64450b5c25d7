# SPDX-License-Identifier: MIT
# All commands start here. Every target installs missing Debian packages (tests/packages.txt).
.PHONY: all release kernel unit clang demo run check soak soak-aarch64 bench fuzz coverage docs format clean install dist

# The guests' architecture, for release and kernel: x86_64 or aarch64. Another one than this
# machine's has its results in build/release-ARCH and build/kernel-ARCH.
MACHINE := $(shell uname -m)
ARCH := $(MACHINE)
KERNEL_HEADERS = build/kernel-headers
PROGRAMS = init/init agent/mvm-guest-agent probe/mvm-probe
C_FILES = $$(git ls-files --cached --others --exclude-standard '*.[ch]')
# A build prints nothing unless it fails.
QUIET = >build/build.log 2>&1 || { cat build/build.log >&2; exit 1; }

all: release

# The static programs: build/release/{init,mvm-guest-agent,mvm-probe}.
ifeq ($(ARCH),$(MACHINE))
release: | packages-build
	@mkdir -p build/release
	@$(MAKE) -s --no-print-directory $(KERNEL_HEADERS)
	@sh subprojects/fetch
	@test -f build/meson-release/build.ninja || CC=musl-gcc meson setup build/meson-release \
		$$(grep -v "^#" release-options) -Dwerror=true -Dkernel_headers=$(CURDIR)/$(KERNEL_HEADERS) $(QUIET)
	@ninja --quiet -C build/meson-release $(PROGRAMS) $(QUIET)
	@for p in $(PROGRAMS); do cmp -s build/meson-release/$$p build/release/$${p##*/} || \
		install -m 755 build/meson-release/$$p build/release/; done
else
CROSS = build/cross-$(ARCH)
CROSS_BUILD = build/meson-release-$(ARCH)
release: | packages-build packages-$(ARCH)
	@mkdir -p build/release-$(ARCH)
	@sh tests/cross-tools $(ARCH) $(CROSS)
	@sh subprojects/fetch
	@test -f $(CROSS_BUILD)/build.ninja || meson setup $(CROSS_BUILD) --cross-file $(CROSS)/cross.ini \
		$$(grep -v "^#" release-options) -Dwerror=true \
		-Dkernel_headers=$(CURDIR)/$(CROSS)/root/usr/include $(QUIET)
	@ninja --quiet -C $(CROSS_BUILD) $(PROGRAMS) $(QUIET)
	@for p in $(PROGRAMS); do cmp -s $(CROSS_BUILD)/$$p build/release-$(ARCH)/$${p##*/} || \
		install -m 755 $(CROSS_BUILD)/$$p build/release-$(ARCH)/; done
endif

# musl-gcc uses only musl's headers. These links add the kernel's headers, without glibc's.
$(KERNEL_HEADERS):
	@mkdir -p $@
	@ln -sfn /usr/include/linux $@/linux
	@ln -sfn /usr/include/asm-generic $@/asm-generic
	@ln -sfn /usr/include/$$(gcc -print-multiarch)/asm $@/asm

# The guest's kernel for the tests and the demo, build/kernel/vmlinux; cached by its configuration.
# For aarch64 build/kernel-aarch64/Image, with a keyboard for the tests.
ifeq ($(ARCH),$(MACHINE))
kernel: | packages-kernel
	@nix/kernel/build
else
kernel: | packages-kernel packages-$(ARCH)
	@KERNEL_ARCH=$(ARCH) KERNEL_FRAGMENTS=../../tests/vm/kernel-$(ARCH) nix/kernel/build
endif

# The programs and the unit tests with glibc, ASan and UBSan.
unit: | packages-build packages-unit
	@mkdir -p build
	@sh subprojects/fetch
	@test -f build/meson-unit/build.ninja || meson setup build/meson-unit -Dunit_tests=true \
		-Dwerror=true -Db_sanitize=address,undefined -Doptimization=1 $(QUIET)
	@ninja --quiet -C build/meson-unit $(QUIET)

# The same with clang, for its warnings.
clang: | packages-build packages-unit packages-lint
	@mkdir -p build
	@sh subprojects/fetch
	@test -f build/meson-clang/build.ninja || CC=clang meson setup build/meson-clang \
		-Dunit_tests=true -Dwerror=true $(QUIET)
	@ninja --quiet -k 0 -C build/meson-clang $(QUIET)

# Boots a guest with a real HTTP service and queries it. With SHELL=1, opens a shell in it.
# (make also uses SHELL: it is the program that runs the recipes.)
ifeq ($(SHELL),1)
override SHELL := /bin/sh
MAKEOVERRIDES =
export DEMO_SHELL = 1
endif
demo: release kernel | packages-vm
	@python3 tests/demo/demo.py

# Runs an image of mkGuest: make run IMAGE=result ARGS="--publish 8080:8080"; --help says more.
run: release | packages-vm
	@test -n "$(IMAGE)" || { echo 'make run: name an image: make run IMAGE=DIRECTORY' >&2; exit 1; }
	@python3 runner/mvm_run.py $(IMAGE) $(ARGS)

# All tests, "make check ONLY=vm/boot" some of them; ends with "N passed, N failed, N skipped".
check: release unit kernel | packages-vm packages-ns packages-nix packages-lint packages-probe
	@python3 tests/run.py $(ONLY)

# Longer tests: every attack in guests of three sizes, 100,000 requests, files of 20 MB, a kernel with
# every feature, ten boots, the Debian package, a build with clang, a fault at every system call, and the
# hardships of tests/README.md.
FEATURES_KERNEL = build/kernel-features/vmlinux
soak: release kernel | packages-vm packages-ns packages-debian packages-probe
	@$(MAKE) -s --no-print-directory clang
	@DEBIAN_PACKAGE=yes python3 tests/run.py probe/packaging
	@KERNEL_FRAGMENTS=all nix/kernel/build $(FEATURES_KERNEL)
	@ATTACK_MEMORY=64,128,512 ATTACKS=all SOAK_REQUESTS=100000 FILES_MB=20 WIRE_SPELLINGS=all \
		ORDER_BOOTS=10 COST_STARTS=1000 FEATURES_KERNEL=$(CURDIR)/$(FEATURES_KERNEL) \
		FAULTS=all FAULT_REQUESTS=3000 KILLS=8640 POWER_CUTS=200 DAMAGED=60 BOOTS=1000 \
		python3 tests/run.py --jobs 1 --seconds 14400 vm/attacks vm/soak vm/wire vm/files \
		vm/features vm/order vm/cage vm/cost ns/failing_calls vm/agent_faults vm/hardship
	@$(MAKE) -s --no-print-directory soak-aarch64

# The vm suites in guests of aarch64, cross-built; "make soak-aarch64 ONLY=vm/boot" some of them.
soak-aarch64: release | packages-vm packages-aarch64
	@$(MAKE) -s --no-print-directory release kernel ARCH=aarch64
	@GUEST_ARCH=aarch64 python3 tests/run.py --seconds 7200 $(or $(ONLY),vm/)

# How long a guest takes to start, in virtual time, beside other programs that can be PID 1: a table,
# build/bench.json and the picture build/bench.svg. Then what the agent and a guest at rest cost.
bench: release kernel | packages-vm
	@python3 tests/bench/boot.py --json build/bench.json --svg build/bench.svg
	@python3 tests/bench/cost.py
	@python3 tests/bench/agent.py
	@python3 tests/bench/memory.py

# FUZZ_SECONDS for each target.
FUZZ_SECONDS = 60
fuzz:
	@tests/fuzz/run $(FUZZ_SECONDS)

# Coverage of supervisor/ and mounts/ by unit and ns tests: a line for each file and directory.
COVERED = build/meson-coverage
coverage: | packages-build packages-unit packages-ns packages-coverage
	@mkdir -p build
	@sh subprojects/fetch
	@test -f $(COVERED)/build.ninja || meson setup $(COVERED) \
		-Dunit_tests=true -Dcoverage=true -Doptimization=0 $(QUIET)
	@ninja --quiet -C $(COVERED) $(QUIET)
	@find $(COVERED) -name '*.gcda' -delete
	@meson test -C $(COVERED) --no-rebuild $(QUIET)
	@chmod -R a+rwX $(COVERED)/supervisor $(COVERED)/mounts
	@NS_INIT=$(CURDIR)/$(COVERED)/init/init NS_COVERAGE=$(CURDIR)/$(COVERED) python3 tests/run.py ns/
	@for d in supervisor mounts; do gcovr --root . --filter $$d/ --object-directory $(COVERED) \
		--exclude-throw-branches --fail-under-line 90 || exit 1; done

# Updates the tables in documents that programs print.
docs: unit
	@python3 tests/tools/documents.py

# Installs the host's part: mvm-probe, its completions, units and the manual pages.
PREFIX = /usr
install: release
	@install -D -m 755 build/release/mvm-probe $(DESTDIR)$(PREFIX)/bin/mvm-probe
	@install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/vendor-completions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	@build/release/mvm-probe completion bash \
		>$(DESTDIR)$(PREFIX)/share/bash-completion/completions/mvm-probe
	@build/release/mvm-probe completion zsh \
		>$(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_mvm-probe
	@build/release/mvm-probe completion fish \
		>$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/mvm-probe.fish
	@for page in man/*.[1-8]; do install -D -m 644 $$page \
		$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; done
	@install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system contrib/systemd/*.service

# The sources of this commit as build/mvm-init-VERSION.tar.gz, reproducible.
VERSION = $$(sed -n "s/^ *version: '\(.*\)',$$/\1/p" meson.build | head -n 1)
dist:
	@mkdir -p build
	@v=$(VERSION); git archive --format=tar --prefix=mvm-init-$$v/ HEAD | gzip -9n \
		>build/mvm-init-$$v.tar.gz && echo build/mvm-init-$$v.tar.gz

format: | packages-lint
	@clang-format -i $(C_FILES)

clean:
	@rm -rf build

packages-%:
	@sh tests/install-packages $*
