# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Builds a guest's image: the whole of the derivation in default.nix, which sets the variables that
# are used here. Nothing needs root: owners are written into the file systems, not given to files.

# The time of all files in the image: one second after the epoch, as in the Nix store.
readonly image_time=1
readonly block_size=4096

# shellcheck disable=SC2154 # set by the derivation
image_name=$name
root=$NIX_BUILD_TOP/root
unset TAR_OPTIONS

die() {
	echo "$image_name: $*" >&2
	exit 1
}

# --- The tree -------------------------------------------------------------------------------------

# place_file PATH MODE: a file of $etc with MODE, or "" to take it from whether it is executable; or a
# directory, whose files keep theirs. Files that come later may be in it.
place_file() {
	if [ ! -d "$etc$1" ]; then
		install -D -m "${2:-$([ -x "$etc$1" ] && echo 0755 || echo 0644)}" "$etc$1" "$root$1"
		return
	fi
	[ -z "$2" ] ||
		die "extraFiles.\"$1\".mode: the source is a directory, and the mode is a file's; leave it out"
	mkdir -p "$root$1"
	cp -R --no-dereference --preserve=mode "$etc$1/." "$root$1"
	chmod -R u+w "$root$1"
}

make_tree() {
	local path target
	umask 022
	mkdir -p "$root"/{bin,dev,etc/mvm,home,mnt,nix/store,proc,root,run,sbin,sys,tmp,usr/bin,var}
	mkdir -p "$root"/etc/mvm/{services.d,integrations.d,probes.d}
	mkdir -p "$root"/mnt/{config,secrets,data} "$root"/var/{lib,log,tmp}
	ln -s ../run "$root/var/run"
	chmod 0700 "$root/root"
	chmod 1777 "$root/tmp" "$root/var/tmp"

	install -m 0755 "${initProgram:?}" "$root/init"
	for name in init halt poweroff reboot; do
	ln -s ../init "$root/sbin/$name"
done
	ln -s ../init "$root/sbin/vminitd"

	# Hard links depend on whether the builder's store is optimised, so copy every file separately.
	while read -r path; do
		[ "$path" = "${etc:?}" ] ||
			cp -R --no-dereference --preserve=mode "$path" "$root/nix/store/"
	done <"${closure:?}/store-paths"

	if [ -n "${busybox-}" ]; then
		ln -s "$busybox/bin/sh" "$root/bin/sh"
		ln -s "$busybox/bin/env" "$root/usr/bin/env"
	fi
	if [ -n "${cacert-}" ]; then
		target=$cacert/etc/ssl/certs/ca-bundle.crt
		[ -f "$target" ] || die "cacert: $cacert has no /etc/ssl/certs/ca-bundle.crt"
		mkdir -p "$root/etc/ssl/certs" "$root/etc/pki/tls/certs"
		ln -s "$target" "$root/etc/ssl/certs/ca-bundle.crt"
		ln -s "$target" "$root/etc/ssl/certs/ca-certificates.crt"
		ln -s "$target" "$root/etc/pki/tls/certs/ca-bundle.crt"
	fi
	# shellcheck disable=SC2154 # an associative array of the derivation: path -> mode
	while IFS= read -r path; do
		place_file "$path" "${modes[$path]}"
	done < <(printf '%s\n' "${!modes[@]}" | LC_ALL=C sort)
	# shellcheck disable=SC2154 # arrays of the derivation
	for path in "${homePaths[@]}"; do
		install -d -m 0755 "$root$path"
	done
	find "$root" -exec touch --no-dereference --date="@$image_time" {} +
}

# --- Checks of the commands, before the guest boots -------------------------------------------------

