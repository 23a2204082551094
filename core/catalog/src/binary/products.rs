//! What programs are told by, as data: a row for each product.
//!
//! Signs are texts that a release of the product contains; `\x00` ends a text of C. Names are those under which
//! others list these products in SBOMs.

use super::classifier::{Look, Product};
use crate::pattern::Name::{self, Around, Exactly};

macro_rules! products {
    ($($name:literal $look:ident [$($file:expr),+ $(,)?] [$($sign:literal),+ $(,)?])*) => {
        &[$(Product { name: $name, look: Look::$look, files: &[$($file),+], signs: &[$($sign),+] }),*]
    };
}

/// Libraries and texts that have no executable bit.
pub(super) const OTHERS: &[Name] = &[
    Around("libavcodec", ""),
    Around("libcrypto", ""),
    Around("libcurl", ""),
    Around("libjulia-internal.so", ""),
    Around("libkrb5.so", ""),
    Around("libkrb5-", ""),
    Around("libphp", ""),
    Around("libpypy", ""),
    Around("libpython", ""),
    Around("libQt", ""),
    Around("libruby", ""),
    Around("libstd-", ".so"),
    Around("libstd-", ".dylib"),
    Around("libz.so", ""),
    Exactly("liberts_internal.a"),
    Exactly("application.ini"),
    Exactly("elixir.app"),
    Exactly("release"),
    Exactly("version.php"),
    Exactly("VERSION"),
    Exactly("VERSION.cache"),
    Exactly("wp-cli.phar"),
];

