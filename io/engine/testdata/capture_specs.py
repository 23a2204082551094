#!/usr/bin/env python3
"""Writes down what an engine really hands to its OCI runtime and keeps of a container, as fixtures.

    capture_specs.py --socket SOCKET --data-root DIR --exec-root DIR --image NAME --out specs

Runs the cases below with an engine that may be thrown away and that has an image whose command sleeps for ever.
Of each it keeps `<case>.json` (the runtime's config.json), of some also `<case>.config.v2.json` and
`<case>.hostconfig.json`, the engine's own files.
The engine's folders are written as /srv/engine/data and /srv/engine/exec, ids and names of the host's devices are
kept, system calls are cut to two.
"""

import argparse
import json
import os
import subprocess

CASES = {
    "plain": [],
    "volumes": ["-v", "data:/data", "-v", "/cache", "--tmpfs", "/scratch", "--tmpfs", "/programs:exec", "--mount",
                "type=volume,source=data,target=/data2,readonly", "--mount", "type=tmpfs,target=/scratch2",
                "-p", "127.0.0.1:18080:80"],
    "bind": ["-v", "/etc:/host:ro", "-v", "/srv:/srv"],
    "namespaces": ["--network", "host", "--pid", "host", "--ipc", "host", "--uts", "host", "--cgroupns", "host"],
    "private-cgroupns": ["--cgroupns", "private"],
    "capabilities": ["--cap-add", "NET_ADMIN", "--cap-drop", "NET_RAW"],
    "all-capabilities": ["--cap-add", "ALL"],
    "unconfined": ["--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined", "--security-opt",
                   "apparmor=unconfined"],
    "own-seccomp": ["--security-opt", "seccomp=SECCOMP"],
    "device": ["--device", "/dev/null:/dev/xnull", "--device", "/dev/loop-control:/dev/fuse", "--device-cgroup-rule", "b 7:* rwm"],
    "sysctl": ["--sysctl", "net.ipv4.ip_forward=1", "--user", "0", "--group-add", "5"],
    "privileged": ["--privileged"],
    "joined": ["--network", "container:plain", "--pid", "container:plain"],
    "shareable": ["--ipc", "shareable"],
    "joined-ipc": ["--ipc", "container:shareable"],
    "limits": ["--read-only", "--init", "-m", "64m", "--pids-limit", "10", "--cpus", "0.5", "--ulimit", "nofile=100",
               "--security-opt", "no-new-privileges", "--cap-drop", "ALL", "--oom-score-adj", "500"],
    "oom": ["--oom-kill-disable", "-m", "64m"],
    "cgroup-parent": ["--cgroup-parent", "/elsewhere"],
    "bound-volume": ["--mount", "type=volume,source=bound,target=/host,volume-driver=local,volume-opt=type=none,"
                     "volume-opt=o=bind,volume-opt=device=/etc"],
}

ENGINE_FILES = ["plain", "own-seccomp", "unconfined", "privileged", "volumes"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["socket", "data-root", "exec-root", "image", "out"]:
        arguments.add_argument("--" + name, required=True)
    arguments = arguments.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    docker = ["docker", "-H", "unix://" + arguments.socket]
    profile = os.path.join(arguments.out, "profile.tmp")
    with open(profile, "w") as file:
        json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}, file)

    def keep(source, name):
        with open(source) as file:
            text = file.read().replace(arguments.data_root, "/srv/engine/data").replace(arguments.exec_root, "/srv/engine/exec")
        value = json.loads(text)
        linux = value.get("linux", {})
        if "syscalls" in (linux.get("seccomp") or {}):
            linux["seccomp"]["syscalls"] = linux["seccomp"]["syscalls"][:2]
        if len(linux.get("devices") or []) > 5:
            linux["devices"] = linux["devices"][:5]
        with open(os.path.join(arguments.out, name), "w") as file:
            json.dump(value, file, indent=1)
            file.write("\n")

    subprocess.run([*docker, "volume", "create", "data"], check=True, stdout=subprocess.DEVNULL)
    for case, words in CASES.items():
        words = [word.replace("SECCOMP", profile) for word in words]
        subprocess.run([*docker, "rm", "-f", case], capture_output=True)
        ran = subprocess.run([*docker, "run", "-d", "--name", case, *words, arguments.image], capture_output=True, text=True)
        container = subprocess.run([*docker, "inspect", "-f", "{{.Id}}", case], check=True, capture_output=True, text=True).stdout.strip()
        bundle = os.path.join(arguments.exec_root, "containerd/daemon/io.containerd.runtime.v2.task/moby", container, "config.json")
        if os.path.exists(bundle):
            keep(bundle, case + ".json")
        else:
            print(f"{case}: no configuration: {ran.stderr.strip().splitlines()[-1:]}")
        folder = os.path.join(arguments.data_root, "containers", container)
        if case not in ENGINE_FILES:
            continue
        keep(os.path.join(folder, "config.v2.json"), case + ".config.v2.json")
        keep(os.path.join(folder, "hostconfig.json"), case + ".hostconfig.json")
    os.remove(profile)
    subprocess.run([*docker, "rm", "-f", *CASES], capture_output=True)


if __name__ == "__main__":
    main()
