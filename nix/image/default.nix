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
  jq,
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
  run,
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

  # The text files alone; their closure has everything that they refer to.
  etc = stdenvNoCC.mkDerivation {
    name = "mvm-${config.name}-etc";
    __structuredAttrs = true;
    preferLocalBuild = true;
    inherit sources;
    texts = builtins.removeAttrs texts (builtins.attrNames sources);
    buildCommand = ''
      mkdir -p "$out"
      # In the order of the paths, so that files can be added to a directory.
      printf '%s\n' "''${!sources[@]}" | LC_ALL=C sort | while IFS= read -r path; do
        [ -n "$path" ] || continue
        if [ -d "''${sources[$path]}" ]; then
          mkdir -p "$out$path"
          cp -R --no-dereference --preserve=mode "''${sources[$path]}/." "$out$path"
          chmod -R u+w "$out$path"
        else
          mkdir -p "$out''${path%/*}"
          cp -L "''${sources[$path]}" "$out$path"
        fi
      done
      for path in "''${!texts[@]}"; do
        mkdir -p "$out''${path%/*}"
        printf '%s' "''${texts[$path]}" >"$out$path"
      done
    '';
  };

  # In the image and so in its closure, except `etc` itself, which the tree does not contain.
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

  rootMode = if config.rootfsType == "ext4" then "rw" else "ro";
  # The keyboard controller of a VMM has a keyboard for Ctrl-Alt-Del, and nothing else to look for.
  keyboardArguments = lib.optionalString stdenv.hostPlatform.isx86_64 " i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd";
  commonArguments = "rootwait init=/init reboot=k panic=1 net.ifnames=0${keyboardArguments}";
  kernelArguments = "root=/dev/vda ${rootMode} ${commonArguments}";

  # For firecracker --config-file, in a directory with the image's files: the root of an ext4 image is
  # written to, so there it is a copy.
  vmConfig = builtins.toJSON {
    boot-source = {
      kernel_image_path = "vmlinux";
      # Firecracker adds root= and rw or ro itself.
      boot_args = "console=ttyS0 ${commonArguments}";
    };
    drives = [
      {
        drive_id = "drive0";
        path_on_host = "rootfs.${config.rootfsType}";
        is_root_device = true;
        is_read_only = config.rootfsType == "squashfs";
      }
    ];
    machine-config = {
      vcpu_count = 1;
      mem_size_mib = 512;
    };
    vsock = {
      guest_cid = 3;
      uds_path = "v.sock";
    };
  };

  homes = files.homes config;
  programs = commands.programs config;

  # The members of manifest.json that are known before the build, as JSON text.
  manifestMembers = lib.concatStrings (
    lib.mapAttrsToList (name: value: "  ${builtins.toJSON name}: ${builtins.toJSON value},\n") {
      inherit (config) name hostname rootfsType;
      system = stdenv.hostPlatform.system;
      # Kernel parameters, besides those of the host.
      inherit kernelArguments;
      # One of these with them: a serial console, or no serial port, which costs a start less.
      consoleArguments = {
        console = "console=ttyS0";
        none = "8250.nr_uarts=0";
      };
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
  image = stdenvNoCC.mkDerivation {
    name = "mvm-${config.name}";
    __structuredAttrs = true;
    # The image is self-contained: every store path that it names is in it.
    unsafeDiscardReferences.out = true;
    nativeBuildInputs = [
      jq
      (if config.rootfsType == "ext4" then e2fsprogs else squashfsTools)
    ];

    inherit
      closure
      etc
      guestPath
      kernel
      modes
      manifestMembers
      vmConfig
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
      inherit vm;
      mvm = metadata;
    };

    meta = {
      description = "MicroVM image of the guest ${config.name}";
      platforms = lib.platforms.linux;
    };
  };

  # Runs the image: `nix run .#NAME.vm -- --publish 8080:8080`. On the build machine, as `run` does.
  vm = buildPackages.runCommand "run-${config.name}" { meta.mainProgram = "run-${config.name}"; } ''
    mkdir -p "$out/bin"
    cat >"$out/bin/run-${config.name}" <<'EOF'
    #!${buildPackages.bash}/bin/bash
    exec ${run}/bin/mvm-run ${image} "$@"
    EOF
    chmod 0555 "$out/bin/run-${config.name}"
  '';

  # The facts (passthru.mvm) that hosts read from a package before they allow access.
  metadata = {
    inherit (config) name;
    accessible = config.dev;
    sealed = !config.dev;
    entrypointKind = "services";
    initSystem = "mvm-init";
    expectedBootMs = 300;
    agentBinary = agentProgram;
    rootlessEntrypoint = true;
    hypervisor = "firecracker";
    overlayAware = false;
  };
in
image