# in_image PATH: the image has it. Links in the store lead to the same place here and in the guest.
in_image() {
	case $1 in
	/nix/store/*)
		local rest=${1#/nix/store/}
		[ -e "$root/nix/store/${rest%%/*}" ] && [ -e "$1" ]
		;;
	*) [ -e "$root$1" ] || [ -L "$root$1" ] ;;
	esac
}

# check_script OPTION FILE: if FILE is a script, the image has its interpreter.
check_script() {
	local magic first
	LC_ALL=C IFS= read -r -n 2 magic <"$2" 2>/dev/null || true
	[ "$magic" = '#!' ] || return 0
	IFS= read -r first <"$2" || true
	first=${first#'#!'}
	read -r first _ <<<"$first"
	in_image "$first" ||
		die "$1: $2 is a script for $first, which the image does not have"
}

# check_program OPTION PROGRAM: the guest will find PROGRAM and may execute it.
check_program() {
	local option=$1 program=$2 directory found=
	case $program in
	/*)
		in_image "$program" ||
			die "$option: $program is not in the image; interpolate the package (\${pkgs.x}/bin/x)"
		found=$program
		;;
	*)
		local IFS=:
		# shellcheck disable=SC2154 # set by the derivation
		for directory in $guestPath; do
			if in_image "$directory/$program"; then
				found=$directory/$program
				break
			fi
		done
		[ -n "$found" ] ||
			die "$option: there is no program $program in the PATH of the guest ($guestPath);" \
				"add the package that has it to packages"
		;;
	esac
	# Links of the image lead into the store, which has the same paths here and in the guest.
	case $found in
	/nix/store/*) ;;
	*) found=$root$found ;;
	esac
	[ ! -d "$found" ] ||
		die "$option: $program is a directory; name the program in it ($program/bin/...)"
	[ -x "$found" ] || die "$option: $program is not executable"
	check_script "$option" "$found"
}

check_programs() {
	local i
	# shellcheck disable=SC2154 # arrays of the derivation
	for i in "${!programs[@]}"; do
		check_program "${programOptions[$i]}" "${programs[$i]}"
	done
}

# --- ext4 -----------------------------------------------------------------------------------------

# How many blocks the tree needs for data, directories and long symbolic links, with a margin for
# large directories and the maps of large files.
tree_blocks() {
	find "$root" -printf '%y %s\n' | awk -v block="$block_size" '
		$1 == "f" { blocks += int(($2 + block - 1) / block) + int($2 / (128 * 1024 * 1024)) }
		$1 == "d" { blocks += int(($2 + block - 1) / block) }
		$1 == "l" && $2 >= 60 { blocks += 1 }
		END { print int(blocks * 1.01) + 16 }'
}

# free_blocks IMAGE
free_blocks() {
	dumpe2fs -h "$1" 2>/dev/null | sed -n 's/^Free blocks: *//p'
}

# Written out, so that the image does not depend on the builder's mke2fs.conf, and that the kernels
# and tools of old hosts still know them all.
ext4_features=has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file
ext4_features+=,huge_file,dir_nlink,extra_isize,metadata_csum

# format_ext4 IMAGE BLOCKS INODES: fails when the tree does not fit.
format_ext4() {
	rm -f "$1"
	mke2fs -q -F -t ext4 -b "$block_size" -I 256 -m 0 -N "$3" -L mvm -U "$uuid" -J size=4 \
		-O "none,$ext4_features" \
		-E "hash_seed=$uuid,root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard" \
		-d "$root" "$1" "$2"
}

# fix_inodes IMAGE: owners, and the times that mke2fs takes from the clock or from the builder.
fix_inodes() {
	local entries last commands=$NIX_BUILD_TOP/debugfs.commands log=$NIX_BUILD_TOP/debugfs.log i
	entries=$(find "$root" -mindepth 1 -printf x | wc -c)
	last=$((11 + entries))
	# mke2fs allocates inodes in order, after that of lost+found.
	for ((i = 12; i <= last; i++)); do
		echo "testi <$i>"
	done | debugfs -f /dev/stdin "$1" 2>/dev/null >"$log"
	[ "$(grep -c 'is marked in use' "$log")" = "$entries" ] ||
		die "the inodes of the image are not where mke2fs puts them"
	{
		for i in 2 $(seq 11 "$last"); do
			printf 'sif <%d> %s\n' \
				"$i" 'uid 0' "$i" 'gid 0' "$i" "atime @$image_time" "$i" "ctime @$image_time" \
				"$i" "mtime @$image_time" "$i" "crtime @$image_time" \
				"$i" 'atime_extra 0' "$i" 'ctime_extra 0' "$i" 'mtime_extra 0' "$i" 'crtime_extra 0'
		done
		# shellcheck disable=SC2154 # arrays of the derivation
		for i in "${!homePaths[@]}"; do
			printf 'sif "%s" %s\n' "${homePaths[$i]}" "uid ${homeUids[$i]}" \
				"${homePaths[$i]}" "gid ${homeGids[$i]}"
		done
	} >"$commands"
	debugfs -w -f "$commands" "$1" >/dev/null 2>"$log"
	# debugfs continues after an error and exits with 0.
	! sed '/^debugfs [0-9]/d' "$log" | grep . >&2 || die "debugfs failed"
}

