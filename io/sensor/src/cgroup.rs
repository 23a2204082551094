//! Identity of a container from the names that engines give their control groups.

/// What `/proc/PID/cgroup` says about a process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Membership {
    /// Path in the unified hierarchy, or in the first one that carries an engine's id.
    pub(crate) path: String,
    pub(crate) container_id: Option<String>,
}

/// Reads the text of `/proc/PID/cgroup`: lines of `hierarchy:controllers:path`.
pub(crate) fn membership(text: &str) -> Membership {
    let paths = || text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let unified = text.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    // On a hybrid host an engine may have made its groups in the old hierarchies only.
    for path in std::iter::once(unified).chain(paths()) {
        if let Some(id) = container_id(path) {
            return Membership { path: path.to_owned(), container_id: Some(id) };
        }
    }
    Membership { path: unified.to_owned(), container_id: None }
}

/// Where a controller's hierarchy is mounted, by the text of `/proc/self/mounts`. The empty name is the unified one.
pub(crate) fn mount_point(mounts: &str, controller: &str) -> Option<String> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (point, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let fits = match controller {
            "" => kind == "cgroup2",
            name => kind == "cgroup" && options.split(',').any(|option| option == name),
        };
        fits.then(|| point.to_owned())
    })
}

/// The innermost 64-digit id in a cgroup path: `/docker/<id>`, `docker-<id>.scope`, `cri-containerd-<id>.scope`,
/// `crio-<id>.scope`, `libpod-<id>.scope/container`, `/kubepods/besteffort/pod…/<id>`.
pub(crate) fn container_id(path: &str) -> Option<String> {
    path.rsplit('/').find_map(id_in_name)
}

/// The id in one component of a cgroup path.
pub(crate) fn id_in_name(name: &str) -> Option<String> {
    let name = name.strip_suffix(".scope").unwrap_or(name);
    // The monitor of podman and CRI-O sits in a group of its own that carries the container's id.
    if name.contains("conmon") {
        return None;
    }
    // Engines put a prefix before the id: `docker-`, `cri-containerd-`, or `kubepods-…:cri-containerd:`.
    let id = name.rsplit(['-', ':']).next()?;
    let is_id = id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_id.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_id_of_each_engine() {
        let id = "0123456789abcdef".repeat(4);
        for path in [
            format!("/docker/{id}"),
            format!("/lazaret/{id}"),
            format!("/system.slice/docker-{id}.scope"),
            format!("/system.slice/docker-{id}.scope/init.scope"),
            format!("/kubepods.slice/kubepods-pod1_2.slice/cri-containerd-{id}.scope"),
            format!("/system.slice/containerd.service/kubepods-burstable-pod12.slice:cri-containerd:{id}"),
            format!("/kubepods/besteffort/pod12/{id}"),
            format!("/machine.slice/libpod-{id}.scope/container"),
            format!("/docker/{}/docker/{id}", "f".repeat(64)),
        ] {
            assert_eq!(container_id(&path).as_deref(), Some(id.as_str()), "{path}");
        }
        for path in [
            "/".to_owned(),
            "/user.slice/user-0.slice".to_owned(),
            format!("/machine.slice/libpod-conmon-{id}.scope"),
            format!("/docker/{}", id.to_uppercase()),
            format!("/docker/{id}0"),
            format!("/docker/{}", &id[1..]),
        ] {
            assert_eq!(container_id(&path), None, "{path}");
        }
    }

    #[test]
    fn prefers_the_unified_hierarchy_and_falls_back_to_the_old_ones() {
        let (new, old) = ("a".repeat(64), "b".repeat(64));
        let text = format!("4:memory:/docker/{old}\n0::/docker/{new}\n");
        assert_eq!(membership(&text).container_id, Some(new));
        let text = format!("4:memory:/docker/{old}\n0::/\n");
        assert_eq!(membership(&text), Membership { path: format!("/docker/{old}"), container_id: Some(old) });
        assert_eq!(membership("0::/x:y\n"), Membership { path: "/x:y".to_owned(), container_id: None });
        assert_eq!(membership(""), Membership::default());
    }

    #[test]
    fn finds_where_controllers_are() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(mount_point(mounts, "cpuacct").as_deref(), Some("/sys/fs/cgroup/cpu,cpuacct"));
        assert_eq!(mount_point(mounts, "").as_deref(), Some("/sys/fs/cgroup/unified"));
        assert_eq!(mount_point(mounts, "memory"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,300}") {
            let _ = membership(&text);
        }
    }
}
