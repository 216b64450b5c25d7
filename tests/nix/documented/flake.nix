# SPDX-License-Identifier: MIT
#
# A flake in the form that users of the documented mkGuest have; only the address is another.
{
  inputs = {
    mvm.url = "git+https://example.org/mvm-init?dir=nix";
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";
  };

  outputs =
    { mvm, nixpkgs, ... }:
    let
      system = "aarch64-linux";
      pkgs = import nixpkgs { inherit system; };
      inherit (mvm.lib.${system}) mkGuest mkPythonService mkStaticSite;

      api = mkPythonService {
        name = "my-api";
        src = ./.;
        pythonPackages = ps: [ ps.flask ];
        entrypoint = "app/main.py";
        port = 8080;
        env = {
          WORKERS = "2";
        };
      };
      site = mkStaticSite {
        name = "docs";
        src = ./.;
        port = 8080;
      };
    in
    {
      packages.${system} = {
        default = mkGuest {
          name = "my-app";
          packages = [ pkgs.curl ];
          services.my-app = {
            command = "${pkgs.python3}/bin/python3 -m http.server 8080";
          };
          healthChecks.my-app = {
            healthCmd = "${pkgs.curl}/bin/curl -sf http://localhost:8080/";
            healthIntervalSecs = 5;
          };
        };

        options = mkGuest {
          name = "my-app";
          serviceGroup = "mvm";
          rootfsType = "squashfs";
          users.app = {
            uid = 1000;
            group = "app";
            home = "/home/app";
          };
          services.my-app = {
            preStart = "mkdir -p /tmp/data";
            command = "${pkgs.nodejs_22}/bin/node /app/server.js";
            env = {
              PORT = "8080";
              NODE_ENV = "production";
            };
            user = "app";
            logFile = "/var/log/my-app.log";
          };
          healthChecks.my-app = {
            healthCmd = "${pkgs.curl}/bin/curl -sf http://localhost:8080/health";
            healthIntervalSecs = 10;
            healthTimeoutSecs = 5;
          };
        };

        python = mkGuest {
          name = "my-api";
          packages = [ api.package ];
          services.app = api.service;
          healthChecks.app = api.healthCheck;
        };

        static = mkGuest {
          name = "docs";
          packages = [ site.package ];
          services.www = site.service;
          healthChecks.www = site.healthCheck;
        };

        # Scripts, a check with shell syntax, and a home outside /home.
        scripts = mkGuest {
          name = "db";
          packages = [ pkgs.bash ];
          users.db.home = "/var/lib/db";
          services.db = {
            preStart = pkgs.writeShellScript "setup" "mount -t tmpfs tmpfs /var/lib/db";
            command = pkgs.writeShellScript "start" "exec sleep 1000";
            user = "db";
          };
          healthChecks.db.healthCmd = "grep -q ':0C1C ' /proc/net/tcp 2>/dev/null || grep -q ':0C1C ' /proc/net/tcp6";
        };
      };
    };
}
