# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# relocate FILE NAME: a program of this machine as $out/bin/NAME, with its libraries and its dynamic
# loader in $out/lib, as programs in a Nix store are.
relocate() {
	local library options=()
	# shellcheck disable=SC2154 # set by stdenv
	mkdir -p "$out/bin" "$out/lib"
	cp -L "$1" "$out/bin/$2"
	chmod u+w "$out/bin/$2"
	while read -r library; do
		cp -L "$library" "$out/lib/"
	done < <(ldd "$1" | awk '$2 == "=>" { print $3 } $1 ~ "^/.*/ld-" { print $1 }')
	chmod -R u+w "$out/lib"
	# Newer patchelf sorts sections by default, and Debian 13's python3 does not survive that. (No
	# pipe into grep -q: patchelf may be killed by it, and then the answer is another.)
	[[ $(patchelf --help 2>&1) != *--no-sort* ]] || options+=(--no-sort)
	# RPATH, not RUNPATH: it counts for what the libraries need, too.
	patchelf "${options[@]}" --set-interpreter "$(echo "$out"/lib/ld-*)" --force-rpath --set-rpath "$out/lib" \
		"$out/bin/$2"
}
