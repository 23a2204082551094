//! Facts as the sensor reports them.

use lazaret_model::{
    Actor, Architecture, Behaviour, Connection, Digest, Execution, Fact, FileAccess, FileOperation,
    FileOrigin, KernelOperation, Listening, Lookup, RUNTIME, Session, SystemCall, Transport,
};

pub(crate) const PERL: &str = "/usr/bin/perl";

pub(crate) fn by(executable: &str, fact: Fact) -> Behaviour {
    let actor = Actor { pid: 7, executable: executable.to_owned(), uid: 0, gid: 0, session: Session::Main };
    Behaviour { actor, fact }
}

pub(crate) fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

pub(crate) fn execution(arguments: &[&str]) -> Execution {
    let words: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
    Execution { digest: Some(digest(1)), ..Execution::plain(words[0].clone(), FileOrigin::Image, words) }
}

pub(crate) fn exec(parent: &str, arguments: &[&str]) -> Behaviour {
    by(parent, Fact::Exec(execution(arguments)))
}

/// The container's first program.
pub(crate) fn entrypoint() -> Behaviour {
    let execution = Execution { entered: true, ..execution(&[PERL, "/app/victim.pl"]) };
    by(RUNTIME, Fact::Exec(execution))
}

/// What comes in from outside.
pub(crate) fn entered(session: u32, arguments: &[&str]) -> Behaviour {
    let execution = Execution { entered: true, ..execution(arguments) };
    let mut behaviour = by(RUNTIME, Fact::Exec(execution));
    behaviour.actor.session = Session::Entered(session);
    behaviour
}

pub(crate) fn access(path: &str, operation: FileOperation) -> FileAccess {
    FileAccess { path: path.to_owned(), operation, other: None, origin: FileOrigin::Upper }
}

pub(crate) fn file(executable: &str, path: &str, operation: FileOperation) -> Behaviour {
    by(executable, Fact::File(access(path, operation)))
}

pub(crate) fn connect(executable: &str, address: &str, port: u16, name: Option<&str>) -> Behaviour {
    by(
        executable,
        Fact::Connect(Connection {
            transport: Transport::Tcp,
            address: address.parse().unwrap(),
            port,
            name: name.map(str::to_owned),
        }),
    )
}

pub(crate) fn listen(executable: &str, port: u16) -> Behaviour {
    let address = "0.0.0.0".parse().unwrap();
    by(executable, Fact::Listen(Listening { transport: Transport::Tcp, address, port }))
}

pub(crate) fn lookup(name: &str) -> Behaviour {
    by(PERL, Fact::Lookup(Lookup { name: name.to_owned(), kind: 1 }))
}

pub(crate) fn system_call(name: &str) -> Behaviour {
    let call = |number| SystemCall { architecture: Architecture::X86_64, number };
    let found = (0..512).map(call).find(|call| call.name() == Some(name));
    by(PERL, Fact::SystemCall(found.expect("it is a system call")))
}

pub(crate) fn kernel(operation: KernelOperation) -> Behaviour {
    by(PERL, Fact::Kernel(operation))
}
