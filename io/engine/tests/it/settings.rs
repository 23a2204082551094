//! Every setting that gives a container more than the engine's defaults, in every disguise.

use lazaret_engine::docker::request::{Request, Undecided};
use lazaret_model::{HostNamespace, MountKind};

use crate::bypasses::{ask, create, with_host_config};

#[test]
fn paths_of_the_host_in_every_disguise() {
    for (text, source) in [
        (r#""Binds":["/:/host"]"#, "/"),
        (r#""Binds":["/etc:/host:ro,z"]"#, "/etc"),
        (r#""Mounts":[{"Type":"bind","Source":"/","Target":"/host"}]"#, "/"),
        (
            r#""Mounts":[{"Type":"volume","Source":"v","Target":"/h","VolumeOptions":{"DriverConfig":{"Options":{"type":"none","o":"bind","device":"/"}}}}]"#,
            "/",
        ),
        (
            r#""Mounts":[{"Type":"volume","Target":"/h","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"type":"tmpfs","o":"size=1,rbind","device":"/etc"}}}}]"#,
            "/etc",
        ),
    ] {
        let run = with_host_config(text).unwrap().run;
        assert_eq!((run.mounts[0].kind, run.mounts[0].source.as_str()), (MountKind::Bind, source), "{text}");
    }
    for text in [
        r#""Binds":["/:/a:ro:x"]"#,
        r#""Binds":["/:a"]"#,
        r#""Binds":[":/a"]"#,
        r#""Binds":[""]"#,
        r#""Binds":[null]"#,
        r#""Binds":"/:/host""#,
        r#""Binds":["/:/host:unheard"]"#,
        r#""Mounts":[{"Source":"/","Target":"/host"}]"#,
        r#""Mounts":[{"Type":"BIND","Source":"/","Target":"/host"}]"#,
        r#""Mounts":[{"Type":"npipe","Source":"/","Target":"/host"}]"#,
        r#""Mounts":[{"Type":"bind","Source":"x","Target":"/host"}]"#,
        r#""Mounts":[{"Type":"volume","Source":"/x","Target":"/host"}]"#,
        r#""Mounts":[null]"#,
        r#""Mounts":[{"Type":"bind","Source":"/","Target":"/h","BindOptions":{"Propagation":"odd"}}]"#,
        r#""Tmpfs":{"/x":"bind"}"#,
    ] {
        let refused = with_host_config(text);
        assert!(matches!(refused, Err(Undecided::Setting(_))), "{text}: {refused:?}");
    }
    let asked = ask(
        "POST",
        "/v1.41/volumes/create",
        Some("application/json"),
        Some(r#"{"Name":"v","DriverOpts":{"type":"none","o":"bind","device":"/"}}"#),
    );
    let Ok(Request::CreateVolume(volume)) = asked else { panic!("{asked:?}") };
    assert_eq!((volume.run.mounts[0].kind, volume.run.mounts[0].source.as_str()), (MountKind::Bind, "/"));
}

#[test]
fn every_setting_that_gives_more_is_a_fact() {
    for (text, fact) in [
        (r#""CapAdd":["SYS_ADMIN"]"#, "capabilities: SYS_ADMIN"),
        (r#""CapAdd":"ALL""#, "capabilities: ALL"),
        (r#""CapAdd":["cap_net_admin"]"#, "capabilities: NET_ADMIN"),
        (r#""PidMode":"host""#, "host namespaces: pid"),
        (r#""IpcMode":"host""#, "host namespaces: ipc"),
        (r#""NetworkMode":"host""#, "host namespaces: network"),
        (r#""UTSMode":"host""#, "host namespaces: uts"),
        (r#""UsernsMode":"host""#, "host namespaces: user"),
        (r#""CgroupnsMode":"host""#, "host namespaces: cgroup"),
        (r#""PidMode":"container:a""#, "escapes: pid namespace of container a"),
        (r#""NetworkMode":"container:a""#, "escapes: network namespace of container a"),
        (
            r#""Devices":[{"PathOnHost":"/dev/vda","PathInContainer":"/dev/null","CgroupPermissions":"r"}]"#,
            "devices: /dev/vda",
        ),
        (r#""DeviceCgroupRules":["a *:* rwm"]"#, "devices: device rule a *:* rwm"),
        (
            r#""DeviceRequests":[{"Driver":"","Count":-1,"Capabilities":[["gpu"]]}]"#,
            "devices: device request gpu",
        ),
        (r#""SecurityOpt":["seccomp=unconfined"]"#, "weakened: seccomp profile unconfined"),
        (r#""SecurityOpt":["seccomp:unconfined"]"#, "weakened: seccomp profile unconfined"),
        (r#""SecurityOpt":["seccomp={\"a\":1}"]"#, "weakened: seccomp profile of the caller"),
        (r#""SecurityOpt":["apparmor=unconfined"]"#, "weakened: apparmor profile unconfined"),
        (r#""SecurityOpt":["label=disable"]"#, "weakened: security label disable"),
        (r#""SecurityOpt":["no-new-privileges=false"]"#, "weakened: security option no-new-privileges=false"),
        (r#""SecurityOpt":["writable-cgroups=true"]"#, "weakened: cgroups writable"),
        (r#""MaskedPaths":[]"#, "weakened: masked paths uncovered"),
        (r#""MaskedPaths":["/proc/kcore"]"#, "weakened: masked paths uncovered"),
        (r#""ReadonlyPaths":[]"#, "weakened: read-only paths writable"),
        (r#""CgroupParent":"/x""#, "escapes: cgroup parent /x"),
        (r#""Cgroup":"container:a""#, "escapes: cgroup of container:a"),
        (r#""Runtime":"kata""#, "escapes: runtime kata"),
        (r#""VolumesFrom":["a:ro"]"#, "escapes: volumes of container a:ro"),
        (r#""VolumeDriver":"net""#, "escapes: volume driver net"),
        (r#""Links":["db:db"]"#, "escapes: link to container db:db"),
        (r#""Sysctls":{"kernel.shm_rmid_forced":"1"}"#, "sysctls: kernel.shm_rmid_forced=1"),
        (r#""OomKillDisable":true"#, "weakened: out-of-memory killer disabled"),
        (r#""OomScoreAdj":-1000"#, "weakened: out-of-memory score -1000"),
        (r#""GroupAdd":["0"]"#, "weakened: supplementary group 0"),
        (r#""Annotations":{"org.systemd.property.X":"1"}"#, "escapes: annotation org.systemd.property.X"),
        (r#""StorageOpt":{"overlay2.x":"1"}"#, "escapes: storage option overlay2.x"),
        (
            r#""LogConfig":{"Type":"syslog","Config":{"syslog-address":"unix:///x"}}"#,
            "escapes: log driver syslog",
        ),
        (r#""Tmpfs":{"/x":"exec,size=1m"}"#, "weakened: tmpfs with exec at /x"),
        (r#""Binds":["/a:/b:rshared"]"#, "weakened: mount propagation rshared of /b"),
        (r#""Mounts":[{"Type":"image","Source":"other","Target":"/x"}]"#, "escapes: files of image other"),
        (r#""PublishAllPorts":true"#, "ports: *:all"),
        (r#""PortBindings":{"80/tcp":[{"HostIp":"::1","HostPort":"8080"}]}"#, "ports: [::1]:8080:80/tcp"),
    ] {
        let run = with_host_config(text).unwrap_or_else(|error| panic!("{text}: {error}")).run;
        assert!(crate::requests::facts(&run).contains(fact), "{text}: {}", crate::requests::facts(&run));
    }
    for text in [
        r#""NetworkMode":"HOST""#,
        r#""NetworkMode":"ns:/proc/1/ns/net""#,
        r#""PidMode":"host:x""#,
        r#""UTSMode":"container:a:b:c""#,
        r#""Isolation":"hyperv""#,
        r#""SecurityOpt":["odd"]"#,
        r#""SecurityOpt":["odd=1"]"#,
        r#""CredentialSpec":"x""#,
        r#""Unheard":0"#,
        r#""Privileged":"true""#,
        r#""Privileged":1"#,
        r#""OomScoreAdj":"-1000""#,
        r#""CapAdd":{"a":1}"#,
    ] {
        let asked = with_host_config(text);
        let is_fact = asked.as_ref().is_ok_and(|create| !create.run.escapes.is_empty());
        assert!(asked.is_err() || is_fact, "{text}: {asked:?}");
    }
    let run = create(r#"{"Image":"x","NetworkingConfig":{"EndpointsConfig":{"host":{}}}}"#).unwrap().run;
    assert_eq!(run.host_namespaces, [HostNamespace::Network]);
    let text = r#"{"Image":"x","NetworkingConfig":{"EndpointsConfig":{"a":{"DriverOpts":{"com.docker.network.endpoint.sysctls":"net.x=1,net.y=2"}}}}}"#;
    assert_eq!(create(text).unwrap().run.sysctls, ["net.x=1", "net.y=2"]);
}

#[test]
fn changing_what_runs() {
    let update = |body: &str| ask("POST", "/v1.41/containers/x/update", Some("application/json"), Some(body));
    assert!(matches!(update(r#"{"Memory":1,"Devices":[]}"#), Ok(Request::Operation(_))));
    for body in [
        r#"{"Devices":[{"PathOnHost":"/dev/vda"}]}"#,
        r#"{"CgroupParent":"/x"}"#,
        r#"{"Privileged":true}"#,
        r#"{"memory":0}"#,
    ] {
        assert!(matches!(update(body), Err(Undecided::Setting(_))), "{body}");
    }
    let connect = r#"{"Container":"x","EndpointConfig":{"DriverOpts":{"com.docker.network.endpoint.sysctls":"net.x=1"}}}"#;
    let refused = ask("POST", "/v1.41/networks/n/connect", Some("application/json"), Some(connect));
    assert!(matches!(refused, Err(Undecided::Setting(_))), "{refused:?}");
}
