//! Every distribution whose feeds are read: a system with its real os-release finds the advisory, whichever of the
//! publishers' formats it stands in.

use lazaret_advisory::feed::{arch, csaf, debian_tracker, echo, osv, oval, photon, secdb, updateinfo};
use lazaret_advisory::{Builder, Covered, Database};
use lazaret_model::{Distribution, Ecosystem, Limits, Package};

use super::samples::built;

/// A system: what is told of it in its os-release, whose packages it has, and how publishers name it.
struct System {
    os_release: &'static str,
    ecosystem: Ecosystem,
    names: &'static [Name],
}

/// How a publisher names a release, by format.
enum Name {
    Osv(&'static str),
    /// The product of the generator, and the platform.
    Oval(&'static str, &'static str),
    /// Who sent it, the release, and the end of the version.
    Updateinfo(&'static str, &'static str, &'static str),
    /// Name and CPE.
    Csaf(&'static str, &'static str),
    Tracker(&'static str),
    /// Server and version.
    Secdb(&'static str, &'static str),
    Photon(&'static str),
    Arch,
    Echo,
}

const SYSTEMS: &[System] = &[
    System {
        os_release: "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n\
                     VERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n",
        ecosystem: Ecosystem::Deb,
        names: &[
            Name::Osv("Debian:12"),
            Name::Tracker("bookworm"),
            Name::Oval("Debian", "Debian GNU/Linux 12"),
        ],
    },
    System {
        os_release: "PRETTY_NAME=\"Debian GNU/Linux forky/sid\"\nNAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=forky\nID=debian\n",
        ecosystem: Ecosystem::Deb,
        names: &[Name::Osv("Debian:14"), Name::Tracker("forky")],
    },
    System {
        os_release: "PRETTY_NAME=\"Ubuntu 22.04.4 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\n\
                     VERSION=\"22.04.4 LTS (Jammy Jellyfish)\"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=jammy\n",
        ecosystem: Ecosystem::Deb,
        names: &[
            Name::Osv("Ubuntu:22.04:LTS"),
            Name::Oval("Canonical CVE OVAL Generator", "Ubuntu 22.04 LTS"),
        ],
    },
    System {
        os_release: "PRETTY_NAME=\"Ubuntu 25.10\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"25.10\"\nVERSION_CODENAME=questing\nID=ubuntu\n",
        ecosystem: Ecosystem::Deb,
        names: &[Name::Osv("Ubuntu:25.10")],
    },
    System {
        os_release: "PRETTY_NAME=\"Echo Linux\"\nNAME=\"Echo Linux\"\nID=echo\nVERSION_ID=\"1\"\n",
        ecosystem: Ecosystem::Deb,
        names: &[Name::Osv("Echo"), Name::Echo],
    },
    System {
        os_release: "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.18.4\nPRETTY_NAME=\"Alpine Linux v3.18\"\n",
        ecosystem: Ecosystem::Apk,
        names: &[Name::Osv("Alpine:v3.18"), Name::Secdb("https://dl-cdn.alpinelinux.org/alpine", "v3.18")],
    },
    System {
        os_release: "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.21_alpha20240923\nPRETTY_NAME=\"Alpine Linux edge\"\n",
        ecosystem: Ecosystem::Apk,
        names: &[Name::Osv("Alpine:edge"), Name::Secdb("https://dl-cdn.alpinelinux.org/alpine", "edge")],
    },
    System {
        os_release: "ID=wolfi\nNAME=\"Wolfi\"\nPRETTY_NAME=\"Wolfi\"\nVERSION_ID=\"20230201\"\nHOME_URL=\"https://wolfi.dev\"\n",
        ecosystem: Ecosystem::Apk,
        names: &[Name::Osv("Wolfi"), Name::Secdb("https://packages.wolfi.dev", "")],
    },
    System {
        os_release: "ID=chainguard\nNAME=\"chainguard\"\nPRETTY_NAME=\"chainguard\"\nVERSION_ID=\"20230214\"\n",
        ecosystem: Ecosystem::Apk,
        names: &[Name::Osv("Chainguard"), Name::Secdb("https://packages.cgr.dev/chainguard", "")],
    },
    System {
        os_release: "ID=minimos\nNAME=\"MinimOS\"\nPRETTY_NAME=\"MinimOS\"\nVERSION_ID=\"20241031\"\n",
        ecosystem: Ecosystem::Apk,
        names: &[Name::Osv("MinimOS"), Name::Secdb("https://packages.mini.dev", "")],
    },
    System {
        os_release: "NAME=\"Red Hat Enterprise Linux\"\nVERSION=\"9.4 (Plow)\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"\n\
                     PLATFORM_ID=\"platform:el9\"\nCPE_NAME=\"cpe:/o:redhat:enterprise_linux:9::baseos\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[
            Name::Osv("Red Hat:enterprise_linux:9::appstream"),
            Name::Oval("Red Hat OVAL Patch Definition Merger", "Red Hat Enterprise Linux 9"),
            Name::Csaf("Red Hat Enterprise Linux 9", "cpe:/o:redhat:enterprise_linux:9"),
        ],
    },
    System {
        os_release: "NAME=\"CentOS Stream\"\nVERSION=\"9\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"9\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[Name::Oval("Red Hat OVAL Patch Definition Merger", "Red Hat Enterprise Linux 9")],
    },
    System {
        os_release: "NAME=\"Rocky Linux\"\nVERSION=\"9.3 (Blue Onyx)\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.3\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[Name::Osv("Rocky Linux:9"), Name::Updateinfo("releng@rockylinux.org", "", "1.el9_3")],
    },
    System {
        os_release: "NAME=\"AlmaLinux\"\nVERSION=\"8.10 (Cerulean Leopard)\"\nID=\"almalinux\"\nVERSION_ID=\"8.10\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[Name::Osv("AlmaLinux:8"), Name::Updateinfo("packager@almalinux.org", "", "1.el8_10")],
    },
    System {
        os_release: "NAME=\"Oracle Linux Server\"\nVERSION=\"8.9\"\nID=\"ol\"\nID_LIKE=\"fedora\"\nVARIANT=\"Server\"\nVERSION_ID=\"8.9\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[
            Name::Oval("Oracle Errata System", "Oracle Linux 8"),
            Name::Updateinfo("el-errata@oss.oracle.com", "Oracle Linux 8", "1.el8"),
        ],
    },
    System {
        os_release: "NAME=\"Amazon Linux\"\nVERSION=\"2\"\nID=\"amzn\"\nID_LIKE=\"centos rhel fedora\"\nVERSION_ID=\"2\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[Name::Updateinfo("linux-security@amazon.com", "Amazon Linux", "1.amzn2.0.1")],
    },
    System {
        os_release: "NAME=\"Amazon Linux\"\nVERSION=\"2023\"\nID=\"amzn\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"2023\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[Name::Updateinfo("linux-security@amazon.com", "Amazon Linux 2023", "1.amzn2023")],
    },
    System {
        os_release: "NAME=\"Amazon Linux AMI\"\nVERSION=\"2018.03\"\nID=\"amzn\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"2018.03\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[Name::Updateinfo("linux-security@amazon.com", "Amazon Linux AMI", "1.10.amzn1")],
    },
    System {
        os_release: "NAME=\"Fedora Linux\"\nVERSION=\"40 (Container Image)\"\nID=fedora\nVERSION_ID=40\nVERSION_CODENAME=\"\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[Name::Updateinfo("updates@fedoraproject.org", "Fedora 40", "1.fc40")],
    },
    System {
        os_release: "NAME=\"SLES\"\nVERSION=\"15-SP5\"\nVERSION_ID=\"15.5\"\nPRETTY_NAME=\"SUSE Linux Enterprise Server 15 SP5\"\nID=\"sles\"\nID_LIKE=\"suse\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[
            Name::Osv("SUSE:Linux Enterprise Module for Basesystem 15 SP5"),
            Name::Oval("Marcus Updateinfo to OVAL Converter", "SUSE Linux Enterprise Server 15 SP5"),
            Name::Csaf("SUSE Linux Enterprise Server 15 SP5", "cpe:/o:suse:sles:15:sp5"),
        ],
    },
    System {
        os_release: "NAME=\"SL-Micro\"\nVERSION=\"6.0\"\nVERSION_ID=\"6.0\"\nPRETTY_NAME=\"SUSE Linux Micro 6.0\"\nID=\"sl-micro\"\nID_LIKE=\"suse\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[Name::Osv("SUSE:Linux Micro 6.0")],
    },
    System {
        os_release: "NAME=\"openSUSE Leap\"\nVERSION=\"15.5\"\nID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\nVERSION_ID=\"15.5\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[
            Name::Osv("openSUSE:Leap 15.5"),
            Name::Oval("Marcus Updateinfo to OVAL Converter", "openSUSE Leap 15.5"),
            Name::Updateinfo("maint-coord@suse.de", "openSUSE Leap 15.5", "150500.1.1"),
        ],
    },
    System {
        os_release: "NAME=\"openSUSE Tumbleweed\"\n# VERSION=\"20240923\"\nID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\nVERSION_ID=\"20240923\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[
            Name::Osv("openSUSE:Tumbleweed"),
            Name::Oval("Marcus Updateinfo to OVAL Converter", "openSUSE Tumbleweed"),
        ],
    },
    System {
        os_release: "NAME=\"VMware Photon OS\"\nVERSION=\"5.0\"\nID=photon\nVERSION_ID=5.0\nPRETTY_NAME=\"VMware Photon OS/Linux\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[
            Name::Photon("5.0"),
            Name::Osv("Photon OS:5.0"),
            Name::Oval("Photon OS OVAL Patch definition Updater", "Photon OS 5"),
        ],
    },
    System {
        os_release: "NAME=\"Microsoft Azure Linux\"\nVERSION=\"3.0.20240727\"\nID=azurelinux\nVERSION_ID=\"3.0\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[
            Name::Osv("Azure Linux:3"),
            Name::Oval("Azure Linux OVAL Definition Generator", "Azure Linux"),
        ],
    },
    System {
        os_release: "NAME=\"Common Base Linux Mariner\"\nVERSION=\"2.0.20240112\"\nID=mariner\nVERSION_ID=\"2.0\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[
            Name::Osv("Azure Linux:2"),
            Name::Oval("CBL-Mariner OVAL Definition Generator", "CBL-Mariner"),
        ],
    },
    System {
        os_release: "NAME=\"Mageia\"\nVERSION=\"9\"\nID=mageia\nVERSION_ID=9\nID_LIKE=\"mandriva fedora\"\n",
        ecosystem: Ecosystem::Rpm,
        names: &[Name::Osv("Mageia:9")],
    },
    System {
        os_release: "NAME=\"Arch Linux\"\nPRETTY_NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\n",
        ecosystem: Ecosystem::Alpm,
        names: &[Name::Arch],
    },
    System {
        os_release: "NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\nVERSION_ID=20240101.0.204074\n",
        ecosystem: Ecosystem::Alpm,
        names: &[Name::Arch],
    },
];

