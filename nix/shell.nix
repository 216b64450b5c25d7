# SPDX-License-Identifier: MIT
#
# The programs that the build and the tests use, as tests/packages.txt lists them for Debian. The
# tests' kernel is built of Debian's source package: KERNEL_SOURCE names the one of nixpkgs here.
{ pkgs }:
pkgs.mkShell {
  packages = with pkgs; [
    bc
    bison
    busybox
    clang
    clang-tools
    criterion
    curl
    e2fsprogs
    elfutils
    flex
    gcovr
    git
    jq
    mandoc
    meson
    ninja
    nix
    patchelf
    pkg-config
    python3
    qemu
    shellcheck
    squashfsTools
    util-linux
    xz
  ];
  # Nothing is installed: packages come from here.
  INSTALL_PACKAGES = "provided";
  KERNEL_SOURCE = pkgs.linux_6_1.src;
}
