#!/usr/bin/env python3
"""Writes down what Docker command lines really send, as fixtures for the request decoder.

    capture.py --cli /usr/bin/docker --api 1.41 --out requests/cli-20.10-api-1.41.jsonl

Starts a tiny HTTP server on a Unix socket that answers like an engine of the given API version, runs the
command line once for each case below, and writes one JSON object a line:

    {"case", "method", "uri", "content_type", "body"}

`body` is what the engine would hand to an authorization plugin: the bytes of an `application/json` request,
absent for every other content type. Nothing is run and nothing is contacted but that socket.
"""

import argparse
import json
import os
import pty
import socketserver
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler

ID = "0123456789abcdef" * 4
SECCOMP = '{"defaultAction":"SCMP_ACT_ALLOW"}'

RUN = {
    "run-plain": ["r.example/shop:v1"],
    "run-foreground": ["--rm", "-i", "-t", "r.example/shop:v1", "sh"],
    "run-detached": ["-d", "--name", "shop", "-p", "127.0.0.1:8080:80", "-p", "8443:443/tcp", "-p", "53:53/udp",
                     "--restart", "unless-stopped", "--network", "front", "--network-alias", "shop", "--ip", "10.9.0.7",
                     "-e", "COLOUR=blue", "-l", "team=shop", "-h", "shop", "--domainname", "example", "-w", "/srv",
                     "-u", "1000:1000", "--read-only", "--init", "--tmpfs", "/tmp:size=16m", "-v", "data:/data",
                     "-v", "/cache", "--entrypoint", "/bin/app", "r.example/shop:v1", "serve", "--port", "80"],
    "run-limits": ["-d", "-m", "64m", "--memory-reservation", "32m", "--memory-swap", "128m", "--memory-swappiness", "10",
                   "--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0", "--cpuset-mems", "0", "--pids-limit", "100",
                   "--blkio-weight", "300", "--blkio-weight-device", "/dev/vda:200", "--device-read-bps", "/dev/vda:1mb",
                   "--device-write-bps", "/dev/vda:1mb", "--device-read-iops", "/dev/vda:100",
                   "--device-write-iops", "/dev/vda:100", "--ulimit", "nofile=1024:2048", "--shm-size", "32m",
                   "--stop-signal", "SIGINT", "--stop-timeout", "3", "--oom-score-adj", "500", "shop"],
    "run-cpu-quota": ["-d", "--cpu-period", "100000", "--cpu-quota", "50000", "--cpu-rt-period", "1000", "--cpu-rt-runtime", "500", "shop"],
    "run-names": ["-d", "--dns", "9.9.9.9", "--dns-option", "ndots:2", "--dns-search", "example", "--add-host", "db:10.0.0.2",
                  "--link", "db:db", "--expose", "9000", "-P", "--group-add", "audio",
                  "--log-driver", "json-file", "--log-opt", "max-size=1m", "shop"],
    "run-mac-address": ["-d", "--mac-address", "02:42:ac:11:00:02", "shop"],
    "run-health": ["-d", "--health-cmd", "/bin/check", "--health-interval", "2s", "--health-retries", "3",
                   "--health-start-period", "1s", "--health-timeout", "1s", "shop"],
    "run-no-health": ["-d", "--no-healthcheck", "shop"],
    "run-drop": ["-d", "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--security-opt", "no-new-privileges", "shop"],
    "run-local-seccomp": ["-d", "--security-opt", "seccomp=SECCOMP_FILE", "shop"],
    "run-mount-volume": ["-d", "--mount", "type=volume,source=data,target=/data,readonly,volume-nocopy", "--mount",
                         "type=tmpfs,target=/scratch,tmpfs-size=1048576,tmpfs-mode=1770", "shop"],
    "run-digest": ["-d", "r.example/shop@sha256:" + "a" * 64],
    "run-platform": ["-d", "--platform", "linux/amd64", "shop"],
    "danger-privileged": ["-d", "--privileged", "shop"],
    "danger-bind-root": ["-d", "-v", "/:/host", "shop"],
    "danger-bind-read-only": ["-d", "-v", "/etc:/host-etc:ro,rslave", "shop"],
    "danger-bind-mount": ["-d", "--mount", "type=bind,source=/,target=/host,bind-propagation=rshared", "shop"],
    "danger-engine-socket": ["-d", "-v", "/var/run/docker.sock:/var/run/docker.sock", "shop"],
    "danger-volume-as-bind": ["-d", "--mount",
                              "type=volume,source=v,target=/host,volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/",
                              "shop"],
    "danger-volume-driver": ["-d", "--volume-driver", "netshare", "-v", "data:/data", "shop"],
    "danger-volumes-from": ["-d", "--volumes-from", "other:ro", "shop"],
    "danger-cap-all": ["-d", "--cap-add", "ALL", "shop"],
    "danger-cap-sys-admin": ["-d", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "net_admin", "shop"],
    "danger-namespaces": ["-d", "--pid", "host", "--ipc", "host", "--network", "host", "--uts", "host", "--userns", "host", "shop"],
    "danger-cgroupns": ["-d", "--cgroupns", "host", "shop"],
    "danger-join": ["-d", "--network", "container:other", "--pid", "container:other", "--ipc", "container:other", "shop"],
    "run-ipc-shareable": ["-d", "--ipc", "shareable", "shop"],
    "danger-device": ["-d", "--device", "/dev/vda:/dev/xvda:rwm", "shop"],
    "danger-device-rule": ["-d", "--device-cgroup-rule", "b 253:* rwm", "shop"],
    "danger-gpus": ["-d", "--gpus", "all", "shop"],
    "danger-unconfined": ["-d", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
                          "--security-opt", "label=disable", "--security-opt", "systempaths=unconfined", "shop"],
    "danger-sysctl": ["-d", "--sysctl", "net.ipv4.ip_forward=1", "shop"],
    "danger-cgroup-parent": ["-d", "--cgroup-parent", "/elsewhere", "shop"],
    "danger-runtime": ["-d", "--runtime", "io.containerd.runc.v2", "shop"],
    "danger-oom": ["-d", "--oom-kill-disable", "-m", "64m", "shop"],
    "danger-oom-score": ["-d", "--oom-score-adj", "-900", "shop"],
    "run-storage": ["-d", "--storage-opt", "size=1G", "shop"],
}

