# SPDX-License-Identifier: MIT
#
# One of the C programs, static: for pkgsStatic.callPackage.
{
  lib,
  stdenv,
  fetchurl,
  meson,
  ninja,
  src,
  program,
  directory,
  description,
}:

let
  # The sources that meson.build's wraps name, from where the wraps have them.
  wrap =
    file:
    let
      lines = builtins.filter builtins.isString (builtins.split "\n" (builtins.readFile file));
      get =
        key:
        builtins.head (
          builtins.concatMap (
            line:
            let
              found = builtins.match "${key} = (.*)" line;
            in
            if found == null then [ ] else found
          ) lines
        );
    in
    fetchurl {
      name = get "source_filename";
      url = get "source_url";
      sha256 = get "source_hash";
    };
  sources = map wrap [
    ../../subprojects/inih.wrap
    ../../subprojects/jansson.wrap
  ];
in
stdenv.mkDerivation {
  pname = if program == "init" then "mvm-init" else program;
  version = "0.2.0";
  inherit src;

  strictDeps = true;
  nativeBuildInputs = [
    meson
    ninja
  ];

  # meson looks here before it downloads.
  preConfigure = ''
    mkdir -p subprojects/packagecache
    ${lib.concatStrings (map (s: "cp ${s} subprojects/packagecache/${s.name}\n") sources)}
  '';
  # The options of `make release`, without those for warnings.
  mesonBuildType = "minsize";
  mesonFlags = builtins.filter (flag: builtins.isString flag && builtins.match "-.*" flag != null) (
    builtins.split "\n" (builtins.readFile ../../release-options)
  );
  # Fat objects, for an archiver that does not know link-time optimization.
  env.NIX_CFLAGS_COMPILE = "-ffat-lto-objects";
  ninjaFlags = [ "${directory}/${program}" ];
  # The release build sets its own linking: static, at a fixed address.
  hardeningDisable = [ "all" ];

  installPhase = ''
    runHook preInstall
    install -D -m 0555 ${directory}/${program} "$out/bin/${program}"
    runHook postInstall
  '';
  dontFixup = true;

  meta = {
    inherit description;
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
    mainProgram = program;
  };
}
