# SPDX-License-Identifier: MIT
#
# Command lines: may the guest execute a text directly, or does it need a shell?
#
# The same rule as init and the agent apply in the guest (base/command.c), and tested with the same
# vectors (tests/vectors/command-lines.json). Text is split by the shell's quoting rules; it needs
# a shell when it has an unquoted ; & | < > ( ) $ ` * ? [ or newline, a $ or ` in double quotes, a
# # or ~ at the start of a word, a leading NAME=value, or a first word that only a shell knows.
let
  inherit (builtins)
    concatStringsSep
    elem
    foldl'
    head
    length
    match
    replaceStrings
    seq
    tail
    unsafeDiscardStringContext
    ;
  inherit (import ./text.nix) characters imap;

  # Reserved words, special built-ins, and built-ins that act on the shell itself.
  shellWords = [
    "!"
    "."
    ":"
    "alias"
    "bg"
    "break"
    "case"
    "cd"
    "command"
    "continue"
    "eval"
    "exec"
    "exit"
    "export"
    "fc"
    "fg"
    "for"
    "getopts"
    "hash"
    "if"
    "jobs"
    "local"
    "read"
    "readonly"
    "return"
    "set"
    "shift"
    "source"
    "times"
    "trap"
    "type"
    "ulimit"
    "umask"
    "unalias"
    "unset"
    "until"
    "wait"
    "while"
    "{"
  ];

  metacharacters = characters ";&|<>()$`*?[\n";

  start = {
    quote = ""; # "'" or "\"" within quotes
    escaped = false; # the last character was a backslash that quotes
    words = [ ]; # complete words
    word = null; # the open word
    quotedFirst = false; # quoting in the first word before any '='
    shell = false;
  };

  openWord = s: if s.word == null then "" else s.word;

  closeWord =
    s:
    if s.word == null then
      s
    else
      s
      // {
        words = s.words ++ [ s.word ];
        word = null;
      };

  # Quoting within the first word makes it an ordinary word, unless it is only in a value.
  noteQuote =
    s:
    if s.words == [ ] && match "[^=]*" (openWord s) != null then s // { quotedFirst = true; } else s;

  append = s: c: s // { word = openWord s + c; };

  unquoted =
    s: c:
    if s.escaped then
      let
        plain = s // {
          escaped = false;
        };
      in
      if c == "\n" then plain else append (noteQuote plain) c
    else if c == "\\" then
      s // { escaped = true; }
    else if c == " " || c == "\t" then
      closeWord s
    else if c == "'" || c == "\"" then
      noteQuote s
      // {
        quote = c;
        word = openWord s;
      }
    else if elem c metacharacters || (s.word == null && (c == "#" || c == "~")) then
      s // { shell = true; }
    else
      append s c;

  doubleQuoted =
    s: c:
    if s.escaped then
      let
        plain = s // {
          escaped = false;
        };
      in
      if c == "\n" then
        plain
      else if elem c (characters "$`\"\\") then
        append plain c
      else
        append plain ("\\" + c)
    else if c == "\\" then
      s // { escaped = true; }
    else if c == "$" || c == "`" then
      append s c // { shell = true; }
    else if c == "\"" then
      s // { quote = ""; }
    else
      append s c;

  step =
    s: c:
    # A shell would read on; only an open quote must end.
    if s.shell && s.quote == "" then
      s
    else
      let
        next =
          if s.quote == "'" then
            if c == "'" then s // { quote = ""; } else append s c
          else if s.quote == "\"" then
            doubleQuoted s c
          else
            unquoted s c;
      in
      # Keep the state flat: a text of some thousand characters must not build as many thunks.
      seq next.shell (seq next.word (seq next.quote (seq next.quotedFirst next)));

  isAssignment = word: match "[A-Za-z_][A-Za-z0-9_]*=.*" word != null;

  # True if the first two words may be one path with an unquoted space: the first is a path
  # outside of the store and of the places that are filled while the guest runs, and the second
  # goes on with more of a path.
  isSplitPath =
    argv:
    length argv > 1
    && match "/.*" (unsafeDiscardStringContext (head argv)) != null
    && match "/(nix/store|bin|sbin|usr|mnt|run|tmp|var|home|root|dev|proc|sys)(/.*)?" (
      unsafeDiscardStringContext (head argv)
    ) == null
    && match "[^/.=:-][^=:]*/.*" (unsafeDiscardStringContext (head (tail argv))) != null;

  error = reason: {
    kind = "error";
    inherit reason;
  };
in
{
  inherit shellWords;

  # The text that `classify` splits into exactly these words, without a shell. Words that need no
  # quotes have none, but for a second word that `isSplitPath` would ask about.
  join =
    argv:
    let
      plain =
        i: word:
        match "[A-Za-z0-9_./:@%+,=-]+" (unsafeDiscardStringContext word) != null
        && !(i == 0 && (isAssignment (unsafeDiscardStringContext word) || elem word shellWords))
        && !(i == 1 && isSplitPath argv);
      quoted = word: "'${replaceStrings [ "'" ] [ "'\\''" ] word}'";
    in
    concatStringsSep " " (imap (i: word: if plain i word then word else quoted word) argv);

  inherit isSplitPath;

  # { kind = "exec"; argv = [ ... ]; }, { kind = "shell"; } or { kind = "error"; reason = "..."; }
  classify =
    text:
    let
      scanned = foldl' step start (characters (unsafeDiscardStringContext text));
      # A backslash at the very end stands for itself.
      done = closeWord (
        if scanned.escaped && scanned.quote == "" && !scanned.shell then
          append (noteQuote scanned) "\\"
        else
          scanned
      );
      first = head done.words;
    in
    if done.quote != "" then
      error "a ${if done.quote == "'" then "single" else "double"} quote is not closed"
    else if done.shell then
      { kind = "shell"; }
    else if done.words == [ ] || first == "" then
      error "the command is empty"
    else if !done.quotedFirst && (isAssignment first || elem first shellWords) then
      { kind = "shell"; }
    else
      {
        kind = "exec";
        argv = done.words;
      };
}