/// The fields that `lazaret-catalog` takes of an os-release.
fn distribution(os_release: &str) -> Distribution {
    let field = |name: &str| {
        let mut lines = os_release.lines().filter_map(|line| line.split_once('='));
        let value = lines.rfind(|(key, _)| *key == name)?.1.trim_matches('"');
        (!value.is_empty()).then(|| value.to_owned())
    };
    Distribution {
        id: field("ID").expect("an os-release names its ID"),
        version: field("VERSION_ID"),
        codename: field("VERSION_CODENAME"),
        title: field("PRETTY_NAME"),
    }
}

/// A file of a publisher that says: CVE-2024-0001 is in `foo` before 2-1.
fn push(name: &Name, system: &System, builder: &mut Builder) {
    let limits = &Limits::default();
    let microsoft = if system.os_release.contains("mariner") { "2-1.cm2" } else { "2-1.azl3" };
    let parsed = match name {
        Name::Osv(ecosystem) => {
            let text = format!(
                r#"{{"id":"CVE-2024-0001","modified":"2024-01-01T00:00:00Z","affected":[{{"package":{{"ecosystem":"{ecosystem}",
                "name":"foo"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"2-r1"}}]}}]}}]}}"#
            );
            let text = if system.ecosystem == Ecosystem::Apk { text } else { text.replace("2-r1", "2-1") };
            return osv::parse(text.as_bytes(), limits).expect("a document of OSV").push_into(builder);
        }
        Name::Oval(product, platform) => {
            let fixed = if platform.contains("Linux 3") || product.contains("OVAL Definition Gen") {
                microsoft
            } else {
                "0:2-1"
            };
            let text = format!(
                r#"<oval_definitions><generator><product_name>{product}</product_name></generator><definitions>
                <definition id="d" class="patch"><metadata><title>foo</title><affected><platform>{platform}</platform></affected>
                <reference source="CVE" ref_id="CVE-2024-0001"/></metadata><criteria><criterion test_ref="t" comment="foo is earlier than {fixed}"/></criteria></definition></definitions>
                <tests><rpminfo_test id="t"><object object_ref="o"/><state state_ref="s"/></rpminfo_test></tests>
                <objects><rpminfo_object id="o"><name>foo</name></rpminfo_object></objects>
                <states><rpminfo_state id="s"><evr operation="less than">{fixed}</evr></rpminfo_state></states></oval_definitions>"#
            );
            oval::parse(text.as_bytes(), "oval.xml", limits)
        }
        Name::Updateinfo(from, release, tag) => {
            let text = format!(
                r#"<updates><update from="{from}" type="security"><id>X-2024:1</id><release>{release}</release>
                <references><reference id="CVE-2024-0001" type="cve"/></references><pkglist><collection>
                <package name="foo" version="2" release="{tag}" arch="noarch"/></collection></pkglist></update></updates>"#
            );
            updateinfo::parse(text.as_bytes(), "updateinfo.xml", limits)
        }
        Name::Csaf(product, cpe) => {
            let text = format!(
                r#"{{"document":{{"csaf_version":"2.0","category":"csaf_vex","title":"t","tracking":{{"id":"X-1","status":"final"}}}},
                "product_tree":{{"branches":[{{"category":"product_name","name":"p","product":{{"name":"{product}","product_id":"P",
                "product_identification_helper":{{"cpe":"{cpe}"}}}}}},
                {{"category":"product_version","name":"foo","product":{{"name":"foo-2-1","product_id":"foo-2-1.x86_64",
                "product_identification_helper":{{"purl":"pkg:rpm/vendor/foo@2-1?arch=x86_64"}}}}}}],
                "relationships":[{{"category":"default_component_of","full_product_name":{{"name":"x","product_id":"P:foo"}},
                "product_reference":"foo-2-1.x86_64","relates_to_product_reference":"P"}}]}},
                "vulnerabilities":[{{"cve":"CVE-2024-0001","product_status":{{"fixed":["P:foo"]}}}}]}}"#
            );
            csaf::parse(text.as_bytes(), "x.json", limits)
        }
        Name::Tracker(codename) => {
            let text = format!(
                r#"{{"foo":{{"CVE-2024-0001":{{"releases":{{"{codename}":{{"status":"resolved","fixed_version":"2-1"}}}}}}}}}}"#
            );
            debian_tracker::parse(text.as_bytes(), "json", limits)
        }
        Name::Secdb(server, version) => {
            let text = format!(
                r#"{{"urlprefix":"{server}","distroversion":"{version}","packages":[{{"pkg":{{"name":"foo","secfixes":{{"2-r1":["CVE-2024-0001"]}}}}}}]}}"#
            );
            secdb::parse(text.as_bytes(), "main.json", limits)
        }
        Name::Photon(version) => {
            let text = r#"[{"cve_id":"CVE-2024-0001","pkg":"foo","cve_score":7.5,"aff_ver":"all","res_ver":"2-1.ph5"}]"#;
            photon::parse(text.as_bytes(), &format!("cve_data_photon{version}.json"), limits)
        }
        Name::Arch => {
            let text = r#"[{"name":"AVG-1","packages":["foo"],"status":"Fixed","fixed":"2-1","issues":["CVE-2024-0001"]}]"#;
            arch::parse(text.as_bytes(), "all.json", limits)
        }
        Name::Echo => {
            echo::parse(br#"{"foo":{"CVE-2024-0001":{"fixed_version":"2-1"}}}"#, "data.json", limits)
        }
    };
    parsed.expect("the publisher's format").push_into(builder);
}

