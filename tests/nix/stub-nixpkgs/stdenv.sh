# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the derivations of ./default.nix run: the part of nixpkgs' stdenv that ours use. PATH has the
# basic tools and those of nativeBuildInputs, and nothing else, so that a tool that is not declared
# is missing here as it is there.
set -eu
set -o pipefail
shopt -s inherit_errexit

# Structured attributes. Older Nix names the files by their paths outside the sandbox.
if [ -f .attrs.sh ]; then
	export NIX_ATTRS_SH_FILE=$PWD/.attrs.sh NIX_ATTRS_JSON_FILE=$PWD/.attrs.json
	# shellcheck disable=SC1091
	. ./.attrs.sh
	# shellcheck disable=SC2154 # set by the file
	for outputName in "${!outputs[@]}"; do
		export "$outputName=${outputs[$outputName]}"
	done
	# shellcheck disable=SC2206
	declare -a inputs=(${nativeBuildInputs[@]+"${nativeBuildInputs[@]}"})
else
	# shellcheck disable=SC2206
	declare -a inputs=(${nativeBuildInputs-})
fi

# shellcheck disable=SC2154
export PATH=$initialPath/bin HOME=/homeless-shelter SOURCE_DATE_EPOCH=315532800 NIX_BUILD_CORES=${NIX_BUILD_CORES:-1}
for input in ${inputs[@]+"${inputs[@]}"}; do
	[ ! -d "$input/bin" ] || PATH=$input/bin:$PATH
done
[ -z "${compiler-}" ] || export CC=$compiler/bin/cc PATH=$compiler/bin:$PATH

has_tool() {
	command -v "$1" >/dev/null
}

run_phase() {
	local phase=$1 default=$2
	if [ -n "${!phase-}" ]; then
		eval "${!phase}"
	else
		"$default"
	fi
}

unpack_default() {
	# shellcheck disable=SC2154
	if [ -d "$src" ]; then
		cp -R --no-dereference --no-preserve=mode "$src" source
		find source -name '*.sh' -exec chmod +x {} +
	else
		mkdir source
		tar -xf "$src" -C source --strip-components=1
	fi
	cd source
}

nothing() {
	:
}

configure_default() {
	[ ! -f meson.build ] || ! has_tool meson || {
		# shellcheck disable=SC2086,SC2154
		meson setup build --prefix="$out" --buildtype="${mesonBuildType:-plain}" --wrap-mode=nodownload ${mesonFlags-}
		cd build
	}
}

build_default() {
	# shellcheck disable=SC2086
	if [ -f build.ninja ]; then
		ninja -j "$NIX_BUILD_CORES" ${ninjaFlags-}
	elif [ -f Makefile ]; then
		make -j "$NIX_BUILD_CORES" ${makeFlags-} ${buildFlags-}
	fi
}

# There is nothing to patch: interpreters are where scripts say they are.
patchShebangs() {
	:
}

runHook() {
	eval "${!1-}"
}

cd "$NIX_BUILD_TOP"
if [ -n "${buildCommand-}" ]; then
	eval "$buildCommand"
	exit
fi
# The phases, in the order and under the names that nixpkgs' stdenv has.
run_phase unpackPhase unpack_default
eval "${postPatch-}"
eval "${preConfigure-}"
run_phase configurePhase configure_default
run_phase buildPhase build_default
run_phase installPhase nothing
eval "${postInstall-}"