NEW_RUN = {
    "run-annotation": ["-d", "--annotation", "team=shop", "shop"],
    "run-start-interval": ["-d", "--health-cmd", "x", "--health-start-interval", "1s", "shop"],
    "run-two-networks": ["-d", "--network", "name=front,alias=shop,driver-opt=com.example.key=value", "--network", "back", "shop"],
    "run-bind-recursive": ["-d", "--mount", "type=bind,source=/srv/shop,target=/srv,readonly,bind-propagation=rprivate,bind-recursive=readonly", "shop"],
    "run-volume-subpath": ["-d", "--mount", "type=volume,source=data,target=/data,volume-subpath=part", "shop"],
    "run-image-mount": ["-d", "--mount", "type=image,source=other,target=/tools", "shop"],
    "run-network-mac": ["-d", "--network", "name=front,mac-address=02:42:ac:11:00:02", "shop"],
    "danger-api-socket": ["-d", "--use-api-socket", "shop"],
}

OTHER = {
    "create": ["create", "--name", "shop", "shop"],
    "start": ["start", "shop"],
    "start-attach": ["start", "-a", "-i", "shop"],
    "start-checkpoint": ["start", "--checkpoint", "cp", "shop"],
    "stop": ["stop", "-t", "3", "shop"],
    "restart": ["restart", "-t", "3", "shop"],
    "kill": ["kill", "-s", "HUP", "shop"],
    "pause": ["pause", "shop"],
    "unpause": ["unpause", "shop"],
    "rm": ["rm", "-f", "-v", "shop"],
    "rename": ["rename", "shop", "shop-2"],
    "update": ["update", "--memory", "128m", "--restart", "no", "shop"],
    "exec": ["exec", "shop", "id"],
    "exec-detached": ["exec", "-d", "shop", "id"],
    "exec-login": ["exec", "-i", "-t", "-u", "0", "--privileged", "-e", "A=b", "-w", "/", "shop", "sh"],
    "attach": ["attach", "shop"],
    "attach-no-stdin": ["attach", "--no-stdin", "shop"],
    "logs": ["logs", "--tail", "3", "shop"],
    "top": ["top", "shop"],
    "stats": ["stats", "--no-stream", "shop"],
    "port": ["port", "shop"],
    "diff": ["diff", "shop"],
    "wait": ["wait", "shop"],
    "inspect": ["inspect", "shop"],
    "ps": ["ps", "-a", "--filter", "name=shop"],
    "export": ["export", "-o", "OUTPUT_FILE", "shop"],
    "cp-out": ["cp", "shop:/etc/hostname", "OUTPUT_FILE"],
    "cp-in": ["cp", "INPUT_FILE", "shop:/tmp/x"],
    "commit": ["commit", "-m", "x", "-c", "ENV A=b", "shop", "shop:v2"],
    "checkpoint": ["checkpoint", "create", "shop", "cp"],
    "container-prune": ["container", "prune", "-f"],
    "images": ["images"],
    "image-inspect": ["image", "inspect", "shop"],
    "history": ["history", "shop"],
    "pull": ["pull", "r.example/shop:v1"],
    "push": ["push", "r.example/shop:v1"],
    "tag": ["tag", "shop", "r.example/shop:v1"],
    "rmi": ["rmi", "shop"],
    "image-prune": ["image", "prune", "-f"],
    "save": ["save", "-o", "OUTPUT_FILE", "shop", "other"],
    "load": ["load", "-i", "INPUT_FILE"],
    "import": ["import", "INPUT_FILE", "shop:v3"],
    "search": ["search", "shop"],
    "build": ["build", "-t", "shop:v4", "CONTEXT"],
    "builder-prune": ["builder", "prune", "-f"],
    "volume-create": ["volume", "create", "data"],
    "volume-create-bind": ["volume", "create", "-d", "local", "-o", "type=none", "-o", "o=bind", "-o", "device=/", "--label", "a=b", "v"],
    "volume-create-driver": ["volume", "create", "-d", "netshare", "v"],
    "volume-ls": ["volume", "ls"],
    "volume-inspect": ["volume", "inspect", "data"],
    "volume-rm": ["volume", "rm", "data"],
    "volume-prune": ["volume", "prune", "-f"],
    "network-create": ["network", "create", "front"],
    "network-create-macvlan": ["network", "create", "-d", "macvlan", "-o", "parent=eth0", "--subnet", "10.0.0.0/24",
                               "--gateway", "10.0.0.1", "--ip-range", "10.0.0.128/25", "--aux-address", "a=10.0.0.9",
                               "--ipam-opt", "x=y", "--internal", "--attachable", "--ipv6", "--label", "a=b", "outside"],
    "network-connect": ["network", "connect", "--alias", "db", "--ip", "10.9.0.9", "--link", "x:y", "front", "shop"],
    "network-disconnect": ["network", "disconnect", "-f", "front", "shop"],
    "network-ls": ["network", "ls"],
    "network-inspect": ["network", "inspect", "front"],
    "network-rm": ["network", "rm", "front"],
    "network-prune": ["network", "prune", "-f"],
    "plugin-ls": ["plugin", "ls"],
    "plugin-install": ["plugin", "install", "--disable", "--grant-all-permissions", "r.example/plugin:v1"],
    "plugin-enable": ["plugin", "enable", "p"],
    "swarm-init": ["swarm", "init"],
    "swarm-join": ["swarm", "join", "--token", "x", "10.0.0.1:2377"],
    "service-create": ["service", "create", "--no-resolve-image", "-d", "--name", "shop", "shop"],
    "secret-create": ["secret", "create", "s", "INPUT_FILE"],
    "config-create": ["config", "create", "c", "INPUT_FILE"],
    "node-ls": ["node", "ls"],
    "info": ["info"],
    "version": ["version"],
    "events": ["events", "--since", "1", "--until", "2"],
    "system-df": ["system", "df"],
    "system-prune": ["system", "prune", "-f", "-a", "--volumes"],
    "login": ["login", "-u", "u", "-p", "p", "r.example"],
}


