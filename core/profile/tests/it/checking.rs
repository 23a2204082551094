//! Facts held against a profile.

use lazaret_model::{
    Architecture, Capability, CapabilityUse, Dimension, Fact, FileOperation, FileOrigin, Gain,
    IdentityChange, KernelOperation, Login, LoginWay, Mapping, Mounting, Phase, RawSocket, ResourceUse,
    SystemCall,
};
use lazaret_profile::check::{Category, Circumstances, Compiled};
use lazaret_profile::learn::Visit;
use lazaret_profile::{Action, Mode, Pending};

use crate::facts::{
    PERL, access, by, connect, entered, entrypoint, exec, execution, file, kernel, listen, lookup,
};
use crate::shop::{self, TOOL};

const START: Circumstances = Circumstances { phase: Phase::Start, visit: Visit::Program };
const STOP: Circumstances = Circumstances { phase: Phase::Stop, visit: Visit::Program };

fn compiled(mode: Mode) -> Compiled {
    Compiled::new(&shop::profile(mode), shop::image_files())
}

fn categories(compiled: &Compiled, behaviour: &lazaret_model::Behaviour) -> Vec<Category> {
    compiled.check(behaviour, Circumstances::STEADY).into_iter().map(|deviation| deviation.category).collect()
}

#[test]
fn what_was_learned_is_allowed_again() {
    let compiled = compiled(Mode::Block);
    for (circumstances, behaviours) in
        [(START, shop::start()), (Circumstances::STEADY, shop::request(4711)), (STOP, shop::stop())]
    {
        for behaviour in behaviours {
            assert_eq!(compiled.check(&behaviour, circumstances), [], "{behaviour:?}");
        }
    }
}

