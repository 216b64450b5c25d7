# SPDX-License-Identifier: MIT
#
# The derivation of a guest's image, from a checked configuration. All work is in image.sh.
# For callPackage: tools come from nativeBuildInputs only, so that an image for another
# architecture can be built.
{
  lib,
  stdenvNoCC,
  stdenv,
  buildPackages,
  e2fsprogs,
  squashfsTools,
  writeScript,
  pkgsStatic,
}:

{
  config,
  init,
  agent,
  kernel,
  cacert,
}:

let
  inherit (lib) mapAttrs optional optionals;

  commands = import ../lib/commands.nix;
  files = import ../lib/files.nix;
  accounts = import ../lib/accounts.nix;

  hasShell = commands.hasShell config;
  inherit (pkgsStatic) busybox;

  guestPath = lib.concatStringsSep ":" (
    optional (config.packages != [ ]) (lib.makeBinPath config.packages)
    ++ optional hasShell "${busybox}/bin"
    ++ [ "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" ]
  );

  agentProgram = "${agent}/bin/mvm-guest-agent";

  generated = files.files {
    inherit config;
    agent = agentProgram;
    path = guestPath;
    script = name: text: "${writeScript name text}";
  };

  byPath =
    value: list:
    builtins.listToAttrs (
      map (f: {
        name = f.path;
        value = value f;
      }) list
    );

  extra = config.extraFiles;
  texts =
    byPath (f: f.text) generated
    // mapAttrs (_: f: f.content) (lib.filterAttrs (_: f: f.content != null) extra);
  sources = mapAttrs (_: f: "${f.source}") (lib.filterAttrs (_: f: f.source != null) extra);
  # "": by whether the source is executable.
  modes = byPath (f: f.mode) generated // mapAttrs (_: f: if f.mode == null then "" else f.mode) extra;

  # The text files by themselves: the closure of this is what they refer to.
  etc = stdenvNoCC.mkDerivation {
    name = "mvm-${config.name}-etc";
    __structuredAttrs = true;
    preferLocalBuild = true;
    inherit sources;
    texts = builtins.removeAttrs texts (builtins.attrNames sources);
    buildCommand = ''
      for path in "''${!texts[@]}"; do
        mkdir -p "$out''${path%/*}"
        printf '%s' "''${texts[$path]}" >"$out$path"
      done
      for path in "''${!sources[@]}"; do
        mkdir -p "$out''${path%/*}"
        cp -L "''${sources[$path]}" "$out$path"
      done
    '';
  };

  # In the image, and so in its closure; `etc` itself is left out when the tree is made.
  closure = buildPackages.closureInfo {
    rootPaths =
      map (p: "${p}") config.packages
      ++ [
        agent
        etc
      ]
      ++ optional hasShell busybox
      ++ optional (cacert != null) cacert;
  };

  homes = files.homes config;
  programs = commands.programs config;

  # Members of manifest.json that are known before the build, as JSON text.
  manifestMembers = lib.concatStrings (
    lib.mapAttrsToList (name: value: "  ${builtins.toJSON name}: ${builtins.toJSON value},\n") {
      inherit (config) name hostname rootfsType;
      system = stdenv.hostPlatform.system;
      # What the kernel has to be told, beside the host's own words.
      kernelArguments = "root=/dev/vda ${
        if config.rootfsType == "ext4" then "rw" else "ro"
      } rootwait init=/init reboot=k panic=1 net.ifnames=0";
      label = if config.rootfsType == "ext4" then "mvm" else null;
      services = builtins.attrNames config.services;
      healthChecks = builtins.attrNames config.healthChecks;
      probes = builtins.attrNames config.probes;
      users = mapAttrs (_: u: { inherit (u) uid gid; }) (accounts.assign {
        inherit (config) serviceGroup users;
      }).users;
      shell = {
        present = hasShell;
        because = optionals hasShell (map (c: "${c.at} ${c.why}") (commands.needShell config));
      };
    }
  );
in
stdenvNoCC.mkDerivation {
  name = "mvm-${config.name}";
  __structuredAttrs = true;
  # The image is complete in itself: the store paths whose names it contains are inside it.
  unsafeDiscardReferences.out = true;
  nativeBuildInputs = if config.rootfsType == "ext4" then [ e2fsprogs ] else [ squashfsTools ];

  inherit
    closure
    etc
    guestPath
    kernel
    modes
    manifestMembers
    ;
  kernelDev = if lib.isDerivation kernel && kernel ? dev then "${kernel.dev}" else "";
  inherit (config) freeSpaceMiB rootfsType ociImage;
  cacert = if cacert == null then "" else "${cacert}";
  busybox = if hasShell then "${busybox}" else "";
  guestName = config.name;
  initProgram = "${init}/bin/init";
  ociArchitecture = if stdenv.hostPlatform.isAarch64 then "arm64" else "amd64";
  homePaths = map (h: h.path) homes;
  homeUids = map (h: h.uid) homes;
  homeGids = map (h: h.gid) homes;
  programs = map (p: p.program) programs;
  programOptions = map (p: p.at) programs;

  buildCommand = ''
    source ${./image.sh}
    make_image
  '';

  passthru = {
    inherit config kernel etc;
  };

  meta = {
    description = "MicroVM image of the guest ${config.name}";
    platforms = lib.platforms.linux;
  };
}
