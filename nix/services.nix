# SPDX-License-Identifier: MIT
#
# Services for common kinds of programs. Each function returns { package; service; healthCheck; },
# for mkGuest's packages, services.<n> and healthChecks.<n>:
#
#   let site = mkStaticSite { name = "docs"; src = ./public; };
#   in mkGuest {
#     name = "docs";
#     packages = [ site.package ];
#     services.www = site.service;
#     healthChecks.www = site.healthCheck;
#   }
#
# A service runs as its own user with the service's name, which mkGuest defines if `users` does not.
# No command uses shell syntax, so no shell is needed.
{ pkgs }:
let
  inherit (pkgs) lib;
  inherit (pkgs.pkgsStatic) busybox;
  inherit (import ./lib/text.nix) isName show;

  # A port as /proc/net/tcp shows it: four digits, upper case, base 16.
  hexPort =
    port:
    let
      digit = n: builtins.substring n 1 "0123456789ABCDEF";
      modulo = n: d: n - n / d * d;
    in
    lib.concatStrings (
      map (unit: digit (modulo (port / unit) 16)) [
        4096
        256
        16
        1
      ]
    );

  checkPort =
    function: port:
    if builtins.isInt port && port >= 1 && port <= 65535 then
      port
    else
      throw "${function}: port: expected an integer from 1 to 65535, got ${show port}${
        if isName "[0-9]+" port then "; write it without quotes" else ""
      }";

  # Something listens on the port: its line has no peer, and state 0A (LISTEN).
  listens = port: {
    healthCmd = "${busybox}/bin/busybox grep -q ':${hexPort port} 0*:0000 0A ' /proc/net/tcp /proc/net/tcp6";
    healthIntervalSecs = 10;
    healthTimeoutSecs = 5;
  };

  ownUser =
    user:
    {
      inherit user;
      createUser = true;
    };
in
{
  inherit hexPort;

  /*
    A Node.js program that is built with npm.

    name          name of the package and of the user
    src           the sources, with package.json and package-lock.json
    npmHash       hash of the packages in package-lock.json (npmDepsHash of buildNpmPackage); set it
                  to "" and build to be told the right one. null: there are none, and npm is not run
    buildPhase    shell commands that build the program; the default runs the TypeScript compiler,
                  or nothing where npmHash is null. $TSC and $VITE are the compiler and the bundler,
                  where installed
    entrypoint    program to run, relative to `src` as built
    port          TCP port that it listens on
    env, user     environment and user of the service
    nodejs        the Node.js to build and run with
    pruneDevDeps  leave development dependencies out of the package
  */
  mkNodeService =
    {
      name,
      src,
      npmHash,
      entrypoint,
      port,
      buildPhase ? if npmHash == null then "" else ''node "$TSC"'',
      env ? { },
      user ? name,
      nodejs ? pkgs.nodejs_22,
      pruneDevDeps ? true,
    }:
    let
      plain = pkgs.stdenvNoCC.mkDerivation {
        inherit name src buildPhase;
        nativeBuildInputs = [ nodejs ];
        installPhase = ''cp -R . "$out"'';
      };
      package = if npmHash == null then plain else npmPackage;
      npmPackage = pkgs.buildNpmPackage {
        pname = name;
        version = "0";
        inherit src nodejs;
        npmDepsHash = npmHash;
        dontNpmBuild = true;
        buildPhase = ''
          runHook preBuild
          TSC=$PWD/node_modules/typescript/bin/tsc
          VITE=$PWD/node_modules/vite/bin/vite.js
          ${buildPhase}
          runHook postBuild
        '';
        # The whole tree, not the subset that `npm pack` would publish.
        installPhase = ''
          runHook preInstall
          ${lib.optionalString pruneDevDeps "npm prune --omit=dev --no-save --ignore-scripts"}
          mkdir -p "$out"
          cp -R . "$out"
          runHook postInstall
        '';
      };
    in
    builtins.seq (checkPort "mkNodeService" port) {
      inherit package;
      service = {
        command = "${nodejs}/bin/node ${package}/${entrypoint}";
        env = {
          NODE_ENV = "production";
        }
        // env;
      }
      // ownUser user;
      healthCheck = listens port;
    };

  /*
    A Python program with packages from nixpkgs.

    name            name of the package and of the user
    src             directory with the program
    entrypoint      program to run, relative to `src`
    port            TCP port that it listens on
    pythonPackages  ps: [ ps.flask ... ]
    env, user       environment and user of the service
    python          the Python to run with
  */
  mkPythonService =
    {
      name,
      src,
      entrypoint,
      port,
      pythonPackages ? (_: [ ]),
      env ? { },
      user ? name,
      python ? pkgs.python3,
    }:
    let
      package = pkgs.runCommand name { inherit src; } ''cp -R "$src" "$out"'';
      # Without packages, plain Python is enough; no environment is needed.
      interpreter =
        if pythonPackages python.pkgs == [ ] then python else python.withPackages pythonPackages;
    in
    builtins.seq (checkPort "mkPythonService" port) {
      inherit package;
      service = {
        command = "${interpreter}/bin/python3 ${package}/${entrypoint}";
        env = {
          PYTHONUNBUFFERED = "1";
        }
        // env;
      }
      // ownUser user;
      healthCheck = listens port;
    };

  /*
    Static files, served by busybox.

    name  name of the package and of the user
    src   directory with the files
    port  TCP port
    user  user of the service
  */
  mkStaticSite =
    {
      name,
      src,
      port ? 8080,
      user ? name,
    }:
    let
      package = pkgs.runCommand name { inherit src; } ''cp -R "$src" "$out"'';
    in
    builtins.seq (checkPort "mkStaticSite" port) {
      inherit package;
      service = {
        command = "${busybox}/bin/busybox httpd -f -p ${toString port} -h ${package}";
      }
      // ownUser user;
      healthCheck = listens port;
    };
}
