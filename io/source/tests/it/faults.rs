//! Debian's registry behind a network that fails: a proxy of our own cuts connections and answers in
//! the registry's stead. And the registry as it is set up where logins and TLS are wanted.

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use lazaret_source::{ErrorClass, Mirror, OpenOptions, SourceError, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::made::{Made, Packing, sha256, write};
use crate::server::DebianRegistry;
use crate::support::{listed, listed_archive, options, skipped};

/// What happens to one request.
#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    /// The connection ends without an answer.
    Drop,
    /// The answer ends after so many bytes, its head included.
    CutAt(usize),
    Answer(&'static str),
}

/// Between client and registry. Asked of each request, by number and first line, what befalls it.
struct Proxy {
    address: SocketAddr,
    /// The heads of all requests.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(to: &str, fault: impl Fn(usize, &str) -> Fault + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (to, log, fault) = (to.to_owned(), Arc::clone(&seen), Arc::new(fault));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (to, log, fault) = (to.clone(), Arc::clone(&log), Arc::clone(&fault));
                tokio::spawn(async move {
                    // A connection that fails is what this is about.
                    let _ = relay(client, &to, &log, &*fault).await;
                });
            }
        });
        Self { address, seen }
    }

    fn count(&self, part: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|head| head.contains(part)).count()
    }

    fn target(&self, name: &str) -> Target {
        Target::Registry(format!("{}/{name}", self.address).parse().unwrap())
    }
}

/// One request for each connection: so that each can fail on its own.
async fn relay(
    mut client: TcpStream,
    to: &str,
    log: &Mutex<Vec<String>>,
    fault: &(dyn Fn(usize, &str) -> Fault + Send + Sync),
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).replacen("\r\n", "\r\nconnection: close\r\n", 1);
    let number = {
        let mut log = log.lock().unwrap();
        log.push(head.clone());
        log.len() - 1
    };
    let most = match fault(number, head.lines().next().unwrap_or_default()) {
        Fault::None => usize::MAX,
        Fault::Drop => return Ok(()),
        Fault::CutAt(bytes) => bytes,
        Fault::Answer(text) => {
            client.write_all(format!("HTTP/1.1 {text}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await?;
            return client.shutdown().await;
        }
    };
    let mut registry = TcpStream::connect(to).await?;
    registry.write_all(head.as_bytes()).await?;
    let mut answer = registry.take(most as u64);
    tokio::io::copy(&mut answer, &mut client).await?;
    client.shutdown().await
}

async fn expected(image: &Made) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    listed_archive(&write(directory.path(), "image.tar", &image.saved(&["x:1"]))).await.unwrap().lines
}

#[tokio::test]
async fn an_image_comes_whole_through_a_bad_network() {
    let Some(registry) = DebianRegistry::start().await else { return };
    let image = Made::small();
    registry.push("shop", "1", &image, Packing::Gzip).await;
    let largest = sha256(&image.packed(Packing::Gzip)[0]).to_string();
    let size = image.packed(Packing::Gzip)[0].len();
    let transfers = AtomicUsize::new(0);
    let proxy = Proxy::start(&registry.address, {
        let largest = largest.clone();
        move |number, line| match number {
            0 => Fault::Drop,
            1 => Fault::Answer("503 Service Unavailable"),
            2 => Fault::Answer("429 Too Many Requests\r\nretry-after: 1"),
            3 => Fault::Answer("502 Bad Gateway"),
            // Each transfer brings a third, and between them nobody answers.
            _ if line.contains(&largest) => match transfers.fetch_add(1, Ordering::Relaxed) {
                0 | 2 => Fault::CutAt(size / 3),
                1 => Fault::Drop,
                _ => Fault::None,
            },
            _ => Fault::None,
        }
    })
    .await;
    let mut options = options();
    options.registry.attempts = 6;
    let begun = Instant::now();
    let found = listed(&proxy.target("shop:1"), &options).await.unwrap();
    assert_eq!(found.problems, []);
    assert_eq!(found.lines, expected(&image).await);
    assert!(begun.elapsed().as_millis() >= 1000, "the wish to wait was passed over");
    assert!(proxy.count("range: bytes=") >= 3, "nothing was taken up again where it broke off");
    assert_eq!(proxy.count(&largest), 4);
}

