# SPDX-License-Identifier: MIT
#
# The commands of a guest: which of them need a shell, and so whether the image has one.
let
  inherit (builtins)
    attrNames
    concatMap
    elem
    hasAttr
    head
    map
    match
    unsafeDiscardStringContext
    ;
  text = import ./text.nix;
  inherit (text)
    optional
    optionals
    show
    trim
    ;
  inherit (import ./types.nix) join;
  words = import ./words.nix;

  # A path directly in the store is a file that was written as a whole: a script.
  isStoreFile = program: match "/nix/store/[^/]+" program != null;

  # What the image has only together with the shell, beside busybox's own names.
  shellPrograms = [
    "/bin/sh"
    "/usr/bin/env"
  ];

  # { text; kind; program; argv; why; }: `kind` is exec, shell, lines (several, for a script) or
  # error; `program` and `argv` are what an exec starts; `why` says why the image needs a shell, or
  # is null. `value` is a command line, as the type's `fill` leaves it.
  describe =
    value:
    let
      line = trim value;
      plain = unsafeDiscardStringContext line;
      class = words.classify plain;
      program = head class.argv;
    in
    if match "[^\n]*" plain == null then
      {
        text = line;
        kind = "lines";
        program = null;
        why = "has several lines";
      }
    else if class.kind == "exec" then
      {
        text = line;
        inherit (class) kind argv;
        inherit program;
        why =
          if elem program shellPrograms then
            "runs ${program}"
          else if isStoreFile program then
            "is a script"
          else if match "[^/]*" program != null then
            "names its program without a path"
          else
            null;
      }
    else
      {
        text = line;
        inherit (class) kind;
        program = null;
        why = if class.kind == "shell" then "uses shell syntax" else class.reason;
      };

  splitPath =
    c:
    let
      second = builtins.elemAt c.argv 1;
    in
    "${c.at}: is ${c.program} the program and ${second} its argument? There is no ${c.program} in the"
    + " image. Put a path with a space into quotes, '${c.program} ${second}', or write the words as a"
    + " list, [ ${show c.program} ${show second} ]";

  each =
    part: values: names:
    concatMap (
      n:
      concatMap (
        option:
        optional (values.${n}.${option} != null) (
          describe values.${n}.${option} // { at = "${join part n}.${option}"; }
        )
      ) names
    ) (attrNames values);
in
rec {
  inherit describe;

  # Every command of the configuration, each with `at`, the path of its option.
  all =
    config:
    each "services" config.services [
      "command"
      "preStart"
      "reloadCommand"
    ]
    ++ each "healthChecks" config.healthChecks [
      "healthCmd"
      "checkpointCmd"
      "restoreCmd"
    ]
    ++ each "probes" config.probes [ "command" ];

  # The commands that need a shell in the image.
  needShell = config: builtins.filter (c: c.kind != "error" && c.why != null) (all config);

  hasShell =
    config: config.shell == "always" || (config.shell == "auto" && needShell config != [ ]);

  errors =
    config:
    concatMap (
      c:
      if c.kind == "error" then
        [ "${c.at}: ${c.why}" ]
      else if
        c.kind == "exec"
        && words.isSplitPath c.argv
        && match ".*['\"\\].*" (unsafeDiscardStringContext c.text) == null
        && !(hasAttr c.program config.extraFiles)
      then
        [ (splitPath c) ]
      else
        optional (
          config.shell == "never"
          && (
            elem c.kind [
              "shell"
              "lines"
            ]
            || elem c.program shellPrograms
          )
        ) "${c.at}: ${c.why}, and shell = \"never\""
    ) (all config);

  # What the image builder looks for in the finished tree: programs that PATH has to find, that are
  # in the store, or that are where the image itself has its programs.
  programs =
    config:
    map (c: { inherit (c) at program; }) (
      builtins.filter (
        c:
        c.kind == "exec"
        && match "[^/]*|/(nix/store|bin|sbin|usr)/.*" (unsafeDiscardStringContext c.program) != null
      ) (all config)
    );
}