class Engine(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api = "1.41"
    seen = []

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            whole = b""
            while True:
                size = int(self.rfile.readline().strip() or b"0", 16)
                whole += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return whole
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status, value=None):
        data = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Api-Version", self.api)
        self.send_header("Ostype", "linux")
        self.send_header("Docker-Experimental", "true")
        self.send_header("Server", "Docker/0 (linux)")
        if status not in (204, 304):
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(data)

    def upgrade(self):
        self.send_response(101, "UPGRADED")
        self.send_header("Content-Type", "application/vnd.docker.raw-stream")
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "tcp")
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True

    def handle_any(self):
        path, _, _ = self.path.partition("?")
        if path.startswith("/v1."):
            path = path[path.index("/", 1):]
        upgrading = "upgrade" in self.headers.get("Connection", "").lower()
        is_tunnel = upgrading and path in ("/session", "/grpc")
        body = b"" if is_tunnel else self.body()
        if path != "/_ping":
            content_type = self.headers.get("Content-Type")
            is_json = (content_type or "").split(";")[0].strip() == "application/json"
            self.seen.append({"method": self.command, "uri": self.path, "content_type": content_type,
                              "body": body.decode() if is_json and body and path != "/auth" else None})
        if path == "/_ping":
            return self.answer(200)
        if upgrading:
            return self.upgrade()
        state = {"Status": "exited", "Running": False, "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z"}
        network = {"Name": "front", "Id": ID, "Scope": "local", "Driver": "bridge"}
        if self.command == "POST":
            if path in ("/containers/create", "/networks/create") or path.endswith("/exec"):
                return self.answer(201, {"Id": ID, "ID": ID, "Warnings": []})
            if path == "/volumes/create":
                return self.answer(201, {"Name": "v", "Driver": "local", "Mountpoint": "/x"})
            if path.endswith("/wait"):
                return self.answer(200, {"StatusCode": 0})
            if path.endswith("/update"):
                return self.answer(200, {"Warnings": []})
            if path == "/commit" or path == "/services/create" or path in ("/secrets/create", "/configs/create"):
                return self.answer(201, {"Id": ID, "ID": ID})
            if path == "/swarm/init":
                return self.answer(200, ID)
            if path == "/auth":
                return self.answer(200, {"Status": "Login Succeeded"})
            if path.startswith("/images/") or path in ("/build",) or path.endswith("/prune"):
                return self.answer(200, {"stream": "ok"})
            if path == "/plugins/pull":
                return self.answer(200, {"status": "ok"})
            return self.answer(204)
        if self.command == "DELETE":
            return self.answer(200, []) if path.startswith("/images/") else self.answer(204)
        if path.startswith("/containers/") and path.endswith("/json") and path != "/containers/json":
            return self.answer(200, {"Id": ID, "Name": "/shop", "State": {**state, "Running": True, "Status": "running"},
                                     "Config": {"Tty": False, "OpenStdin": True, "Labels": {}},
                                     "HostConfig": {"LogConfig": {"Type": "json-file"}},
                                     "NetworkSettings": {"Ports": {}}})
        if path.startswith("/exec/"):
            return self.answer(200, {"ID": ID, "Running": False, "ExitCode": 0})
        if path in ("/containers/json", "/images/json", "/networks", "/plugins", "/nodes", "/images/search") or path.endswith("/history") or path.endswith("/changes"):
            return self.answer(200, [])
        if path == "/plugins/privileges":
            return self.answer(200, [])
        if path.startswith("/networks/"):
            return self.answer(200, network)
        if path == "/volumes":
            return self.answer(200, {"Volumes": []})
        if path.endswith("/top"):
            return self.answer(200, {"Titles": ["PID"], "Processes": []})
        if path.endswith("/archive") or path.endswith("/export") or path.endswith("/get"):
            return self.answer(404, {"message": "nothing here"})
        if path.endswith("/json"):
            return self.answer(200, {"Id": "sha256:" + ID, "RepoTags": ["shop:latest"], "Os": "linux", "Architecture": "amd64"})
        return self.answer(200, {})

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Command lines hang up as they please."""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cli", required=True)
    arguments.add_argument("--api", required=True)
    arguments.add_argument("--out", required=True)
    arguments = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "SECCOMP_FILE": os.path.join(folder, "seccomp.json"),
            "INPUT_FILE": os.path.join(folder, "input"),
            "OUTPUT_FILE": os.path.join(folder, "output"),
            "CONTEXT": os.path.join(folder, "context"),
        }
        with open(files["SECCOMP_FILE"], "w") as file:
            file.write(SECCOMP)
        with open(files["INPUT_FILE"], "w") as file:
            file.write("input")
        os.mkdir(files["CONTEXT"])
        with open(os.path.join(files["CONTEXT"], "Dockerfile"), "w") as file:
            file.write("FROM scratch\n")
        socket = os.path.join(folder, "engine.sock")
        Engine.api = arguments.api
        server = Server(socket, Engine)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {"PATH": "/usr/bin:/bin", "HOME": folder, "DOCKER_HOST": "unix://" + socket, "DOCKER_BUILDKIT": "0",
                       "DOCKER_API_VERSION": arguments.api}
        cases = {case: ["run", *words] for case, words in RUN.items()}
        if arguments.api != "1.41":
            cases |= {case: ["run", *words] for case, words in NEW_RUN.items()}
        cases |= OTHER
        cases["build-kit"] = ["build", "CONTEXT"]
        with open(arguments.out, "w") as out:
            for case, words in cases.items():
                Engine.seen = []
                for name, path in files.items():
                    words = [word.replace(name, path) for word in words]
                kit = {"DOCKER_BUILDKIT": "1"} if case == "build-kit" else {}
                terminal, inside = pty.openpty() if "-t" in words and words[0] == "run" else (None, subprocess.DEVNULL)
                try:
                    done = subprocess.run([arguments.cli, *words], env=environment | kit, stdin=inside,
                                          stdout=inside if terminal else subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=10)
                    said = done.stderr.decode().strip().splitlines()
                except subprocess.TimeoutExpired:
                    said = ["timed out"]
                if not Engine.seen:
                    print(f"{case}: sent nothing: {said[:1]}")
                for request in Engine.seen:
                    line = json.dumps({"case": case, **request}, ensure_ascii=False).replace(folder, "/folder")
                    out.write(line + "\n")
        server.shutdown()


if __name__ == "__main__":
    main()