#[tokio::test]
async fn a_network_that_does_not_recover_is_told() {
    let Some(registry) = DebianRegistry::start().await else { return };
    let image = Made::small();
    registry.push("shop", "1", &image, Packing::Gzip).await;
    let largest = sha256(&image.packed(Packing::Gzip)[0]).to_string();
    let proxy = Proxy::start(&registry.address, move |_, line| {
        if line.contains(&largest) { Fault::CutAt(1000) } else { Fault::None }
    })
    .await;
    let mut options = options();
    options.limits.time = std::time::Duration::from_secs(5);
    options.registry.attempts = 2;
    let begun = Instant::now();
    let found = listed(&proxy.target("shop:1"), &options).await.unwrap();
    assert!(begun.elapsed().as_secs() < 30);
    assert!(!found.problems.is_empty(), "half a layer was taken for a whole one");
    for answer in ["429 Too Many Requests\r\nretry-after: 86400", "500 Internal Server Error"] {
        let proxy = Proxy::start(&registry.address, move |_, _| Fault::Answer(answer)).await;
        options.registry.attempts = 1;
        let error = listed(&proxy.target("shop:1"), &options).await.err().unwrap();
        assert_eq!(error.class(), ErrorClass::Unreachable, "{error}");
    }
}

/// A registry that only `me` with the password `secret` may read, and an image in it.
async fn locked_registry(directory: &Path, image: &Made) -> Option<DebianRegistry> {
    let htpasswd = directory.join("htpasswd");
    fs::write(&htpasswd, "me:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n").unwrap();
    let auth = format!("auth: {{htpasswd: {{realm: r, path: {}}}}}\n", htpasswd.display());
    let registry = DebianRegistry::start_with("127.0.0.1", &auth, "").await?;
    registry.push("team/shop", "1", image, Packing::Zstd).await;
    Some(registry)
}

