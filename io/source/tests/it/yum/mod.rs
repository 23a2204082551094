//! The feed of repositories for yum, dnf and zypper, against a web server on loopback.

mod older;
mod place;
mod server;

use std::net::UdpSocket;

use lazaret_model::{Distribution, Limits};
use lazaret_source::yum::{Vouched, YumError, YumRepository, YumRoot};

use place::{Packing, Place, Signer, sha256};

fn rows(repository: &YumRepository) -> Vec<String> {
    let updates = repository.read(&Limits::default()).unwrap();
    let row = |row: &lazaret_model::Advisory| {
        assert_eq!(row.feed, repository.feed);
        format!("{} {} {} {}", row.id, row.release, row.package, row.fixed.as_deref().unwrap_or_default())
    };
    updates.advisories.iter().map(row).collect()
}

fn names(repositories: &[YumRepository]) -> Vec<&str> {
    repositories.iter().map(|it| it.feed.as_str()).collect()
}

#[tokio::test]
async fn several_repositories_are_read_and_asked_again_on_condition() {
    let place = Place::new();
    let packings = [Packing::Plain, Packing::Gzip, Packing::Xz, Packing::Zstd, Packing::Bzip2];
    let mut text = String::new();
    for (number, packing) in packings.into_iter().enumerate() {
        let (name, cve) = (format!("9/x86_64/r{number}"), format!("CVE-2024-000{number}"));
        place.publish(&name, &[(&cve, "nginx", "1.20")], packing);
        text += &format!(
            "[r{number}]\nbaseurl={}\n",
            place.server.url(&format!("$releasever/$basearch/r{number}"))
        );
    }
    place.write("web/bare/repodata/repomd.xml", "<repomd/>");
    text += &format!(
        "[bare]\nbaseurl={}\n[off]\nenabled=0\nbaseurl=http://127.0.0.1:1\n",
        place.server.url("bare/")
    );
    place.configure(&text);

    let first = place.run().await;
    assert_eq!(first.repositories.len(), packings.len());
    for (number, repository) in first.repositories.iter().enumerate() {
        assert_eq!(repository.feed, format!("updateinfo/rocky:9/r{number}"));
        assert_eq!(rows(repository), [format!("CVE-2024-000{number} rocky:9 nginx 1.20-1.el9")]);
        assert_eq!((repository.vouched, repository.is_new), (Vouched::Nothing, true));
    }
    assert_eq!(first.skipped.len(), 1);
    assert!(
        first.skipped[0].contains("`bare`") && first.skipped[0].contains("no updateinfo"),
        "{:?}",
        first.skipped
    );

    // An update that names no release is for the one that gets its packages there.
    let second = Place::new();
    second.publish_of("own", "our packages", &[("CVE-2024-0007", "shop", "2")], Packing::Plain);
    second.configure(&format!("[own]\nbaseurl={}\n", second.server.url("own")));
    assert_eq!(rows(&second.run().await.repositories[0]), ["CVE-2024-0007 rocky:9 shop 2-1.el9"]);

    // Nothing changed: one request each, answered without a content.
    place.server.log();
    let again = place.run().await;
    let mut log = place.server.log();
    log.sort();
    assert_eq!(log.len(), packings.len() + 1, "{log:?}");
    assert!(log.iter().all(|line| line.ends_with("repodata/repomd.xml 304")), "{log:?}");
    let sources = |feed: &lazaret_source::yum::YumFeed| {
        feed.repositories.iter().map(|it| it.source.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(sources(&again), sources(&first));
    assert!(again.repositories.iter().all(|it| !it.is_new && it.problem.is_none()));
    assert_eq!(rows(&again.repositories[1]), rows(&first.repositories[1]));

    // One has a new update: it alone is fetched.
    place.publish("9/x86_64/r1", &[("CVE-2024-0009", "nginx", "1.22")], Packing::Gzip);
    let newer = place.run().await;
    let fetched = place.server.log().into_iter().filter(|line| line.ends_with(" 200")).count();
    assert_eq!(fetched, 2, "its index and its updates");
    assert_eq!(rows(&newer.repositories[1]), ["CVE-2024-0009 rocky:9 nginx 1.22-1.el9"]);
    assert_ne!(newer.repositories[1].source, first.repositories[1].source);
    // Of what is not used any more nothing stays.
    let kept = std::fs::read_dir(place.path("cache")).unwrap().flatten().filter(|it| it.path().is_dir());
    let most = kept.map(|it| std::fs::read_dir(it.path()).unwrap().count()).max();
    assert_eq!(most, Some(2));
}

#[tokio::test]
async fn a_repository_that_fails_leaves_what_it_said_before() {
    let place = Place::new();
    place.publish("r", &[("CVE-2024-0001", "nginx", "1.20")], Packing::Gzip);
    place.publish("s", &[("CVE-2024-0002", "curl", "7.1")], Packing::Gzip);
    let url = |name: &str| place.server.url(name);
    place.configure(&format!("[r]\nbaseurl={}\n[s]\nbaseurl={}\n", url("r"), url("s")));
    let good = place.run().await;

    place.publish("r", &[("CVE-2024-0003", "nginx", "1.21")], Packing::Gzip);
    let index = std::fs::read_to_string(place.path("web/r/repodata/repomd.xml")).unwrap();
    let sum = index.split("sha256\">").nth(2).unwrap().split('<').next().unwrap().to_owned();
    let updates = format!("r/repodata/{sum}-updateinfo.xml.gz");
    let failures: [(&str, &str, &[u8], &str); 6] = [
        ("r/repodata/repomd.xml", "404 Not Found", b"", "is not there"),
        ("r/repodata/repomd.xml", "500 Oops\r\nRetry-After: 0", b"", "it answers 500"),
        ("r/repodata/repomd.xml", "200 OK", b"<html>sign in</html>", "not a repository's repomd.xml"),
        (&updates, "404 Not Found", b"", "is not there"),
        (&updates, "200 OK", b"other", "has another digest than repomd.xml says"),
        (&updates, "200 OK", &[b'x'; 100_000], "has more than"),
    ];
    for (path, head, body, reason) in failures {
        place.server.as_it_is();
        place.server.instead(path, head, body);
        let feed = place.run().await;
        assert_eq!(names(&feed.repositories), ["updateinfo/rocky:9/r", "updateinfo/rocky:9/s"]);
        let failed = &feed.repositories[0];
        let problem = failed.problem.as_deref().unwrap_or_default();
        assert!(
            problem.contains(reason) && problem.contains("what it said on 2026-01-01"),
            "{reason}: {problem}"
        );
        assert_eq!((failed.source, rows(failed)), (good.repositories[0].source, rows(&good.repositories[0])));
        assert_eq!(feed.repositories[1].problem, None);
    }
    place.server.as_it_is();
    let feed = place.run().await;
    assert_eq!((feed.repositories[0].problem.as_ref(), rows(&feed.repositories[0]).len()), (None, 1));
    assert_ne!(feed.repositories[0].source, good.repositories[0].source);

    // One that was never had is named, and nothing is known of it.
    place.configure("[gone]\nbaseurl=http://127.0.0.1:1/\n");
    let feed = place.run().await;
    assert_eq!((feed.repositories.len(), feed.repositories[0].source), (1, None));
    assert!(feed.repositories[0].problem.is_some());
    place.write("root/etc/yum.repos.d/test.repo", "");
    let request = place.request(vec![place.root()]);
    assert!(matches!(place.try_run(&request).await, Err(YumError::NoRepositories { .. })));
}

#[tokio::test]
async fn an_index_vouches_with_strong_digests_and_leads_nowhere_else() {
    let place = Place::new();
    place.write("root/etc/secret", "secret");
    place.configure(&format!("[r]\nbaseurl={}\n", place.server.url("r")));
    let cases: [(&str, &str, &str); 3] = [
        ("href=\"repodata/", "href=\"../../root/repodata/", "is no place below the repository"),
        ("<checksum type=\"sha256\">", "<checksum type=\"sha\">", "with sha only, which proves nothing"),
        ("href=\"repodata/", "href=\"http://127.0.0.1:1/repodata/", "is no place below the repository"),
    ];
    for (from, to, reason) in cases {
        place.publish("r", &[("CVE-2024-0001", "nginx", "1.20")], Packing::Gzip);
        place.alter_index("r", |text| text.replace(from, to));
        let feed = place.run().await;
        let problem = feed.repositories[0].problem.clone().unwrap_or_default();
        assert!(problem.contains(reason), "{problem}");
        assert_eq!(feed.repositories[0].source, None);
    }
}

#[tokio::test]
async fn mirror_lists_and_metalinks_lead_to_the_first_mirror_that_answers() {
    let place = Place::new();
    place.publish("m2", &[("CVE-2024-0001", "nginx", "1.20")], Packing::Gzip);
    let (gone, good) = (place.server.url("m1/"), place.server.url("m2"));
    place.write("web/list", format!("# comment\n{gone}\nrsync://x.example/\n{good}\n"));
    place.configure(&format!("[r]\nmirrorlist={}\n", place.server.url("list?repo=$releasever")));
    place.server.instead("list?repo=9", "200 OK", format!("{gone}\n{good}\n"));
    assert_eq!(rows(&place.run().await.repositories[0]).len(), 1);
    place.server.log();
    place.run().await;
    assert_eq!(
        place.server.log(),
        ["/list?repo=9 200", "/m2/repodata/repomd.xml 304"],
        "the good mirror is asked first"
    );

    // A metalink tells the index's digest: with the same one nothing else is asked for.
    let index = std::fs::read(place.path("web/m2/repodata/repomd.xml")).unwrap();
    let metalink = |sum: &str| {
        format!(
            "<metalink><files><file name=\"repomd.xml\"><verification><hash type=\"sha256\">{sum}</hash></verification><resources>\
             <url preference=\"9\">{good}/repodata/repomd.xml</url></resources></file></files></metalink>"
        )
    };
    place.write("web/meta", metalink(&sha256(&index)));
    place.configure(&format!("[r]\nmetalink={}\n", place.server.url("meta")));
    assert_eq!(rows(&place.run().await.repositories[0]).len(), 1);
    place.server.log();
    let again = place.run().await;
    assert_eq!(place.server.log(), ["/meta 200"]);
    assert_eq!(again.repositories[0].problem, None);
    place.write("web/meta", metalink(&sha256(b"another")));
    let other = place.run().await;
    let problem = other.repositories[0].problem.clone().unwrap_or_default();
    assert!(problem.contains("not the one that the metalink tells of"), "{problem}");
    assert_eq!(rows(&other.repositories[0]).len(), 1);
}

#[tokio::test]
async fn signatures_count_with_keys_of_this_machine() {
    let (Some(signer), Some(stranger)) = (Signer::new(), Signer::new()) else { return };
    let place = Place::new();
    place.publish("r", &[("CVE-2024-0001", "nginx", "1.20")], Packing::Gzip);
    place.write("root/etc/pki/rpm-gpg/KEY", signer.public());
    let settings = |more: &str| {
        let base = place.server.url("r");
        place.configure(&format!("[r]\nbaseurl={base}\ngpgkey=file:///etc/pki/rpm-gpg/KEY\n{more}"));
    };
    let problem = async || place.run().await.repositories[0].problem.clone().unwrap_or_default();
    settings("repo_gpgcheck=1\n");
    assert!(problem().await.contains("it is not signed"));
    let index = place.path("web/r/repodata/repomd.xml");
    stranger.sign(&index);
    assert!(problem().await.contains("is not that of a key of this machine"));
    signer.sign(&index);
    let feed = place.run().await;
    assert_eq!((feed.repositories[0].vouched, &feed.repositories[0].problem), (Vouched::Signature, &None));
    assert_eq!(rows(&feed.repositories[0]).len(), 1);
    // A signature of another index.
    place.publish("r", &[("CVE-2024-0002", "nginx", "1.21")], Packing::Gzip);
    assert!(problem().await.contains("is not that of a key of this machine"));
    settings("");
    assert!(
        problem().await.contains("is not that of a key of this machine"),
        "a wrong signature is worse than none"
    );
    std::fs::remove_file(place.path("web/r/repodata/repomd.xml.asc")).unwrap();
    let feed = place.run().await;
    assert_eq!((feed.repositories[0].vouched, &feed.repositories[0].problem), (Vouched::Nothing, &None));
}

#[tokio::test]
async fn an_images_repository_counts_if_somebody_vouches_and_for_its_own_release_only() {
    let Some(signer) = Signer::new() else { return };
    // An image means other machines: the server is reached by an address that is not loopback's.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
    let Some(own) = own.ok().map(|it| it.ip()).filter(|ip| !ip.is_loopback()) else { return };
    let place = Place::on(&own.to_string());
    place.publish("r", &[("CVE-2024-0001", "nginx", "1.20")], Packing::Gzip);
    place.publish_of("f", "AlmaLinux 8", &[("CVE-2024-0001", "nginx", "1.20")], Packing::Gzip);
    place.write("root/etc/pki/rpm-gpg/KEY", signer.public());
    let text = format!(
        "[r]\nbaseurl={}\nusername=u\npassword=p\n[f]\nbaseurl={}\n[local]\nbaseurl=http://127.0.0.1:{}/r\n",
        place.server.url("r"),
        place.server.url("f"),
        place.server.address.port()
    );
    let files = vec![("etc/yum.repos.d/x.repo".to_owned(), text.into_bytes())];
    let release =
        Distribution { id: "rocky".into(), version: Some("9.1".into()), codename: None, title: None };
    let image = YumRoot::image("an image", Some(release), "amd64", files);
    let mut request = place.request(vec![place.root(), image]);

    let unsigned = place.try_run(&request).await.unwrap();
    assert_eq!(unsigned.repositories, []);
    assert_eq!((unsigned.skipped.len(), unsigned.untrusted.len()), (0, 2), "{unsigned:?}");
    assert!(
        unsigned.untrusted[1].contains("not signed with a key of this machine"),
        "{:?}",
        unsigned.skipped
    );
    assert_eq!(unsigned.problems.len(), 1, "{:?}", unsigned.problems);

    signer.sign(&place.path("web/r/repodata/repomd.xml"));
    let signed = place.try_run(&request).await.unwrap();
    assert_eq!(names(&signed.repositories), ["updateinfo/rocky:9/r"]);
    assert_eq!(rows(&signed.repositories[0]).len(), 1);

    request.trusts_images = true;
    let trusted = place.try_run(&request).await.unwrap();
    assert_eq!(names(&trusted.repositories), ["updateinfo/rocky:9/f", "updateinfo/rocky:9/r"]);
    let foreign = trusted.repositories[0].read(&Limits::default()).unwrap();
    assert_eq!((foreign.advisories.len(), foreign.problems.len()), (0, 1));
    assert!(place.server.log().iter().all(|line| !line.contains("Basic")), "an image's login is not sent");
    request.trusts_images = false;
    assert_eq!(
        place.try_run(&request).await.unwrap().repositories.len(),
        1,
        "what was kept is not trusted later"
    );

    // A redirection to this machine itself is not followed.
    place.server.instead(
        "r/repodata/repomd.xml",
        &format!(
            "302 Found\r\nLocation: http://127.0.0.1:{}/f/repodata/repomd.xml",
            place.server.address.port()
        ),
        "",
    );
    let redirected = place.try_run(&request).await.unwrap();
    let problem = redirected.repositories[0].problem.clone().unwrap_or_default();
    assert!(problem.contains("redirected to this machine itself"), "{problem}");
}

#[tokio::test]
async fn a_machines_login_goes_to_its_repository_alone() {
    let (place, other) = (Place::new(), Place::new());
    place.publish("r", &[("CVE-2024-0001", "nginx", "1.20")], Packing::Gzip);
    other.publish("r", &[("CVE-2024-0001", "nginx", "1.20")], Packing::Gzip);
    place.configure(&format!("[r]\nbaseurl={}\nusername=u\npassword=p\n", place.server.url("r")));
    place.run().await;
    assert!(place.server.log().iter().all(|line| line.ends_with("Basic dTpw")));
    let elsewhere = format!("302 Found\r\nLocation: {}", other.server.url("r/repodata/repomd.xml"));
    place.server.instead("r/repodata/repomd.xml", &elsewhere, "");
    place.run().await;
    let log = other.server.log();
    assert!(!log.is_empty() && log.iter().all(|line| !line.contains("Basic")), "{log:?}");
}

#[tokio::test]
async fn what_createrepo_writes_is_read() {
    let place = Place::new();
    let updates = "<updates><update type=\"security\" from=\"x\"><id>RLSA-2024:1</id><title>t</title>\
        <references><reference id=\"CVE-2024-0001\" type=\"cve\"/></references><pkglist><collection><name>Rocky Linux 9</name>\
        <package name=\"bash\" version=\"5.1\" release=\"8.el9\" epoch=\"1\" arch=\"x86_64\"/></collection></pkglist></update></updates>";
    place.write("updateinfo.xml", updates);
    let run = |program: &str, arguments: &[&std::ffi::OsStr]| {
        std::process::Command::new(program)
            .args(arguments)
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let mut text = String::new();
    for packing in ["gz", "bz2", "xz"] {
        let folder = place.path(&format!("web/{packing}"));
        std::fs::create_dir_all(&folder).unwrap();
        if !run("createrepo_c", &["-q".as_ref(), folder.as_os_str()]) {
            return place::skipped("createrepo_c is not installed");
        }
        let (kind, repodata) = (format!("--compress-type={packing}"), folder.join("repodata"));
        let document = place.path("updateinfo.xml");
        assert!(
            run("modifyrepo_c", &[kind.as_ref(), document.as_os_str(), repodata.as_os_str()]),
            "{packing}"
        );
        text += &format!("[{packing}]\nbaseurl={}\n", place.server.url(packing));
    }
    place.configure(&text);
    let feed = place.run().await;
    assert_eq!(feed.repositories.len(), 3, "{feed:?}");
    for repository in &feed.repositories {
        assert_eq!(repository.problem, None);
        assert_eq!(rows(repository), ["CVE-2024-0001 rocky:9 bash 1:5.1-8.el9"], "{}", repository.feed);
    }
}
