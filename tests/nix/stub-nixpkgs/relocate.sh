# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# relocate FILE NAME: a program of this machine as $out/bin/NAME, with its libraries and its dynamic
# loader in $out/lib, as programs in a Nix store are.
relocate() {
	local library
	# shellcheck disable=SC2154 # set by stdenv
	mkdir -p "$out/bin" "$out/lib"
	cp -L "$1" "$out/bin/$2"
	chmod u+w "$out/bin/$2"
	while read -r library; do
		cp -L "$library" "$out/lib/"
	done < <(ldd "$1" | awk '$2 == "=>" { print $3 } $1 ~ "^/.*/ld-" { print $1 }')
	chmod -R u+w "$out/lib"
	# RPATH, not RUNPATH: it counts for what the libraries need, too.
	patchelf --set-interpreter "$(echo "$out"/lib/ld-*)" --force-rpath --set-rpath "$out/lib" \
		"$out/bin/$2"
}