#[tokio::test]
async fn logins_of_files_and_helpers_open_a_locked_registry() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let image = Made::small();
    let Some(registry) = locked_registry(directory.path(), &image).await else { return };
    let host = &registry.address;
    // A helper as users have them: a program on the path.
    let helper = "#!/bin/sh\nread server\n[ \"$1\" = get ] || exit 2\ncase \"$server\" in\n\
         127.*) echo '{\"ServerURL\":\"x\",\"Username\":\"me\",\"Secret\":\"secret\"}';;\n\
         *) echo 'credentials not found in native keychain'; exit 1;;\nesac\n";
    for (name, text) in [
        ("docker-credential-lazaret-good", helper),
        (
            "docker-credential-lazaret-none",
            "#!/bin/sh\necho credentials not found in native keychain\nexit 1\n",
        ),
        ("docker-credential-lazaret-odd", "#!/bin/sh\necho '['\n"),
    ] {
        fs::write(at(name), text).unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let good = "bWU6c2VjcmV0"; // me:secret
    let cases = [
        (format!(r#"{{"auths":{{"{host}":{{"auth":"{good}"}}}}}}"#), true),
        (format!(r#"{{"auths":{{"{host}/team":{{"auth":"{good}"}}}}}}"#), true),
        (format!(r#"{{"auths":{{"{host}/other":{{"auth":"{good}"}}}}}}"#), false),
        (format!(r#"{{"credHelpers":{{"{host}":"lazaret-good"}}}}"#), true),
        (r#"{"credsStore":"lazaret-good"}"#.to_owned(), true),
        (r#"{"credsStore":"lazaret-none"}"#.to_owned(), false),
        // What the helper does not know may stand in the file.
        (format!(r#"{{"credsStore":"lazaret-none","auths":{{"{host}":{{"auth":"{good}"}}}}}}"#), true),
        (format!(r#"{{"credsStore":"lazaret-odd","auths":{{"{host}":{{"auth":"{good}"}}}}}}"#), true),
        (r#"{"credsStore":"lazaret-is-not-there"}"#.to_owned(), false),
        ("{}".to_owned(), false),
    ];
    let target = Target::Registry(format!("{host}/team/shop:1").parse().unwrap());
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    for (number, (text, succeeds)) in cases.into_iter().enumerate() {
        let config = write(directory.path(), &format!("{number}.json"), text.as_bytes());
        let mut options = options();
        options.registry.logins = vec![config];
        options.registry.helper_path = Some(path.clone().into());
        match listed(&target, &options).await {
            Ok(found) => assert!(succeeds && found.problems.is_empty(), "{text}"),
            Err(error) => {
                assert!(!succeeds, "{text}: {error}");
                assert_eq!(error.class(), ErrorClass::Unauthorized, "{error}");
                assert!(!error.to_string().contains("secret"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_mirror_is_asked_first_and_may_fail() {
    let Some(origin) = DebianRegistry::start().await else { return };
    let Some(mirror) = DebianRegistry::start().await else { return };
    let (image, other) =
        (Made::small(), Made::new(vec![crate::fixture::Tar::default().file("x", b"").finish()]));
    origin.push("shop", "1", &image, Packing::Gzip).await;
    origin.push("shop", "only-here", &other, Packing::Gzip).await;
    mirror.push("cache/shop", "1", &image, Packing::Gzip).await;
    let to_origin = Proxy::start(&origin.address, |_, _| Fault::None).await;
    let to_mirror = Proxy::start(&mirror.address, |_, _| Fault::None).await;
    let of = to_origin.address.to_string();
    let mut options = options();
    options.registry.mirrors = vec![
        Mirror { of: "other.example".to_owned(), address: "127.0.0.1:1".to_owned() },
        Mirror { of: of.clone(), address: format!("{}/cache", to_mirror.address) },
    ];
    let found = listed(&to_origin.target("shop:1"), &options).await.unwrap();
    assert_eq!((found.lines, found.problems), (expected(&image).await, Vec::new()));
    assert_eq!((to_origin.count("/"), to_mirror.count("/v2/cache/shop/") > 2), (0, true));
    assert_eq!(found.opened.reference.unwrap().registry, of);
    assert_eq!(found.opened.name, format!("{of}/shop:1"));
    // What the mirror does not have, and where it is away.
    let found = listed(&to_origin.target("shop:only-here"), &options).await.unwrap();
    assert_eq!(found.lines, expected(&other).await);
    options.registry.attempts = 1;
    options.registry.mirrors[1].address = "127.0.0.1:1".to_owned();
    assert_eq!(listed(&to_origin.target("shop:1"), &options).await.unwrap().problems, []);
    let error = listed(&to_origin.target("shop:none"), &options).await.err().unwrap();
    assert!(matches!(error, SourceError::UnknownImage { .. }), "{error}");
}

/// An address of this machine that is not loopback: that one is spoken to without TLS.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Sends nothing: it only chooses the address that it would send from.
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback() && !address.is_unspecified())
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_if_it_is_named() {
    let Some(address) = own_address() else { return skipped("this machine has only loopback") };
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let make = |name: &str, more: &[&str]| {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        openssl.args(["-days", "2", "-subj", &format!("/CN={name}")]).args(more);
        openssl
            .arg("-keyout")
            .arg(at(&format!("{name}-key.pem")))
            .arg("-out")
            .arg(at(&format!("{name}.pem")));
        openssl.output().is_ok_and(|made| made.status.success())
    };
    let (authority, key) = (at("authority.pem"), at("authority-key.pem"));
    let names = format!("subjectAltName=IP:{address}");
    let signed = ["-CA", authority.to_str().unwrap(), "-CAkey", key.to_str().unwrap()];
    let server =
        [&signed[..], &["-addext", "basicConstraints=critical,CA:FALSE", "-addext", &names]].concat();
    if !make("authority", &[]) || !make("server", &server) {
        return skipped("openssl cannot make a certificate");
    }
    let tls = format!(", tls: {{certificate: {:?}, key: {:?}}}", at("server.pem"), at("server-key.pem"));
    let Some(registry) = DebianRegistry::start_with(&address.to_string(), "", &tls).await else { return };
    let image = Made::small();
    registry.push("shop", "1", &image, Packing::Gzip).await;
    let target = Target::Registry(format!("{}/shop:1", registry.address).parse().unwrap());
    let mut options: OpenOptions = options();
    options.registry.attempts = 1;
    let error = listed(&target, &options).await.err().unwrap();
    assert_eq!(error.class(), ErrorClass::Unreachable, "{error}");
    options.registry.authorities = vec![authority];
    assert_eq!(listed(&target, &options).await.unwrap().lines, expected(&image).await);
    // A file that holds no certificate is not passed over.
    for bad in [key, at("none.pem")] {
        options.registry.authorities = vec![bad];
        assert!(matches!(listed(&target, &options).await, Err(SourceError::File { .. })));
    }
}
