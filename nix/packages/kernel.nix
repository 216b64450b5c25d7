# SPDX-License-Identifier: MIT
#
# The guest's kernel: nixpkgs' sources of Linux 6.1 with the configuration of ../kernel, which is
# also what the tests' kernel is built with. $out/vmlinux for x86_64, $out/Image for aarch64.
# callPackage makes a function of this: { features ? [ ], profile ? "default" }: derivation, with the
# fragments ../kernel/features/NAME and ../kernel/profiles/NAME.
{
  lib,
  stdenv,
  buildPackages,
  linux_6_1,
  bc,
  bison,
  elfutils,
  flex,
  openssl,
  perl,
  xz,
}:

let
  inherit (stdenv.hostPlatform) isAarch64;
  architecture = if isAarch64 then "aarch64" else "x86_64";
  image = if isAarch64 then "Image" else "vmlinux";
  imagePath = if isAarch64 then "arch/arm64/boot/Image" else "vmlinux";
in
{
  features ? [ ],
  profile ? "default",
}:
let
  # One order and no doubles: the same set is the same kernel.
  names = builtins.attrNames (
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = null;
      }) features
    )
  );
  fragments =
    map (name: "features/${name}") names
    ++ lib.optional (profile != "default") "profiles/${profile}";
  # The files that a kernel is made of, so that another feature's change does not rebuild it.
  configuration = builtins.path {
    name = "mvm-kernel-configuration";
    path = ../kernel;
    filter =
      path: type:
      let
        relative = lib.removePrefix (toString ../kernel + "/") path;
      in
      type == "directory"
      || builtins.elem relative (
        [
          "configure"
          "renamed"
          "config-common"
          "config-${architecture}"
        ]
        ++ fragments
      );
  };
in
stdenv.mkDerivation {
  pname = lib.concatStringsSep "-" ([ "mvm-kernel" ] ++ names ++ lib.optional (profile != "default") profile);
  inherit (linux_6_1) version src;

  strictDeps = true;
  depsBuildBuild = [ buildPackages.stdenv.cc ];
  nativeBuildInputs = [
    bc
    bison
    elfutils
    flex
    openssl
    perl
    xz
  ];
  hardeningDisable = [ "all" ];
  enableParallelBuilding = true;

  env = {
    # For configure as well as for the build. Empty unless this is a cross build.
    CROSS_COMPILE = stdenv.cc.targetPrefix or "";
    # Nothing of the machine or the day goes into the kernel.
    KBUILD_BUILD_TIMESTAMP = "1970-01-01 00:00:00 UTC";
    KBUILD_BUILD_VERSION = "1";
    KBUILD_BUILD_USER = "mvm";
    KBUILD_BUILD_HOST = "mvm";
  };
  makeFlags = [
    "O=build"
    "ARCH=${stdenv.hostPlatform.linuxArch}"
    "HOSTCC=${buildPackages.stdenv.cc}/bin/${buildPackages.stdenv.cc.targetPrefix or ""}cc"
  ];

  postPatch = ''
    patchShebangs scripts
    find . -name Makefile -o -name '*.mk' | xargs sed -i 's|/bin/pwd|pwd|g'
  '';

  configurePhase = ''
    runHook preConfigure
    sh ${configuration}/configure "$PWD" ${architecture} build ${toString fragments}
    runHook postConfigure
  '';
  buildFlags = [ image ];
  installPhase = ''
    runHook preInstall
    install -D -m 0444 build/${imagePath} "$out/${image}"
    install -m 0444 build/.config "$out/config"
    runHook postInstall
  '';
  passthru = { inherit configuration; };
  # vmlinux is what the VMM loads: nothing is stripped or patched.
  dontFixup = true;

  meta = {
    description = "Linux kernel for microVM guests";
    license = lib.licenses.gpl2Only;
    platforms = [
      "x86_64-linux"
      "aarch64-linux"
    ];
  };
}