pub(super) static PRODUCTS: &[Product] = products! {
    // Languages.
    "python" Program [Around("python", ""), Around("libpython", "")]
        [r"[^\w.]([23]\.\d+\.\d+(?:(?:a|b|c|rc)\d+)?\+?)\x00+(?:%\.80s|<prefix>|strict\x00<prefix>)"]
    "pypy" Program [Around("libpypy", ""), Around("pypy", "")]
        [r"\[PyPy (\d+\.\d+\.\d+)[\w-]{0,16} with "]
    "perl" Program [Around("perl", "")]
        [r"/perl5?/(\d+\.\d+\.\d+)[/\x00]"]
    "ruby" Program [Around("ruby", ""), Around("libruby", "")]
        [r"ruby (\d+\.\d+\.\d+(?:p\d+|dev|preview\d+|rc\d+)?) \("]
    "php" Program [Around("php", ""), Around("libphp", "")]
        [r"X-Powered-By: PHP/(\d+\.\d+\.\d+(?:(?:alpha|beta|RC|rc)\d+)?)"]
    "node" Program [Exactly("node"), Exactly("nodejs")]
        [r"node\.js/v(\d+\.\d+\.\d+)", r"\x00node v(\d+\.\d+\.\d+)\x00", r"[^\w.]v((?:0\.\d+|[4-9])\.\d+(?:\.\d+)?)\x00(?:--|moduleLoadList)"]
    "bun" Program [Exactly("bun")]
        [r"Bun v(\d+\.\d+\.\d+(?:-[a-z]+\.\d+)?)[^\w.]"]
    "deno" Program [Exactly("deno")]
        [
            r"Deno/(\d+\.\d+\.\d+)",
            r"release/v(\d+\.\d+\.\d+)windows",
            r"deno-(?:canary/)?[0-9a-f]{40}(\d+\.\d+\.\d+)(?:release|dl)",
            r"[^\d.](\d+\.\d+\.\d+?)[0-9a-f]{40}DENO_",
            r"deno-(?:canary/)?[0-9a-f]{40}(\d+\.\d+\.\d+)",
        ]
    "go" Program [Exactly("go"), Exactly("go.exe")]
        [r"\x00go(1\.\d+(?:\.\d+)?(?:(?:beta|rc)\d+)?)\x00"]
    "go" Beginning [Exactly("VERSION"), Exactly("VERSION.cache")]
        [r"\Ago(1\.\d+(?:\.\d+)?(?:(?:beta|rc)\d+)?)(?:\s|\z)", r"\Adevel go(1\.\d+)-"]
    "rust" Program [Around("libstd-", ".so"), Around("libstd-", ".dylib")]
        [r"rustc version (\d+\.\d+\.\d+)", r"c (\d+\.\d+\.\d+) \([0-9a-f]{9} \d{4}-\d\d-\d\d\)"]
    "dart" Program [Exactly("dart")]
        [r"[^\w.](\d+\.\d+\.\d+(?:-[\w.]{1,24})?) \((?:stable|beta|dev|main)\) \("]
    "julia" Program [Around("libjulia-internal.so", "")]
        [r"[^\d.](\d+\.\d+\.\d+(?:-[a-z]+\d+)?)\x00(?:verify_methods|branch|julia version|BigInt)"]
    "erlang" Program [Exactly("beam.smp"), Exactly("erlexec")]
        [
            r"/otp_src_(\d+(?:\.\d+){1,4})/",
            r"Erlang/OTP \d+%s \[erts[^\x00]{0,300}\x00(\d\d(?:\.\d+){1,4})\x00",
            r"[^\w.](\d\d(?:\.\d+){1,4})\x00{1,64}Erlang/OTP",
        ]
    "erlang" Whole [Exactly("liberts_internal.a")] [r"/otp_src_(\d+(?:\.\d+){1,4})/"]
    "elixir" Beginning [Exactly("elixir")] [r"\nELIXIR_VERSION=(\d[\w.+-]{0,40})"]
    "elixir" Beginning [Exactly("elixir.app")] [r#"\{application,\s{0,8}elixir,.{0,200}\{vsn,\s{0,8}"(\d[\w.+-]{0,40})"\}"#]
    "ghc" Program [Around("ghc", "")]
        [r"libHSghc-(\d+\.\d+\.\d+)-", r"GHC (\d+\.\d+\.\d+)\x00"]
    "cabal" Program [Exactly("cabal")]
        [r"cabal-install-(\d+(?:\.\d+){2,3})-", r"Cabal-(\d+(?:\.\d+){2,3})-inplace"]
    "swipl" Program [Exactly("swipl")] [r"/swipl-(\d+\.\d+\.\d+)/"]
    "gcc" Program [Exactly("gcc")] [r"GCC: \([^)\x00]{1,80}\) (\d+\.\d+\.\d+)"]

    // Java.
    "openjdk" Program [Exactly("java"), Exactly("jdb")]
        [
            r"openjdk\x00(?:java|jdb)\x00(?:0\.0|1\.\d)\x00+(\d[\w.+-]{0,60})\x00",
            r"[^\w.](?:0\.0|1\.\d)\x00+(\d[\w.+-]{0,60})\x00+openjdk\x00(?:java|jdb)\x00",
        ]
    "openjdk" Beginning [Exactly("release")]
        [r#"(?m)^JAVA_RUNTIME_VERSION="(\d[\w.+-]{0,60})"#, r#"(?m)^JAVA_VERSION="(\d[\w.+-]{0,60})"#]
    "graalvm" Program [Exactly("java"), Exactly("jdb")] [r"[^\w.](\d[\w.+]{0,30}-jvmci-[\w.-]{1,30})\x00"]
    "oracle-java" Beginning [Exactly("release")]
        [r#"(?m)^JAVA_RUNTIME_VERSION="(\d[\w.+-]{0,60})".{0,2000}^BUILD_TYPE="commercial""#]
    "graalvm" Beginning [Exactly("release")] [r#"(?m)^GRAALVM_VERSION="(\d[\w.+-]{0,60})"#]
    "zulu" Program [Exactly("java"), Exactly("jdb")]
        [r"zulu\x00(?:java|jdb)\x00(?:0\.0|1\.\d)\x00+(\d[\w.+-]{0,60})\x00"]
    "oracle-java" Program [Exactly("java"), Exactly("jdb")]
        [
            r"[^ku]\x00(?:java|jdb)\x00(?:0\.0|1\.\d)\x00+(\d[\w.+-]{0,60})\x00",
            r"[^\w]\x00(\d[\w.+-]{0,60})\x00(?:0\.0|1\.\d)\x00java\x00",
        ]

    // Servers.
    "nginx" Program [Exactly("nginx")] [r"nginx version: nginx/(\d+\.\d+\.\d+)"]
    "openresty" Program [Exactly("nginx"), Exactly("openresty")] [r"nginx version: openresty/(\d+(?:\.\d+){2,3})"]
    "httpd" Program [Exactly("httpd"), Exactly("apache2")] [r"Apache/(\d+\.\d+\.\d+)"]
    "lighttpd" Program [Exactly("lighttpd")] [r"lighttpd/(\d+\.\d+\.\d+)"]
    "haproxy" Program [Exactly("haproxy")]
        [
            r"[^\w.](\d+\.\d+(?:\.\d+|-dev\d+))(?:-[0-9a-f]{6,12})?\x00{1,32}HAProxy version",
            r"HA-Proxy version (\d+\.\d+(?:\.\d+|-dev\d+))",
            r" version (\d+\.\d+(?:\.\d+|-dev\d+)), released ",
        ]
    "envoy" Program [Exactly("envoy")]
        [r"[^\w.](1\.\d{1,2}\.\d{1,2})(?:-dev)?\x00(?:No recorded values|RELEASE\x00|Unable to convert YAML|cannot assign multiple anchors|\(\[\\d\]\+\)|\. This configuration will be removed from Envoy|source/common/|Extract called on empty buffer|envoy/extensions/|TLS client send_|external/com_github_google_quiche/|envoy_quic|RAWRR\x00|enable read, fd = )"]
    "traefik" Program [Exactly("traefik")]
        [r"[^\w. -]v?([123]\.\d{1,2}\.\d{1,2}(?:-(?:alpha|beta|rc)\.?\d+)?)\x00"]
    "nginx-ingress-controller" Program [Exactly("nginx-ingress-controller")]
        [r"v([01]\.\d{1,2}\.\d{1,2}(?:-(?:alpha|beta|rc)\.?\d+)?)\x00", r"[^\w.]([01]\.\d{1,2}\.\d{1,2})\x00"]
    "proftpd" Program [Exactly("proftpd")] [r"ProFTPD Version (\d+\.\d+\.\d+(?:[a-z]|rc\d)?)"]
    "openldap" Program [Around("ldap", ""), Exactly("slapd")] [r"\$OpenLDAP: [\w-]{1,24} (\d+\.\d+\.\d+) \("]
    "memcached" Program [Exactly("memcached")] [r"memcached (\d+\.\d+\.\d+)"]
    "redis" Program [Exactly("redis-server"), Exactly("redis-sentinel")]
        [
            r"[^\d.](\d+\.\d+\.\d+)buildkitsandbox-\d{19}\x00",
            r"[^\d.](\d+\.\d+\.\d+)[0-9a-f]{12}-\d{19}\x00",
            r"Redis version (\d+\.\d+\.\d+)\x00",
            r"[^\w.](\d+\.\d+\.\d+)[a-z][\w.-]{0,64}-\d{19}\x00",
        ]
    "valkey" Program [Exactly("valkey-server"), Exactly("redis-server")] [r"valkey(\d+\.\d+\.\d+)"]

    // Databases.
    "postgresql" Program [Exactly("postgres")] [r"PostgreSQL (\d+(?:\.\d+){0,2}(?:(?:alpha|beta|rc)\d+)?) (?:\(|on )"]
    "mysql" Program [Exactly("mysql"), Exactly("mysqld")]
        [r"/mysql-(\d+\.\d+\.\d+)/", r"\x00shutdown\x00(\d+\.\d+\.\d+)\x00{1,16}mysql_real_escape_string"]
    "mysql-cluster" Program [Exactly("mysqld"), Exactly("ndbd"), Exactly("ndbmtd"), Exactly("ndb_mgmd")]
        [r"/mysql-cluster-gpl-(\d+\.\d+\.\d+)/", r"-ndb-(\d+\.\d+\.\d+)\x00"]
    "percona-server" Program [Exactly("mysql"), Exactly("mysqld")] [r"/percona-server-(\d+\.\d+\.\d+)-"]
    "percona-xtradb-cluster" Program [Exactly("mysql"), Exactly("mysqld")] [r"/Percona-XtraDB-Cluster-(\d+\.\d+\.\d+)/"]
    "percona-xtrabackup" Program [Exactly("xtrabackup")] [r"/percona-xtrabackup-(\d+\.\d+\.\d+)-"]
    "mariadb" Program [Exactly("mariadb"), Exactly("mariadbd"), Exactly("mysql"), Exactly("mysqld")]
        [r"[^\d.](\d+\.\d+\.\d+)-MariaDB", r"/mariadb-(\d+\.\d+\.\d+)[-/]"]
    "mongodb" Program [Exactly("mongod"), Exactly("mongos")]
        [r"[^\w.](\d+\.\d+\.\d+)\x00(?:tcmalloc|heap_size|cppdefines)\x00"]
    "arangodb" Program [Around("arango", "")]
        [r"[^\w.](\d+\.\d+\.\d+(?:-\d+)?)(?: enterprise| community)? \[(?:linux|darwin)\]"]
    "sqlcipher" Program [Exactly("sqlcipher")] [r"\x00community\x00(\d+\.\d+\.\d+)\x00"]

    // Tools of operators.
    "consul" Program [Exactly("consul")]
        [
            r"CONSUL_VERSION: (\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\d+)?)",
            r"consul/version\.GitDescribe=v?(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\d+)?)",
            r"[^\w.]v([01]\.\d{1,2}\.\d{1,2}(?:-(?:alpha|beta|rc)\d+)?)\x00{4}",
        ]
    "vault" Program [Exactly("vault")]
        [
            r"revoke(1\.\d{1,2}\.\d{1,2})\)\(nil\)",
            r"index_state(1\.\d{1,2}\.\d{1,2}(?:-rc\d)?)\n",
            r"0x%016x(1\.\d{1,2}\.\d{1,2}?)(?:123-abc|1\.49\.22|\n)",
            r"[^\w.](1\.\d{1,2}\.\d{1,2}(?:-rc\d)?)\x00",
        ]
    "helm" Program [Exactly("helm")] [r"[^\w.]v([234]\.\d{1,2}\.\d{1,2}(?:-(?:alpha|beta|rc)\.\d+)?)\x00"]
    "argocd" Program [Around("argocd", "")] [r"argo-cd/v\d/common\.version=v?(\d+\.\d+\.\d+(?:-rc\d+)?)"]
    "grafana" Program [Exactly("grafana"), Exactly("grafana-server")]
        [
            r"\x00release-(\d{1,2}\.\d{1,2}\.\d{1,2}(?:[-+][0-9a-z-]{1,24})?)\x00",
            r"[^\x01-\x7e]((?:[5-9]|1\d)\.\d{1,2}\.\d{1,2}(?:[-+][0-9a-z-]{1,24})?)\x00",
        ]
    "filebeat" Program [Exactly("filebeat")] [r"(?:setupTest |-015m\.rate|createplugin)(\d+\.\d+\.\d+)"]
    "metricbeat" Program [Exactly("metricbeat")] [r"setupTest (\d+\.\d+\.\d+)"]
    "heartbeat" Program [Exactly("heartbeat")] [r"setupTest (\d+\.\d+\.\d+)"]
    "packetbeat" Program [Exactly("packetbeat")] [r"setupTest (\d+\.\d+\.\d+)"]
    "auditbeat" Program [Exactly("auditbeat")] [r"setupTest (\d+\.\d+\.\d+)"]
    "elastic-agent" Program [Exactly("elastic-agent")]
        [r"enroll(?:: true)?(\d+\.\d+\.\d+)-?header", r"\d:\d\dPM(\d+\.\d+\.\d+):https"]
    "istio-pilot-agent" Program [Exactly("pilot-agent")]
        [
            r"(?:Clean|Modified)\x00{1,16}(1\.\d{1,2}(?:\.\d{1,2})?(?:-(?:dev|(?:alpha|beta|rc)\.\d+))?)\x00",
            r"\x001\.\d{1,2}\.\d{1,2}[a-z.0-9-]{0,12}\x00{1,16}(1\.\d{1,2}\.\d{1,2}(?:-(?:alpha|beta|rc)\.\d+)?)\x00",
            r"[^\w.](1\.\d{1,2}\.\d{1,2}(?:-(?:alpha|beta|rc)\.\d+)?)\x00",
        ]
    "istio-pilot-discovery" Program [Exactly("pilot-discovery")]
        [
            r"(?:Clean|Modified)\x00{1,16}(1\.\d{1,2}(?:\.\d{1,2})?(?:-(?:dev|(?:alpha|beta|rc)\.\d+))?)\x00",
            r"\x001\.\d{1,2}\.\d{1,2}[a-z.0-9-]{0,12}\x00{1,16}(1\.\d{1,2}\.\d{1,2}(?:-(?:alpha|beta|rc)\.\d+)?)\x00",
            r"[^\w.](1\.\d{1,2}\.\d{1,2}(?:-(?:alpha|beta|rc)\.\d+)?)\x00",
        ]
    "fluent-bit" Program [Exactly("fluent-bit")] [r"[^\w.](\d+\.\d+\.\d+)\x00.{0,24}?Fluent Bit v%s"]

    // Programs and libraries of every system.
    "busybox" Program [Exactly("busybox"), Exactly("[")] [r"BusyBox v(\d+\.\d+\.\d+)"]
    "bash" Program [Exactly("bash")] [r"@\(#\)Bash version (\d+\.\d+\.\d+)"]
    "util-linux" Program [Exactly("getopt"), Exactly("mount"), Exactly("umount"), Exactly("dmesg"), Exactly("lsblk")]
        [r"util-linux (\d+\.\d+(?:\.\d+)?)"]
    "gzip" Program [Exactly("gzip")] [r"[^\w.](1\.\d+(?:\.\d+)?)\x00{1,8}%s %s\n", r"changed while zipping\n\x00(1\.\d+(?:\.\d+)?)\x00"]
    "xz" Program [Exactly("xz")] [r"\(XZ Utils\) (\d+\.\d+\.\d+)"]
    "zstd" Program [Exactly("zstd")] [r"v(\d+\.\d+\.\d+)\x00+Zstandard CLI", r"[^\w.]v(\d+\.\d+\.\d+)\x00"]
    "jq" Program [Exactly("jq")] [r"[^\w.](1\.\d+(?:\.\d+)?)\x00DEBUG:", r"\x00jq-(1\.\d+(?:\.\d+)?)"]
    "curl" Program [Exactly("curl")] [r"curl/(\d+\.\d+\.\d+)", r"curl (\d+\.\d+\.\d+) "]
    "libcurl" Program [Around("libcurl", "")] [r"libcurl/(\d+\.\d+\.\d+)"]
    // Python's `cryptography` has its own, built in.
    "openssl" Program [Exactly("openssl"), Around("libcrypto", ""), Around("_rust.abi3", ".so"), Around("_openssl.", ".so")]
        [r"OpenSSL (\d+\.\d+\.\d+(?:[a-z]{1,2}|-(?:alpha|beta|pre)\d+)?) {1,2}\d{1,2} [A-Z][a-z]{2} \d{4}"]
    "aws-lc" Program [Exactly("openssl"), Around("libcrypto", "")] [r"\(compatible; AWS-LC (\d+\.\d+\.\d+)\)"]
    "krb5" Program [Around("libkrb5", "")] [r"KRB5_BRAND: krb5-(\d+(?:\.\d+){1,2})-"]
    "heimdal" Program [Around("libkrb5", "")] [r"\$Version: Heimdal (\d+\.\d+\.\d+) \$"]
    "zlib" Program [Around("libz.so", "")] [r" deflate (1\.\d+(?:\.\d+){0,2}) Copyright 1995-"]
    "ffmpeg" Program [Exactly("ffmpeg"), Exactly("ffprobe"), Around("libavcodec", "")]
        [r"FFmpeg version n?(\d+\.\d+(?:\.\d+)?)", r"%s version n?(\d+\.\d+(?:\.\d+)?)[^\x00]{0,80}\x00"]
    "qt" Program [Around("libQt", "")]
        [r"Qt (\d+\.\d+\.\d+) \(", r"QtCore library version (\d+\.\d+\.\d+)"]

    // For people.
    "chrome" Program [Exactly("chrome"), Exactly("chromium"), Exactly("headless_shell")]
        [r"\x00Videos\x00(\d+\.\d+\.\d+\.\d+)\x00Default"]
    "firefox" Beginning [Exactly("application.ini")] [r"\nName=Firefox\s.{0,400}\nVersion=(\d+(?:\.\d+){1,3}\w{0,4})\s"]
    "wp-cli" Whole [Exactly("wp"), Exactly("wp-cli.phar")] [r"wp-cli/wp-cli v?(\d+\.\d+\.\d+)"]
    "wordpress" Beginning [Exactly("version.php")] [r#"\$wp_version\s{0,8}=\s{0,8}['"](\d[\w.-]{0,40})['"]"#]
};