make_ext4() {
	local image=$1 wanted=$((${freeSpaceMiB:?} * 1024 * 1024 / block_size))
	local entries inodes blocks groups free try
	entries=$(find "$root" -printf x | wc -c)
	# One inode for each file, and one for every 16 KiB of free space.
	inodes=$((entries + 64 + wanted / 4))
	blocks=$(($(tree_blocks) + inodes * 256 / block_size + 1024 + wanted))
	groups=$((blocks / 32768 + 1)) # of 128 MiB, each with bitmaps and descriptors
	blocks=$((blocks + groups * 8 + 64))
	export E2FSPROGS_FAKE_TIME=$image_time SOURCE_DATE_EPOCH=$image_time
	for try in 1 2 3 4; do
		if format_ext4 "$image" "$blocks" "$inodes" 2>"$NIX_BUILD_TOP/mke2fs.log"; then
			free=$(free_blocks "$image")
			[ "$free" -lt "$wanted" ] || break
			blocks=$((blocks + wanted - free + 8))
		else
			blocks=$((blocks + blocks / 20))
			free=0
		fi
		[ "$try" != 4 ] || {
			cat "$NIX_BUILD_TOP/mke2fs.log" >&2
			die "mke2fs cannot fit the tree into $blocks blocks"
		}
	done
	fix_inodes "$image"
	e2fsck -fn "$image" >"$NIX_BUILD_TOP/e2fsck.log" 2>&1 || {
		cat "$NIX_BUILD_TOP/e2fsck.log" >&2
		die "the file system is not clean"
	}
}

# --- The tree as an archive -------------------------------------------------------------------------

# The archive is the same for every builder at any time.
readonly tar_options=(--format=gnu --sort=name --mtime="@$image_time" --numeric-owner)

# make_archive FILE: first what belongs to root, then the home directories themselves.
make_archive() {
	local i list=$NIX_BUILD_TOP/archive.list
	(cd "$root" && find . -mindepth 1 -print0) | LC_ALL=C sort -z |
		grep -zvxF -f <(printf '%s\n' "${homePaths[@]/#/.}") >"$list"
	tar -C "$root" "${tar_options[@]}" --owner=0 --group=0 --no-recursion --null -T "$list" -cf "$1"
	for i in "${!homePaths[@]}"; do
		tar -C "$root" "${tar_options[@]}" --owner="${homeUids[$i]}" --group="${homeGids[$i]}" \
			--no-recursion -rf "$1" ".${homePaths[$i]}"
	done
}

# --- squashfs -------------------------------------------------------------------------------------

# From the archive, because it has the owners.
make_squashfs() {
	# sqfstar refuses a second option for the time.
	(
		unset SOURCE_DATE_EPOCH
		sqfstar -quiet -no-progress -comp lz4 -Xhc -b 128K -no-xattrs -processors "${NIX_BUILD_CORES:-1}" \
			-mkfs-time "$image_time" -all-time "$image_time" -root-time "$image_time" \
			-root-mode 0755 -root-uid 0 -root-gid 0 "$1" <"$archive"
	)
}

# --- OCI image ------------------------------------------------------------------------------------

digest() {
	sha256sum "$1" | cut -d ' ' -f 1
}

size() {
	stat -L --format=%s "$1"
}

