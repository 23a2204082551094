//! Scripts that are given to an interpreter by name (`sh /tmp/x`): the kernel starts the interpreter, and only what it reads
//! next tells what runs.

use lazaret_model::{Behaviour, Fact, FileOperation, FileOrigin};
use lazaret_profile::check::{Category, Deviation};

/// How an interpreter is told what to run.
struct Interpreter {
    /// Names of files, without version.
    names: &'static [&'static str],
    /// Letters of options that bring code or a module instead of a script.
    code: &'static [char],
    /// Options that take the next word.
    valued: &'static [&'static str],
    /// Options whose next word is the script.
    script: &'static [&'static str],
}

const INTERPRETERS: &[Interpreter] = &[
    Interpreter {
        names: &["sh", "dash", "bash", "ash", "ksh", "mksh", "zsh", "busybox"],
        code: &['c'],
        valued: &["-o", "+o", "-O", "+O", "--rcfile", "--init-file"],
        script: &[],
    },
    Interpreter { names: &["perl", "ruby"], code: &['e', 'E'], valued: &["-I", "-C", "-r"], script: &[] },
    Interpreter { names: &["python", "pypy"], code: &['c', 'm'], valued: &["-W", "-X"], script: &[] },
    Interpreter {
        names: &["node", "nodejs", "bun", "deno"],
        code: &['e', 'p'],
        valued: &["-r", "--require", "--import"],
        script: &[],
    },
    Interpreter { names: &["php"], code: &['r'], valued: &["-c", "-d"], script: &["-f", "--file"] },
    Interpreter { names: &["java"], code: &[], valued: &["-cp", "-classpath", "-p"], script: &["-jar"] },
    Interpreter {
        names: &["lua", "luajit", "tclsh", "Rscript", "guile"],
        code: &['e'],
        valued: &["-l"],
        script: &[],
    },
    Interpreter { names: &["awk", "gawk", "mawk"], code: &[], valued: &["-F", "-v"], script: &["-f"] },
];

/// Options with one of these letters first carry a value, and no code.
const VALUES: [char; 5] = ['I', 'M', 'm', 'W', 'X'];

/// Says of a file that was read and is not read here that it is a script, if that is why it was read. `arguments` are
/// those of the process, asked for only then.
pub(super) fn recognize(
    deviation: &mut Deviation,
    behaviour: &Behaviour,
    arguments: impl FnOnce() -> Vec<String>,
) {
    let Fact::File(access) = &behaviour.fact else { return };
    let is_strange = matches!(access.origin, FileOrigin::Upper | FileOrigin::Mounted | FileOrigin::Nameless);
    if deviation.category != Category::FileRead || access.operation != FileOperation::Read || !is_strange {
        return;
    }
    let by = &behaviour.actor.executable;
    let Some(interpreter) = interpreter(by) else { return };
    if interpreter.runs(&arguments(), last(&access.path)) {
        deviation.category = Category::Script;
        deviation.what = format!("{by} ran the script {}, which the image did not bring", access.path);
        "scripts of the image".clone_into(&mut deviation.expected);
        "build it into the image; if it belongs there, learn it".clone_into(&mut deviation.remedy);
    }
}

/// `python3.11` is Python.
fn interpreter(executable: &str) -> Option<&'static Interpreter> {
    let name = last(executable).trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    INTERPRETERS.iter().find(|interpreter| interpreter.names.contains(&name))
}

impl Interpreter {
    /// Whether a program of these arguments runs a script of this name.
    fn runs(&self, arguments: &[String], name: &str) -> bool {
        let mut words = arguments.iter().skip(1).map(String::as_str);
        while let Some(word) = words.next() {
            if self.script.contains(&word) {
                return words.next().is_some_and(|script| last(script) == name);
            }
            if self.valued.contains(&word) {
                let _ = words.next();
                continue;
            }
            if word == "--" {
                return words.next().is_some_and(|script| last(script) == name);
            }
            match word.strip_prefix('-') {
                Some(letters) if self.is_code(letters) => {
                    return self.code == ['c'] && words.next().is_some_and(|text| sources(text, name));
                }
                Some(_) => {}
                // With an option for it, the first word is something else.
                None => return self.script.is_empty() && last(word) == name,
            }
        }
        false
    }

    fn is_code(&self, letters: &str) -> bool {
        match letters.chars().next() {
            None | Some('-') => false,
            Some(first) if VALUES.contains(&first) && !self.code.contains(&first) => false,
            Some(_) => letters.contains(self.code),
        }
    }
}

/// Whether a shell's command reads a script of this name into the shell itself.
fn sources(command: &str, name: &str) -> bool {
    let mut words = command.split(|c: char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '(' | ')'));
    let mut before = "";
    words.any(|word| {
        let found = matches!(before, "." | "source") && last(word) == name;
        before = word;
        found
    })
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(command: &[&str], name: &str) -> bool {
        let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        interpreter(command[0]).is_some_and(|interpreter| interpreter.runs(&words, name))
    }

    #[test]
    fn scripts_are_what_an_interpreter_is_told_to_run() {
        for command in [
            &["/bin/sh", "/tmp/x"][..],
            &["/usr/bin/bash", "-eu", "-o", "pipefail", "./x", "data"],
            &["/usr/bin/bash", "--", "x"],
            &["/usr/bin/perl5.36", "-w", "-MIO::Socket", "-I", "/lib", "/tmp/x"],
            &["/usr/bin/python3.11", "-u", "-Wignore", "/tmp/x", "--e"],
            &["/usr/bin/node", "--require", "a.js", "/srv/x"],
            &["/usr/bin/php", "-d", "a=b", "-f", "/tmp/x"],
            &["/usr/bin/java", "-Xmx1g", "-jar", "/tmp/x"],
            &["/bin/sh", "-c", "echo id > /tmp/x; . /tmp/x"],
            &["/bin/bash", "-lc", "source ./x && true"],
            &["/usr/bin/gawk", "-f", "x"],
        ] {
            assert!(runs(command, "x"), "{command:?}");
        }
    }

    #[test]
    fn what_is_only_read_is_none() {
        for command in [
            &["/bin/sh", "/app/run", "/tmp/x"][..],
            &["/bin/sh", "-c", "wc -l < /tmp/x"],
            &["/bin/sh", "-c", "cat /tmp/x", "x"],
            &["/bin/sh"],
            &["/usr/bin/perl", "-ne", "print", "/tmp/x"],
            &["/usr/bin/python3", "-m", "json.tool", "/tmp/x"],
            &["/usr/bin/node", "-e", "1", "/tmp/x"],
            &["/usr/bin/php", "-r", "1;", "/tmp/x"],
            &["/usr/bin/awk", "{print}", "/tmp/x"],
            &["/usr/bin/cat", "/tmp/x"],
        ] {
            assert!(!runs(command, "x"), "{command:?}");
        }
    }
}
