# SPDX-License-Identifier: MIT
#
# mvm-run, which runs images of mkGuest in QEMU or Firecracker: ../../runner with the parts of
# ../../tests/vm that it uses, and the programs that they start.
{
  lib,
  stdenv,
  python3,
  qemu,
  e2fsprogs,
  util-linux,
  bash,
  probe,
}:
stdenv.mkDerivation {
  name = "mvm-run";
  src = builtins.path {
    name = "mvm-runner-source";
    path = ../..;
    filter =
      path: type:
      let
        relative = lib.removePrefix (toString ../.. + "/") path;
      in
      builtins.elem relative [
        "runner"
        "tests"
        "tests/vm"
      ]
      || builtins.match "runner/[^/]*[.]py|tests/vm/(hvsock|rig)(/[^/]*[.](c|h|py))?" relative != null;
  };
  buildPhase = ''
    runHook preBuild
    cc -O2 -std=gnu11 -D_GNU_SOURCE -o hvsock tests/vm/hvsock/*.c
    runHook postBuild
  '';
  # Programs are named by their store paths, so the user's PATH does not matter.
  installPhase = ''
    runHook preInstall
    install -D -m 0555 hvsock "$out/libexec/hvsock"
    mkdir -p "$out/share/mvm-run" "$out/bin"
    cp -R runner/mvm_run.py tests/vm/rig "$out/share/mvm-run/"
    cat >"$out/bin/mvm-run" <<EOF
    #!${bash}/bin/bash
    export MVM_HVSOCK=$out/libexec/hvsock
    export PATH=${
      lib.makeBinPath [
        qemu
        e2fsprogs
        util-linux
        probe
      ]
    }\''${PATH:+:\$PATH}
    export PYTHONDONTWRITEBYTECODE=1
    exec ${python3}/bin/python3 $out/share/mvm-run/mvm_run.py "\$@"
    EOF
    chmod 0555 "$out/bin/mvm-run"
    runHook postInstall
  '';

  meta = {
    description = "Runs images of mkGuest in QEMU or Firecracker";
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
    mainProgram = "mvm-run";
  };
}
