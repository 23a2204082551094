//! The kernel programs, by the parts that work or fail together, and what each is attached to.

/// How a program is attached.
pub(crate) enum Hook {
    /// A typed tracepoint of this name.
    Event(&'static str),
    /// The root of the unified hierarchy.
    Root,
    /// A security hook of this name.
    Security(&'static str),
}

/// Without this one nothing is traced.
pub(crate) const EXEC: (&str, Hook) = ("exec", Hook::Event("sched_process_exec"));
/// These make the picture whole.
pub(crate) const STARTS: [(&str, Hook); 4] = [
    ("ended", Hook::Event("sched_process_exit")),
    ("forked", Hook::Event("sched_process_fork")),
    ("group_made", Hook::Event("cgroup_mkdir")),
    ("group_gone", Hook::Event("cgroup_rmdir")),
];
pub(crate) const CALLS: [(&str, Hook); 1] = [("call_returned", Hook::Event("sys_exit"))];
pub(crate) const REQUESTS: [(&str, Hook); 1] = [("request_made", Hook::Event("io_uring_submit_req"))];
/// Without these nothing is held to rules for files.
pub(crate) const SECURITY: [(&str, Hook); 22] = [
    ("refuse_exec", Hook::Security("bprm_check_security")),
    ("refuse_mapping", Hook::Security("mmap_file")),
    ("refuse_protection", Hook::Security("file_mprotect")),
    ("refuse_open", Hook::Security("file_open")),
    ("refuse_truncate", Hook::Security("path_truncate")),
    ("refuse_node", Hook::Security("path_mknod")),
    ("refuse_directory", Hook::Security("path_mkdir")),
    ("refuse_symlink", Hook::Security("path_symlink")),
    ("refuse_unlink", Hook::Security("path_unlink")),
    ("refuse_rmdir", Hook::Security("path_rmdir")),
    ("refuse_link", Hook::Security("path_link")),
    ("refuse_rename", Hook::Security("path_rename")),
    ("refuse_mode", Hook::Security("path_chmod")),
    ("refuse_unix", Hook::Security("unix_stream_connect")),
    ("refuse_mount", Hook::Security("sb_mount")),
    ("refuse_move", Hook::Security("move_mount")),
    ("refuse_unmount", Hook::Security("sb_umount")),
    ("refuse_pivot", Hook::Security("sb_pivotroot")),
    ("refuse_chroot", Hook::Security("path_chroot")),
    ("refuse_trace", Hook::Security("ptrace_access_check")),
    ("refuse_traceme", Hook::Security("ptrace_traceme")),
    ("refuse_user", Hook::Security("task_fix_setuid")),
];
/// These end the process instead where the kernel has no such hook.
pub(crate) const SECURITY_MORE: [(&str, Hook); 6] = [
    ("refuse_users", Hook::Security("userns_create")),
    ("refuse_namespace", Hook::Security("task_alloc")),
    ("refuse_module", Hook::Security("kernel_load_data")),
    ("refuse_module_file", Hook::Security("kernel_read_file")),
    ("refuse_bpf", Hook::Security("bpf")),
    ("refuse_packets", Hook::Security("socket_create")),
];
pub(crate) const NETWORK: [(&str, Hook); 7] = [
    ("connect4", Hook::Root),
    ("connect6", Hook::Root),
    ("sendmsg4", Hook::Root),
    ("sendmsg6", Hook::Root),
    ("bind4", Hook::Root),
    ("bind6", Hook::Root),
    ("socket_made", Hook::Root),
];
