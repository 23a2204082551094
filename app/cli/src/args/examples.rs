//! What `--help` teaches by example.

pub(super) const SCAN: &str = "\
Examples:
  lazaret scan docker:shop:1                        an image of this machine's Docker
  lazaret scan registry.example/shop:1              of a registry, nothing is pulled to disk
  lazaret scan shop.tar app/ rootfs:/               several targets at once: archive, directory, this host
  lazaret scan --fail-on high,exploited shop:1      exit code 1 in a pipeline
  lazaret scan --fail-on any --only-fixed shop:1    only what an upgrade removes
  lazaret scan --format sarif --out shop.sarif shop:1
  lazaret scan --ignore accepted.yaml --vex vendor.vex.json shop:1
  lazaret scan --mirror docker.io=mirror.example --ca-file corporate.pem debian:12

An entry of an ignore file needs `id`, `reason` and `expires`. --help has all options, -h the usual ones.";

pub(super) const SBOM: &str = "\
Examples:
  lazaret sbom docker:shop:1 --out shop.cdx.json    CycloneDX 1.6
  lazaret sbom --format spdx registry.example/shop:1
  lazaret sbom --format github . --commit $(git rev-parse HEAD) --ref refs/heads/main --job 1 --correlator build
  lazaret scan sbom:shop.cdx.json                   the same findings as a scan of the image, without the image";

pub(super) const DB: &str = "\
Examples:
  lazaret db update                                 from the mirrors that apt, yum, dnf and zypper use anyway
  lazaret db import all.zip epss_scores-current.csv.gz known_exploited_vulnerabilities.json
  lazaret db push registry.example/lazaret/db:latest --key lazaret.key
  lazaret db pull registry.example/lazaret/db:latest --key lazaret.pub";

pub(super) const KEY: &str = "\
Example:
  lazaret key generate --out keys                   keys/lazaret.key signs, keys/lazaret.pub verifies";

pub(super) const SIGN: &str = "\
Example:
  lazaret sign registry.example/shop@sha256:… --key keys/lazaret.key";

pub(super) const ATTEST: &str = "\
Example:
  lazaret attest registry.example/shop@sha256:… --key keys/lazaret.key --policy policy.yaml";

pub(super) const PROMOTE: &str = "\
Example:
  lazaret promote registry.example/shop@sha256:… --to production --key keys/lazaret.key";

pub(super) const POLICY: &str = "\
Examples:
  lazaret policy sample > policy.yaml
  lazaret policy check policy.yaml
  lazaret policy push policy.yaml";

pub(super) const PROFILE: &str = "\
Examples:
  lazaret profile show docker:shop:1 > shop.yaml    what the image says of itself, before it ever ran
  lazaret profile diff shop.yaml docker:shop:2      what a new build may do more, or no longer
  lazaret profile inherit shop.yaml docker:shop:2   what the new build begins with
  lazaret profile export shop.yaml --as seccomp     for those who enforce without Lazaret
  lazaret profile learn registry.example/shop@sha256:… --wait
  lazaret profile promote registry.example/shop@sha256:… --key keys/lazaret.key --drop all --mode network=block
  lazaret profile promote registry.example/shop@sha256:…2 --from registry.example/shop@sha256:… --key keys/lazaret.key
  lazaret profile test registry.example/shop@sha256:… --profile shop.yaml";

pub(super) const PS: &str = "\
Examples:
  lazaret ps                                        what runs
  lazaret ps --all --format json                    what ran, too";

pub(super) const EVENTS: &str = "\
Examples:
  lazaret events --follow
  lazaret events --since 1200 --format json";

pub(super) const AFFECTED: &str = "\
Examples:
  lazaret affected CVE-2021-44228
  lazaret affected GHSA-jfh8-c2jp-5v3q --format json

in use: its programs were executed, or its libraries mapped, in containers that an agent admitted.
not seen: none was, in containers that were watched from their start and for long enough.
unknown: nobody could tell, and why. What interpreters only read is never seen: modules of Python, JavaScript.";

pub(super) const FINDINGS: &str = "\
Examples:
  lazaret findings                                  what is in use first, then by severity
  lazaret findings --image sha256:… --observed 7d --format json

`lazaret affected --help` says what in use, not seen and unknown mean.";

pub(super) const ADVISORY: &str = "\
Example:
  lazaret advisory import GHSA-jfh8-c2jp-5v3q.json  who is affected, at once";

pub(super) const REPLACE: &str = "\
Example:
  lazaret replace shop --with registry.example/shop@sha256:… --health-timeout 120";

pub(super) const BREAK_GLASS: &str = "\
Examples:
  lazaret break-glass open shop --host rack-7 --reason \"orders hang, ticket 4711\" --for 30m
  docker exec -it shop sh                           on that host, while it is open
  lazaret break-glass show glass-0123456789abcdef   who came in, which commands, what deviated, the end
  lazaret break-glass close glass-0123456789abcdef

It lets `docker exec` and `docker attach` through, for this one container, and nothing else: no --privileged, no copying,
no changes. What blocks programs, files and peers goes on doing so in a session. Every program that a session starts is
recorded with its arguments, which may hold secrets: give those on standard input. What is typed into the container's own
program (`docker attach`) is not seen. The host ends it by its own clock, also when the server is away.";

pub(super) const EXPLAIN: &str = "\
Examples:
  lazaret explain shop                              why it was let in: scan, verdict, signatures, promotion
  lazaret explain sha256:…";

pub(super) const AUDIT: &str = "\
Examples:
  lazaret audit verify --log-key log.pub
  lazaret audit export --out audit.lzlog && lazaret audit verify --file audit.lzlog --log-key log.pub";

pub(super) const DOCTOR: &str = "\
Examples:
  lazaret doctor
  lazaret doctor --config /etc/lazaret/agent.yaml --format json";

pub(super) const TOKEN: &str = "\
Example:
  lazaret token create --kind enrolment --name rack-7 --lifetime 3600";

pub(super) const SERVE: &str = "\
Example:
  lazaret serve --state /var/lib/lazaret/server --trusted-key keys/lazaret.pub";

pub(super) const COMPLETIONS: &str = "\
Examples:
  lazaret completions bash > /etc/bash_completion.d/lazaret
  lazaret completions zsh > \"${fpath[1]}/_lazaret\"
  lazaret completions fish > ~/.config/fish/completions/lazaret.fish";