#[test]
fn what_was_not_is_told_by_its_category() {
    let compiled = compiled(Mode::Alert);
    let with = |path: &str, change: fn(&mut lazaret_model::Execution)| {
        let mut execution = execution(&[path]);
        change(&mut execution);
        by(PERL, Fact::Exec(execution))
    };
    let map = |path: &str, origin, as_program| {
        by(PERL, Fact::Map(Mapping { path: path.to_owned(), digest: None, origin, as_program }))
    };
    let resources = |cpu_permille, memory_bytes, processes, written_bytes| {
        by(
            PERL,
            Fact::Resources(ResourceUse { window: 60, cpu_permille, memory_bytes, processes, written_bytes }),
        )
    };
    let cases = [
        (exec(PERL, &["/usr/bin/dash", "-c", "id"]), Category::UnexpectedProcess),
        (exec("/usr/bin/dash", &[TOOL, "report"]), Category::UnexpectedProcess),
        (exec(PERL, &[TOOL, "uring-open", "/etc/shadow"]), Category::UnexpectedArguments),
        (exec(PERL, &[TOOL]), Category::UnexpectedArguments),
        (
            with(TOOL, |e| (e.arguments, e.arguments_cut) = (vec![TOOL.into(), "report".into()], true)),
            Category::UnexpectedArguments,
        ),
        (with("/tmp/xmrig", |e| (e.origin, e.digest) = (FileOrigin::Upper, None)), Category::NewBinary),
        (with("/dev/shm/.x", |e| e.origin = FileOrigin::Mounted).clone_with_digest(), Category::NewBinary),
        (
            with("/usr/bin/tac", |e| e.origin = FileOrigin::Upper).clone_with_digest(),
            Category::ModifiedBinary,
        ),
        (
            with("/tmp/s.sh", |e| (e.origin, e.interpreter) = (FileOrigin::Upper, Some("/bin/sh".into())))
                .clone_with_digest(),
            Category::Script,
        ),
        (with("/memfd:x", |e| e.origin = FileOrigin::Nameless), Category::Fileless),
        (map("/tmp/evil", FileOrigin::Upper, true), Category::NewBinary),
        (map("/usr/bin/id", FileOrigin::Image, true), Category::NewBinary),
        (map("/tmp/p.so", FileOrigin::Upper, false), Category::NewLibrary),
        (by(PERL, Fact::Identity(IdentityChange { to_uid: 1, to_gid: 1 })), Category::UserChange),
        (file(PERL, "/etc/passwd", FileOperation::Append), Category::FileWrite),
        (file(PERL, "/srv/www/shell.php", FileOperation::Create), Category::FileWrite),
        (file(PERL, "/etc/shadow", FileOperation::Read), Category::SensitiveRead),
        (file(PERL, "/proc/1/environ", FileOperation::Read), Category::SensitiveRead),
        (file(TOOL, "/run/secrets/db_password", FileOperation::Read), Category::SecretAccess),
        (file(PERL, "/run/secrets/db_password", FileOperation::Read), Category::SecretAccess),
        (file(PERL, "/var/log/app/app.log", FileOperation::Truncate), Category::LogTampering),
        (file(PERL, "/var/log/app/app.log", FileOperation::Delete), Category::LogTampering),
        (file(PERL, "/proc/7/mem", FileOperation::Write), Category::Injection),
        (file(PERL, "/tmp/rs", FileOperation::SetUserId), Category::SetUserId),
        (file(PERL, "/tmp/sda", FileOperation::Device), Category::Escape),
        (connect(PERL, "198.51.100.2", 9001, None), Category::Connect),
        (connect(PERL, "10.0.0.5", 5432, None), Category::Connect),
        (connect(TOOL, "10.0.0.5", 5432, Some("db.internal")), Category::Connect),
        (connect(PERL, "10.0.0.5", 5433, Some("db.internal")), Category::Connect),
        (connect(PERL, "10.0.0.5", 5432, Some("db.internal.evil.example")), Category::Connect),
        (listen(PERL, 31337), Category::Listen),
        (lookup("evil.example"), Category::Dns),
        (by(PERL, Fact::RawSocket(RawSocket { family: 17, protocol: 3 })), Category::RawSocket),
        (kernel(KernelOperation::Trace), Category::Injection),
        (kernel(KernelOperation::Bpf), Category::Bpf),
        (kernel(KernelOperation::IoUring), Category::IoUring),
        (kernel(KernelOperation::LoadModule), Category::KernelModule),
        (kernel(KernelOperation::EnterNamespace), Category::Escape),
        (
            by(
                PERL,
                Fact::Mount(Mounting {
                    source: "none".into(),
                    target: "/tmp/m".into(),
                    kind: "tmpfs".into(),
                }),
            ),
            Category::Volume,
        ),
        (
            by(
                PERL,
                Fact::Capability(CapabilityUse {
                    capability: Capability::from_name("SYS_ADMIN").unwrap(),
                    granted: true,
                }),
            ),
            Category::Capability,
        ),
        (
            by(PERL, Fact::SystemCall(SystemCall { architecture: Architecture::X86_64, number: 321 })),
            Category::SystemCall,
        ),
        (
            by(
                PERL,
                Fact::Login(Login {
                    through: LoginWay::Attach,
                    who: None,
                    arguments: Vec::new(),
                    terminal: true,
                }),
            ),
            Category::Login,
        ),
        (resources(1000, 0, 0, 0), Category::Cpu),
        (resources(0, 300 << 20, 0, 0), Category::Memory),
        (resources(0, 0, 300, 0), Category::Processes),
        (resources(0, 0, 0, 200 << 20), Category::Disk),
    ];
    for (behaviour, expected) in cases {
        let found = categories(&compiled, &behaviour);
        assert_eq!(found.first(), Some(&expected), "{behaviour:?}: {found:?}");
    }
    let mut rights = execution(&["/usr/bin/tac"]);
    rights.gains = Some(Gain { uid: 0, gid: 0, capabilities: u64::MAX });
    assert!(categories(&compiled, &by(PERL, Fact::Exec(rights))).contains(&Category::SetUserId));
    let (secret, log) = ("/run/secrets/db_password", "/var/log/app/app.log");
    for (path, other, operation, expected) in [
        ("/tmp/hl", "/etc/shadow", FileOperation::Link, Category::SensitiveRead),
        ("/tmp/hl", secret, FileOperation::Link, Category::SecretAccess),
        ("/tmp/sl", secret, FileOperation::Symlink, Category::SecretAccess),
        (secret, "/tmp/x", FileOperation::Rename, Category::SecretAccess),
        (log, "/tmp/x", FileOperation::Rename, Category::LogTampering),
        ("/tmp/x", log, FileOperation::Rename, Category::LogTampering),
        ("/tmp/x", "/tmp/y", FileOperation::Rename, Category::FileWrite),
    ] {
        let mut paired = access(path, operation);
        paired.other = Some(other.to_owned());
        let found = categories(&compiled, &by(PERL, Fact::File(paired)));
        assert_eq!(found, [expected], "{path} {other} {operation:?}");
    }
    assert_eq!(
        categories(&compiled, &entered(9, &["/usr/bin/dash"])).first(),
        Some(&Category::UnexpectedProcess)
    );
    let login = Circumstances { phase: Phase::Steady, visit: Visit::Login };
    let told = compiled.check(&entered(9, &["/usr/bin/perl"]), login);
    assert_eq!(told[0].category, Category::Login);
}