# An OCI image layout, and the manifest.json by which older versions of docker load it.
make_oci() {
	local oci=$NIX_BUILD_TOP/oci blobs=$NIX_BUILD_TOP/oci/blobs/sha256 layer config manifest
	mkdir -p "$blobs"
	layer=$(digest "$archive")
	mv "$archive" "$blobs/$layer"
	# shellcheck disable=SC2154 # set by the derivation
	printf '{"architecture":"%s","config":{"Entrypoint":["/init"],"WorkingDir":"/"},"created":"1970-01-01T00:00:01Z","history":[{"created":"1970-01-01T00:00:01Z","created_by":"mkGuest"}],"os":"linux","rootfs":{"diff_ids":["sha256:%s"],"type":"layers"}}' \
		"$ociArchitecture" "$layer" >"$NIX_BUILD_TOP/config"
	config=$(digest "$NIX_BUILD_TOP/config")
	mv "$NIX_BUILD_TOP/config" "$blobs/$config"
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%d}]}' \
		"$config" "$(size "$blobs/$config")" "$layer" "$(size "$blobs/$layer")" \
		>"$NIX_BUILD_TOP/manifest"
	manifest=$(digest "$NIX_BUILD_TOP/manifest")
	mv "$NIX_BUILD_TOP/manifest" "$blobs/$manifest"
	# shellcheck disable=SC2154 # set by the derivation
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%d,"annotations":{"org.opencontainers.image.ref.name":"%s:latest"}}]}' \
		"$manifest" "$(size "$blobs/$manifest")" "$guestName" >"$oci/index.json"
	printf '{"imageLayoutVersion":"1.0.0"}' >"$oci/oci-layout"
	printf '[{"Config":"blobs/sha256/%s","RepoTags":["%s:latest"],"Layers":["blobs/sha256/%s"]}]' \
		"$config" "$guestName" "$layer" >"$oci/manifest.json"
	tar -C "$oci" "${tar_options[@]}" --owner=0 --group=0 --mode=u=rwX,go=rX \
		-cf "$1" blobs index.json manifest.json oci-layout
}

# --- The output -----------------------------------------------------------------------------------

# file_entry FILE: its line in manifest.json.
# shellcheck disable=SC2154 # out: set by stdenv
file_entry() {
	printf '    "%s": { "size": %d, "sha256": "%s" }' "$1" "$(size "$out/$1")" "$(digest "$out/$1")"
}

make_manifest() {
	local files=() closure_bytes i
	closure_bytes=$(find "$root" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }')
	for i in vmlinux "rootfs.${rootfsType:?}" image.tar; do
		[ ! -e "$out/$i" ] || files+=("$(file_entry "$i")")
	done
	{
		echo '{'
		# shellcheck disable=SC2154 # JSON text of the derivation: members of the object
		printf '%s\n' "$manifestMembers"
		printf '  "treeBytes": %d,\n  "storePaths": %d,\n  "files": {\n' "$closure_bytes" \
			"$(find "$root/nix/store" -mindepth 1 -maxdepth 1 -printf x | wc -c)"
		printf '%s' "${files[0]}"
		printf ',\n%s' "${files[@]:1}"
		printf '\n  }\n}\n'
	} >"$out/manifest.json"
}

make_image() {
	local directory kernel_file=
	mkdir -p "$out"
	# A kernel of nixpkgs has vmlinux in an output of its own.
	# shellcheck disable=SC2154 # set by the derivation
	for directory in "$kernel" $kernelDev; do
		for kernel_file in "$directory/vmlinux" "$directory/Image"; do
			[ ! -f "$kernel_file" ] || break 2
		done
	done
	[ -f "$kernel_file" ] ||
		die "kernel: $kernel${kernelDev:+ with $kernelDev} has neither vmlinux nor Image"
	install -m 0444 "$kernel_file" "$out/vmlinux"

	make_tree
	check_programs
	# Two images are the same file system exactly if they have the same content.
	uuid=$(sort "$closure/store-paths" - <<<"$etc ${initProgram:?}" | sha256sum | cut -c 1-32 |
		sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/\1-\2-8\3-8\4-\5/')
	archive=$NIX_BUILD_TOP/archive.tar
	make_archive "$archive"
	"make_$rootfsType" "$out/rootfs.$rootfsType"
	# Hosts expect this name, whatever the file system.
	[ "$rootfsType" = ext4 ] || ln -s "rootfs.$rootfsType" "$out/rootfs.ext4"
	if [ -n "${ociImage-}" ]; then
		make_oci "$out/image.tar"
		# Hosts look for this name and read either form.
		ln -s image.tar "$out/image.tar.gz"
	fi
	# shellcheck disable=SC2154 # set by the derivation
	printf '%s\n' "$vmConfig" | jq . >"$out/vmconfig.json"
	make_manifest
}
