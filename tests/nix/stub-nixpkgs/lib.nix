# SPDX-License-Identifier: MIT
#
# The functions of nixpkgs' lib that our expressions use, and a module system that is large enough
# for nix/module.nix: options with types and defaults, submodules, imports, merging of sets and
# lists, and errors for unknown options and conflicting values.
let
  inherit (builtins)
    attrNames
    concatLists
    concatMap
    elem
    filter
    foldl'
    hasAttr
    head
    isAttrs
    isBool
    isFunction
    isInt
    isFloat
    isList
    isPath
    isString
    length
    map
    match
    toJSON
    ;
in
rec {
  inherit (builtins) concatStringsSep mapAttrs;
  version = "25.11pre-stub";
  inherit (builtins) filter foldl' concatLists concatMap head listToAttrs;
  foldr = f: last: list: foldl' (done: value: f value done) last list;
  warn = builtins.trace;
  concatStrings = builtins.concatStringsSep "";
  concatMapStringsSep =
    separator: f: list:
    builtins.concatStringsSep separator (map f list);
  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  optionalString = condition: text: if condition then text else "";
  optionalAttrs = condition: set: if condition then set else { };
  nameValuePair = name: value: { inherit name value; };
  genAttrs = names: f: builtins.listToAttrs (map (n: nameValuePair n (f n)) names);
  mapAttrsToList = f: set: map (n: f n set.${n}) (attrNames set);
  mapAttrs' = f: set: builtins.listToAttrs (mapAttrsToList f set);
  filterAttrs =
    keep: set:
    builtins.listToAttrs (
      concatMap (n: optional (keep n set.${n}) (nameValuePair n set.${n})) (attrNames set)
    );
  recursiveUpdate =
    old: new:
    old
    // mapAttrs (
      n: value:
      if isAttrs value && isAttrs (old.${n} or null) then
        recursiveUpdate old.${n} value
      else
        value
    ) new;
  removePrefix =
    prefix: text:
    let
      n = builtins.stringLength prefix;
    in
    if builtins.substring 0 n text == prefix then builtins.substring n (-1) text else text;
  removeSuffix =
    suffix: text:
    let
      n = builtins.stringLength text - builtins.stringLength suffix;
    in
    if n >= 0 && builtins.substring n (-1) text == suffix then
      builtins.substring 0 n text
    else
      text;
  isDerivation = value: value.type or null == "derivation";
  fix =
    f:
    let
      x = f x;
    in
    x;

  getOutput =
    output: package:
    if !(package.outputSpecified or false) then
      package.${output} or package.out or package
    else
      package;
  getBin = getOutput "bin";
  getExe = package: "${getBin package}/bin/${package.meta.mainProgram or package.pname}";
  makeSearchPathOutput =
    output: directory: packages:
    builtins.concatStringsSep ":" (
      map (path: "${path}/${directory}") (filter (p: p != null) (map (getOutput output) packages))
    );
  makeBinPath = makeSearchPathOutput "bin" "bin";

  licenses.mit.spdxId = "MIT";
  licenses.gpl2Only.spdxId = "GPL-2.0-only";
  platforms.linux = [
    "x86_64-linux"
    "aarch64-linux"
  ];

  # --- Options and types ----------------------------------------------------------------------

  mkOption = attrs: attrs // { _type = "option"; };
  literalExpression = text: {
    _type = "literalExpression";
    inherit text;
  };
  literalMD = text: {
    _type = "literalMD";
    inherit text;
  };
  mkDefault = content: {
    _type = "override";
    priority = 1000;
    inherit content;
  };
  mkForce = content: {
    _type = "override";
    priority = 50;
    inherit content;
  };

  types =
    let
      simple = name: description: check: {
        _type = "option-type";
        inherit name description check;
        merge =
          at: defs:
          if length defs > 1 && !(builtins.all (d: d == head defs) defs) then
            throw "The option `${at}' has conflicting definition values: ${concatMapStringsSep ", " toJSON defs}"
          else
            head defs;
      };
    in
    rec {
      bool = simple "bool" "boolean" isBool;
      str = simple "str" "string" isString;
      singleLineStr = simple "singleLineStr" "string of one line" (
        v: isString v && match "[^\n\r]*" v != null
      );
      strMatching =
        pattern:
        simple "strMatching" "string matching the pattern ${pattern}" (
          v: isString v && match pattern v != null
        );
      int = simple "int" "signed integer" isInt;
      float = simple "float" "floating point number" isFloat;
      path = simple "path" "absolute path" (
        v: isPath v || isDerivation v || (isString v && match "/.*" v != null)
      );
      package = simple "package" "package" (
        v: isDerivation v || isPath v || (isString v && match "/.*" v != null)
      );
      ints = {
        between =
          low: high:
          simple "intBetween" "integer between ${toString low} and ${toString high} (both inclusive)" (
            v: isInt v && v >= low && v <= high
          );
        unsigned = simple "unsignedInt" "unsigned integer" (v: isInt v && v >= 0);
        positive = simple "positiveInt" "positive integer" (v: isInt v && v > 0);
      };
      enum =
        values:
        simple "enum" "one of ${concatMapStringsSep ", " toJSON values}" (v: elem v values);
      nullOr =
        inner:
        simple "nullOr" "null or ${inner.description}" (v: v == null || inner.check v)
        // {
          merge =
            at: defs:
            let
              given = filter (d: d != null) defs;
            in
            if given == [ ] then null else inner.merge at given;
        };
      either =
        a: b:
        simple "either" "${a.description} or ${b.description}" (v: a.check v || b.check v)
        // {
          merge = at: defs: if builtins.all a.check defs then a.merge at defs else b.merge at defs;
        };
      deferredModule = simple "deferredModule" "module" (v: isAttrs v || isFunction v || isPath v);
      coercedTo =
        from: coerce: to:
        simple "coercedTo" "${to.description} or ${from.description}" (v: to.check v || from.check v)
        // {
          merge = at: defs: to.merge at (map (d: if from.check d then coerce d else d) defs);
        };
      oneOf = list: foldl' either (head list) (builtins.tail list);
      listOf =
        inner:
        simple "listOf" "list of ${inner.description}" isList
        // {
          merge =
            at: defs:
            map (
              v:
              if inner.check v then
                v
              else
                throw "A definition for option `${at}.\"*\"' is not of type `${inner.description}'."
            ) (concatLists defs);
        };
      attrsOf =
        inner:
        simple "attrsOf" "attribute set of ${inner.description}" (v: isAttrs v && !(isDerivation v))
        // {
          merge =
            at: defs:
            mapAttrs (
              n: values:
              mergeNamed n "${at}.${n}" inner values
            ) (zip defs);
        };
      unspecified = simple "unspecified" "unspecified value" (_: true);
      lazyAttrsOf = attrsOf;
      lines = str;
      addCheck = type: check: type // { check = value: type.check value && check value; };
      submodule = module: submoduleWith { modules = [ module ]; };
      submoduleWith =
        {
          modules,
          specialArgs ? { },
          class ? null,
        }:
        let
          mergeNamed =
            name: at: defs:
            (evalWith at (modules ++ map (d: if isFunction d then d else { imports = [ d ]; }) defs) (
              specialArgs // { inherit name; }
            )).config;
        in
        simple "submodule" "submodule" (v: isAttrs v || isFunction v)
        // {
          inherit mergeNamed;
          merge = mergeNamed "";
        };
    };

  zip =
    sets:
    builtins.zipAttrsWith (_: values: values) sets;

  # The definitions of the best priority, without their marks.
  strongest =
    defs:
    let
      priority = d: if d._type or null == "override" then d.priority else 100;
      best = foldl' (p: d: if priority d < p then priority d else p) 1500 defs;
    in
    map (d: if d._type or null == "override" then d.content else d) (
      filter (d: priority d == best) defs
    );

  mergeValue = mergeNamed "";

  # The value of an attribute called `name`, which a submodule gets as an argument.
  mergeNamed =
    name: at: type: defs:
    let
      values = strongest defs;
      bad = filter (v: !(type.check v)) values;
    in
    if bad != [ ] then
      throw "A definition for option `${at}' is not of type `${type.description}'."
    else if type ? mergeNamed then
      type.mergeNamed name at values
    else
      type.merge at values;

  evalModules =
    {
      modules,
      specialArgs ? { },
      class ? null,
    }@args:
    evalWith "" modules specialArgs
    // {
      _type = "configuration";
      inherit class;
      extendModules = more: evalModules (args // { modules = modules ++ more.modules; });
    };

  evalWith =
    prefix: modules: specialArgs:
    let
      at = name: if prefix == "" then name else "${prefix}.${name}";
      load =
        module:
        let
          value = if isPath module || isString module then import module else module;
          # As nixpkgs does it: exactly the arguments that are named, each looked up when it is used,
          # and the defaults of the function never.
          set =
            if isFunction value then
              value (mapAttrs (n: _: known.${n} or moduleArgs.${n}) (builtins.functionArgs value))
            else
              value;
          structured = set ? options || set ? config;
        in
        concatMap load (set.imports or [ ])
        ++ [
          {
            options = set.options or { };
            config = if structured then set.config or { } else builtins.removeAttrs set [ "_class" "_file" "imports" ];
          }
        ];
      known = {
        inherit config options;
        lib = import ./lib.nix;
      }
      // specialArgs;
      loaded = concatMap load modules;
      # A set of options is a submodule here, under its name.
      options = mapAttrs (
        _: o:
        if o ? type then
          o
        else
          {
            type = types.submodule { options = o; };
            default = { };
          }
      ) (foldl' (all: m: all // m.options) { } loaded);
      definitions = zip (map (m: builtins.removeAttrs m.config [ "_module" ]) loaded);
      moduleArgs = foldl' (all: m: all // (m.config._module.args or { })) { } loaded;
      unknown = filter (n: !(hasAttr n options)) (attrNames definitions);
      config = mapAttrs (
        name: option:
        let
          defs = definitions.${name} or [ ];
        in
        if defs != [ ] then
          mergeValue (at name) option.type (
            defs ++ optional (option ? default && elem option.type.name [ "attrsOf" "listOf" ]) (mkDefault option.default)
          )
        else if option ? default then
          (if option.type.name or "" == "submodule" then option.type.merge (at name) [ option.default ] else option.default)
        else
          throw "The option `${at name}' was accessed but has no value defined. Try setting the option."
      ) options;
    in
    {
      inherit options;
      config =
        if unknown != [ ] then
          throw "The option `${at (head unknown)}' does not exist."
        else
          config;
    };
}