trait CloneWithDigest {
    /// With content that the image did not bring.
    fn clone_with_digest(self) -> Self;
}

impl CloneWithDigest for lazaret_model::Behaviour {
    fn clone_with_digest(mut self) -> Self {
        if let Fact::Exec(execution) = &mut self.fact {
            execution.digest = Some(shop::other_digest());
        }
        self
    }
}

#[test]
fn a_touched_program_is_still_the_image_s() {
    let mut execution = execution(&[TOOL, "report"]);
    execution.origin = FileOrigin::Upper;
    assert_eq!(categories(&compiled(Mode::Block), &by(PERL, Fact::Exec(execution))), []);
}

#[test]
fn before_anything_was_learned_what_the_image_did_not_bring_is_blocked() {
    let compiled = Compiled::new(&shop::derived(), shop::image_files());
    let mut dropped = execution(&["/tmp/dropper", "/"]);
    (dropped.origin, dropped.digest) = (FileOrigin::Upper, Some(shop::other_digest()));
    let found = compiled.check(&by("/usr/bin/dash", Fact::Exec(dropped)), START);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].category, found[0].mode, found[0].action),
        (Category::NewBinary, Mode::Block, Action::Deny)
    );
    assert_eq!(
        found[0].to_string(),
        "drift.new_binary: /tmp/dropper was executed, which the image did not bring; one of the 4 programs of the image; \
         build it into the image"
    );
    for behaviour in [entrypoint(), exec(PERL, &["/usr/bin/dash"]), file(PERL, "/x", FileOperation::Write)] {
        assert_eq!(compiled.check(&behaviour, START), [], "{behaviour:?}");
    }
}

#[test]
fn modes_decide_what_follows() {
    let mut profile = shop::profile(Mode::Block);
    profile.modes.set_action(Dimension::Network, Action::Quarantine);
    let evil = connect(PERL, "198.51.100.2", 9001, None);
    let answer = |profile: &lazaret_profile::Profile| {
        let compiled = Compiled::new(profile, shop::image_files());
        compiled.check(&evil, Circumstances::STEADY).first().map(|found| (found.mode, found.action))
    };
    assert_eq!(answer(&profile), Some((Mode::Block, Action::Quarantine)));
    profile.wide.push(Dimension::Network);
    assert_eq!(answer(&profile), Some((Mode::Alert, Action::Alert)));
    for (mode, expected) in
        [(Mode::Alert, Some((Mode::Alert, Action::Alert))), (Mode::Learn, None), (Mode::Off, None)]
    {
        profile.modes.set(Dimension::Network, mode);
        assert_eq!(answer(&profile), expected);
    }
}

#[test]
fn what_waits_for_a_person_allows_nothing() {
    let mut profile = shop::profile(Mode::Alert);
    for rule in &mut profile.files {
        rule.seen.pending = Some(Pending { replicas: 1, of: 7, tainted: false });
    }
    let compiled = Compiled::new(&profile, shop::image_files());
    let append = file(PERL, "/var/log/app/app.log", FileOperation::Append);
    assert_eq!(categories(&compiled, &append), [Category::FileWrite]);
}

#[test]
fn explanations_say_what_was_expected_and_what_to_do() {
    let found =
        compiled(Mode::Alert).check(&exec(PERL, &["/usr/bin/dash", "-c", "id\n"]), Circumstances::STEADY);
    assert_eq!(found[0].what, "/usr/bin/perl started /usr/bin/dash as `/usr/bin/dash -c id `");
    assert_eq!(found[0].expected, "/app/tool");
    assert!(found[0].remedy.contains("`processes`"));
    let found =
        compiled(Mode::Alert).check(&connect(PERL, "198.51.100.2", 9001, None), Circumstances::STEADY);
    assert_eq!(found[0].expected, "name:db.internal port 5432/tcp");
}
