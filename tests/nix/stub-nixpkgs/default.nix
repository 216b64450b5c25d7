# SPDX-License-Identifier: MIT
#
# A small nixpkgs made of this machine's own programs, for tests that have no network: the names and
# the behaviour of nixpkgs that our expressions use. Derivations are built in Nix's
# sandbox with /bin, /usr and /lib of the machine in it (`sandbox-paths`).
#
# Guests get real programs: python3, curl and busybox are the machine's, with the libraries that they
# need, moved into the store as nixpkgs has them there.
{
  system ? builtins.currentSystem,
  overlays ? [ ],
  config ? { },
}:
let
  lib = import ./lib.nix;
  cpu = builtins.head (builtins.split "-" system);

  # Programs of this machine as a package: links, for building.
  hostTools =
    name: programs:
    derivation {
      inherit name system programs;
      builder = "/bin/bash";
      args = [
        "-euc"
        ''
          PATH=/usr/bin:/bin:/usr/sbin:/sbin
          mkdir -p "$out/bin"
          for program in $programs; do
            file=$(command -v "$program") || { echo "this machine has no $program" >&2; exit 1; }
            ln -s "$file" "$out/bin/$program"
          done
        ''
      ];
    };

  # What nixpkgs' stdenv has in PATH.
  initialPath = hostTools "initial-path" [
    "awk"
    "basename"
    "bash"
    "cat"
    "chmod"
    "cmp"
    "cp"
    "cut"
    "date"
    "diff"
    "dirname"
    "env"
    "expr"
    "find"
    "grep"
    "gzip"
    "head"
    "id"
    "install"
    "ln"
    "ls"
    "make"
    "mkdir"
    "mktemp"
    "mv"
    "nproc"
    "od"
    "patch"
    "printf"
    "pwd"
    "readlink"
    "realpath"
    "rm"
    "rmdir"
    "sed"
    "seq"
    "sh"
    "sha256sum"
    "sleep"
    "sort"
    "stat"
    "tail"
    "tar"
    "tee"
    "test"
    "touch"
    "tr"
    "true"
    "truncate"
    "uname"
    "uniq"
    "wc"
    "xargs"
    "xz"
  ];

  makeStdenv =
    compiler:
    let
      mkDerivation =
        given:
        let
          attrs = if builtins.isFunction given then lib.fix given else given;
          passed = builtins.removeAttrs attrs [
            "passthru"
            "meta"
            "env"
          ];
          drv = derivation (
            {
              inherit system initialPath;
              name = attrs.name or "${attrs.pname}-${attrs.version}";
              builder = "/bin/bash";
              args = [
                "-e"
                ./stdenv.sh
              ];
            }
            // lib.optionalAttrs (compiler != null) { inherit compiler; }
            // passed
            // (attrs.env or { })
          );
        in
        drv
        // (attrs.passthru or { })
        // {
          meta = attrs.meta or { };
          overrideAttrs = f: mkDerivation (attrs // f attrs);
        };
    in
    {
      inherit mkDerivation;
      cc = compiler;
      hostPlatform = {
        inherit system;
        isx86_64 = cpu == "x86_64";
        isAarch64 = cpu == "aarch64";
        parsed.cpu.name = cpu;
        linuxArch = if cpu == "aarch64" then "arm64" else "x86_64";
      };
      buildPlatform = hostPlatform;
    };
  hostPlatform = (makeStdenv null).hostPlatform;

  self = builtins.foldl' (pkgs: overlay: pkgs // overlay (pkgs // { }) pkgs) base overlays;

  callPackageWith =
    scope: f: args:
    let
      function = if builtins.isFunction f then f else import f;
    in
    function (builtins.intersectAttrs (builtins.functionArgs function) scope // args);

  base = rec {
    inherit lib system config;
    stdenv = makeStdenv (hostTools "gcc" [ "cc" "gcc" "ar" "ld" "as" "nm" "objcopy" "objdump" "strip" ]);
    stdenvNoCC = makeStdenv null;
    callPackage = callPackageWith self;
    buildPackages = self;
    extend = overlay: import ./. { inherit system; overlays = overlays ++ [ overlay ]; };

    runCommand =
      name: attrs: buildCommand:
      stdenv.mkDerivation (attrs // { inherit name buildCommand; });
    runCommandLocal = runCommand;

    writeTextFile =
      {
        name,
        text,
        executable ? false,
        destination ? "",
      }:
      stdenvNoCC.mkDerivation {
        inherit name text;
        passAsFile = [ "text" ];
        mode = if executable then "0555" else "0444";
        inherit destination;
        buildCommand = ''install -D -m "$mode" "$textPath" "$out$destination"'';
      };
    writeText = name: text: writeTextFile { inherit name text; };
    writeScript = name: text: writeTextFile { inherit name text; executable = true; };
    writeShellScript = name: text: writeScript name "#!${bash}/bin/bash\n${text}";

    closureInfo =
      { rootPaths }:
      stdenvNoCC.mkDerivation {
        name = "closure-info";
        __structuredAttrs = true;
        exportReferencesGraph.closure = rootPaths;
        nativeBuildInputs = [ jq ];
        buildCommand = ''
          mkdir "$out"
          jq -r '.closure[].path' <"$NIX_ATTRS_JSON_FILE" >"$out/store-paths"
          jq -r '.closure | map(.narSize) | add' <"$NIX_ATTRS_JSON_FILE" >"$out/total-nar-size"
        '';
      };

    # A fixed-output derivation as nixpkgs' is one. There is no network: the tests put the file into
    # the store beforehand, under the name and hash that this asks for.
    fetchurl =
      {
        url,
        hash ? null,
        sha256 ? null,
        name ? baseNameOf url,
      }:
      derivation {
        inherit name system;
        builder = "/bin/bash";
        args = [
          "-c"
          "echo 'no network; the test has to add ${name} to the store' >&2; exit 1"
        ];
        outputHash = if hash != null then hash else sha256;
        outputHashAlgo = "sha256";
        outputHashMode = "flat";
      };

    e2fsprogs = hostTools "e2fsprogs" [ "mke2fs" "debugfs" "dumpe2fs" "e2fsck" ];
    squashfsTools = hostTools "squashfs-tools" [ "mksquashfs" "sqfstar" "unsquashfs" ];
    qemu = hostTools "qemu" [ "qemu-system-x86_64" ];
    util-linux = hostTools "util-linux" [ "setpriv" ];
    # Only for evaluation.
    mkShell =
      args:
      stdenv.mkDerivation (
        removeAttrs args [ "packages" ]
        // {
          name = "shell";
          outputs = [ "out" ];
        }
      );
    inherit
      (builtins.listToAttrs (
        map
          (name: {
            inherit name;
            value = hostTools name [ ];
          })
          [
            "busybox"
            "clang"
            "clang-tools"
            "criterion"
            "gcovr"
            "git"
            "mandoc"
            "nix"
            "patchelf"
            "shellcheck"
          ]
      ))
      busybox
      clang
      clang-tools
      criterion
      gcovr
      git
      mandoc
      nix
      patchelf
      shellcheck
      ;
    jq = hostTools "jq" [ "jq" ];
    meson = hostTools "meson" [ "meson" ];
    ninja = hostTools "ninja" [ "ninja" ];
    pkg-config = hostTools "pkg-config" [ "pkg-config" ];
    bison = hostTools "bison" [ "bison" "yacc" ];
    flex = hostTools "flex" [ "flex" ];
    bc = hostTools "bc" [ "bc" ];
    perl = hostTools "perl" [ "perl" ];
    python3Minimal = python3;
    openssl = hostTools "openssl" [ "openssl" ];
    xz = hostTools "xz" [ "xz" ];
    elfutils = hostTools "elfutils" [ ];
    nixfmt = hostTools "nixfmt" [ "nixfmt" ];

    # Programs for guests.
    relocated =
      args:
      stdenvNoCC.mkDerivation (
        {
          nativeBuildInputs = [
            (hostTools "patchelf" [ "patchelf" "ldd" "cat" ])
          ];
        }
        // args
        // {
          buildCommand = ''
            . ${./relocate.sh}
            ${args.buildCommand}
          '';
        }
      );

    bash = relocated {
      name = "bash";
      buildCommand = ''
        relocate /bin/bash bash
        ln -s bash "$out/bin/sh"
      '';
      meta.mainProgram = "bash";
    };
    coreutils = relocated {
      name = "coreutils";
      buildCommand = ''
        for program in cat chmod chown cp df env id install ls mkdir mv rm sleep stat touch true; do
          relocate "$(command -v "$program" || echo "/usr/bin/$program")" "$program"
        done
      '';
    };
    curl = relocated {
      name = "curl";
      buildCommand = "relocate /usr/bin/curl curl";
      meta.mainProgram = "curl";
    };
    python3 =
      relocated {
        name = "python3";
        buildCommand = ''
          version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
          relocate "/usr/bin/python$version" "python$version"
          ln -s "python$version" "$out/bin/python3"
          mkdir -p "$out/lib/python$version"
          (cd "/usr/lib/python$version" && tar -c --exclude=test --exclude=tests --exclude=idlelib \
            --exclude=lib2to3 --exclude=ensurepip --exclude=distutils --exclude=pydoc_data \
            --exclude=__pycache__ --exclude='config-*' --exclude='*.pyc' --exclude=sitecustomize.py .) |
            tar -x -C "$out/lib/python$version"
          # The times in a store are all the same, so only hashes can tell whether a .pyc is current.
          PYTHONHASHSEED=0 "/usr/bin/python$version" -m compileall -q -s "$out" -p "$out" \
            --invalidation-mode unchecked-hash "$out/lib/python$version"
        '';
        meta.mainProgram = "python3";
      }
      // {
        withPackages = _: self.python3;
        pkgs.flask = self.python3;
      };
    # Only for evaluation: the tests build nothing of Node's.
    nodejs_22 = hostTools "nodejs" [ "node" ];
    buildNpmPackage =
      args:
      stdenvNoCC.mkDerivation (
        builtins.removeAttrs args [ "nodejs" ]
        // {
          buildCommand = "echo 'there is no npm here' >&2; exit 1";
        }
      );
    cacert = stdenvNoCC.mkDerivation {
      name = "nss-cacert";
      buildCommand = ''
        mkdir -p "$out/etc/ssl/certs"
        find /usr/share/ca-certificates -name '*.crt' | LC_ALL=C sort | xargs cat \
          >"$out/etc/ssl/certs/ca-bundle.crt"
      '';
    };
    linux_6_1 = {
      version = "6.1";
      src = stdenvNoCC.mkDerivation {
        name = "linux-6.1.tar.xz";
        buildCommand = ''ln -s "$(ls /usr/src/linux-source-6.*.tar.xz | head -n 1)" "$out"'';
      };
    };

    pkgsStatic =
      let
        static = self // {
          stdenv = makeStdenv muslCompiler;
          callPackage = callPackageWith static;
          busybox = stdenvNoCC.mkDerivation {
            name = "busybox-static";
            buildCommand = ''
              mkdir -p "$out/bin"
              cp /bin/busybox "$out/bin/busybox"
              for applet in $(/bin/busybox --list); do
                [ "$applet" = busybox ] || ln -s busybox "$out/bin/$applet"
              done
            '';
          };
        };
      in
      static;

    # musl's compiler here looks only at musl's own headers; nixpkgs' knows the kernel's, too.
    muslCompiler = stdenvNoCC.mkDerivation {
      name = "musl-gcc";
      buildCommand = ''
        mkdir -p "$out/bin" "$out/include"
        ln -s /usr/include/linux /usr/include/asm-generic "$out/include"
        ln -s "/usr/include/$(/usr/bin/gcc -print-multiarch)/asm" "$out/include/asm"
        printf '#!/bin/sh\nREALGCC=/usr/bin/gcc exec /usr/bin/musl-gcc "$@" -idirafter %s\n' "$out/include" >"$out/bin/cc"
        chmod +x "$out/bin/cc"
        for program in ar ld as nm objcopy objdump strip; do
          ln -s "/usr/bin/$program" "$out/bin/$program"
        done
      '';
    };
  };
in
self