#[test]
fn systems_find_the_advisories_of_their_release() {
    for system in SYSTEMS {
        let distribution = distribution(system.os_release);
        for (number, name) in system.names.iter().enumerate() {
            let mut builder = Builder::new();
            push(name, system, &mut builder);
            let database = Database::open(builder.build(built()).expect("it fits")).expect("a database");
            let what = format!("{} by its name {number}", system.os_release);
            assert!(matches!(database.covers(&distribution), Ok(Covered::Release(_))), "{what}");
            let package = |version: &str| Package::new(system.ecosystem, "foo", version);
            let ids = |version| {
                let findings =
                    database.findings(Some(&distribution), &[package(version)]).expect("it is sound");
                findings.into_iter().map(|finding| finding.id).collect::<Vec<_>>()
            };
            let apk = system.ecosystem == Ecosystem::Apk;
            assert_eq!(ids(if apk { "1-r1" } else { "1-1" }), ["CVE-2024-0001"], "{what}");
            assert_eq!(ids(if apk { "3-r1" } else { "3-1" }), [""; 0], "{what}");
            let other = Distribution::of(&*distribution.id, "0.1");
            let is_rolling = other.key() == distribution.key();
            assert_eq!(database.covers(&other).expect("it is sound").is_covered(), is_rolling, "{what}");
        }
    }
}

/// All publishers' words together: a release has one key, so that every format's rows stand under it.
#[test]
fn all_names_of_a_release_have_one_key() {
    for system in SYSTEMS {
        let mut builder = Builder::new();
        system.names.iter().for_each(|name| push(name, system, &mut builder));
        let database = Database::open(builder.build(built()).expect("it fits")).expect("a database");
        let mut keys: Vec<String> =
            database.coverage().expect("it is sound").into_iter().map(|coverage| coverage.release).collect();
        keys.dedup();
        assert_eq!(keys.len(), 1, "{keys:?} of {}", system.os_release);
    }
}
