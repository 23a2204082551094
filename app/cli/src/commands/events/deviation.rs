//! What a container did that it should not, at a glance: what, what came of it, by which processes.

use anstyle::Style;
use lazaret_format::v1::Deviation;

use crate::output::{BAD, WARN, short_id};

/// Most of a command line that is shown.
const MOST_SHOWN: usize = 160;
/// Processes of a tree, the actor's own ancestors first.
const MOST_ANCESTORS: usize = 12;

/// The event's own line. Texts are as the container chose them: whoever prints them spells them out.
pub(super) fn describe(deviation: &Deviation) -> (Style, String) {
    let times = if deviation.count > 1 { format!(", {} times", deviation.count) } else { String::new() };
    let session =
        deviation.grant.as_ref().map_or_else(String::new, |grant| format!(" (in a session of {grant})"));
    let style = if deviation.outcome == "prevented" { WARN } else { BAD };
    let text = format!(
        "{} {} in {}: {}{times}{session}",
        done(deviation),
        deviation.category,
        short_id(&deviation.container),
        deviation.what,
    );
    (style, text)
}

/// What came of it. "Prevented" is the agent's word alone.
fn done(deviation: &Deviation) -> String {
    let by = match deviation.rung.as_str() {
        "" | "alert" => String::new(),
        rung => format!(" ({rung})"),
    };
    match deviation.outcome.as_str() {
        "prevented" => format!("PREVENTED{by}"),
        "killed" => format!("ENDED AFTER IT HAPPENED{by}"),
        "failed" => "FAILED BY ITSELF".to_owned(),
        "happened" => "ONLY SEEN".to_owned(),
        other => format!("{}{by}", other.to_uppercase()),
    }
}

/// The lines below it: how grave, by which processes, what was expected and what to do.
pub(super) fn details(deviation: &Deviation) -> Vec<String> {
    let mut details = vec![gravity(deviation)];
    let process = &deviation.process;
    let own = shown(&process.exe, &process.argv);
    details.push(format!("by {own}  pid {} uid {}", process.pid, process.uid));
    for (depth, ancestor) in process.ancestors.iter().take(MOST_ANCESTORS).enumerate() {
        let margin = "  ".repeat(depth);
        let line = shown(&ancestor.exe, &ancestor.argv);
        details.push(format!("{margin}└ started by {line}  pid {}", ancestor.pid));
    }
    if let Some(more) = process.ancestors.len().checked_sub(MOST_ANCESTORS).filter(|more| *more > 0) {
        details.push(format!("  and {more} above"));
    }
    for (word, text) in
        [("expected: ", &deviation.expected), ("", &deviation.answer), ("to do: ", &deviation.remedy)]
    {
        if !text.is_empty() {
            details.push(format!("{word}{text}"));
        }
    }
    details
}

fn gravity(deviation: &Deviation) -> String {
    let mut words = vec![deviation.severity.clone()];
    words.extend(deviation.rule.iter().map(|rule| format!("rule {rule}")));
    if !deviation.attack.is_empty() {
        words.push(format!("ATT&CK {}", deviation.attack.join(" ")));
    }
    words.push(format!("{} {}, {}", deviation.dimension, deviation.mode, deviation.action));
    words.join(" · ")
}

fn shown(exe: &str, argv: &[String]) -> String {
    let line = argv.join(" ");
    match line.char_indices().nth(MOST_SHOWN) {
        _ if line.is_empty() => exe.to_owned(),
        Some((end, _)) => format!("{exe} `{}…`", &line[..end]),
        None => format!("{exe} `{line}`"),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_format::v1::{AgentEvent, Ancestor, EventKind, ProcessBody, StoredEvent};

    use super::*;
    use crate::output::plain;

    fn deviation() -> Deviation {
        Deviation {
            container: "ab".repeat(32),
            image_config: None,
            dimension: "network".to_owned(),
            category: "network.connect".to_owned(),
            what: "/usr/bin/perl connected to 203.0.113.9 port 4444".to_owned(),
            expected: "peers are db.internal".to_owned(),
            remedy: "if it needs to, learn it".to_owned(),
            rule: Some("reverse-shell".to_owned()),
            attack: vec!["T1059.004".to_owned(), "T1571".to_owned()],
            severity: "critical".to_owned(),
            mode: "block".to_owned(),
            action: "deny".to_owned(),
            outcome: "prevented".to_owned(),
            rung: "cgroup-bpf".to_owned(),
            answer: String::new(),
            grant: None,
            process: ProcessBody {
                pid: 42,
                exe: "/usr/bin/perl".to_owned(),
                argv: vec!["perl".to_owned(), "-e".to_owned(), "\u{1b}[2J\u{202e}x".to_owned()],
                uid: 33,
                ancestors: vec![
                    Ancestor { pid: 40, exe: "/usr/bin/dash".to_owned(), argv: vec!["sh".to_owned()] },
                    Ancestor { pid: 7, exe: "@runtime".to_owned(), argv: Vec::new() },
                ],
            },
            count: 3,
        }
    }

    #[test]
    fn a_deviation_is_read_at_a_glance() {
        let deviation = deviation();
        let mut text = plain(&describe(&deviation).1).into_owned();
        details(&deviation).iter().for_each(|detail| text.push_str(&format!("\n{}", plain(detail))));
        let expected = "\
PREVENTED (cgroup-bpf) network.connect in abababababab: /usr/bin/perl connected to 203.0.113.9 port 4444, 3 times
critical · rule reverse-shell · ATT&CK T1059.004 T1571 · network block, deny
by /usr/bin/perl `perl -e \\u{1b}[2J\\u{202e}x`  pid 42 uid 33
└ started by /usr/bin/dash `sh`  pid 40
  └ started by @runtime  pid 7
expected: peers are db.internal
to do: if it needs to, learn it";
        assert_eq!(text, expected);
        let event = EventKind::Deviation(Box::new(deviation));
        let event = AgentEvent { seq: 1, at: "2026-01-01T00:00:00Z".to_owned(), what: event };
        let json = serde_json::to_string(&StoredEvent { position: 1, host: "h".into(), image: None, event });
        assert!(json.unwrap().contains(r#""kind":"deviation""#));
    }

    #[test]
    fn only_what_the_agent_prevented_is_said_to_be() {
        for (outcome, words) in [
            ("killed", "ENDED AFTER IT HAPPENED (bpf-kill) "),
            ("failed", "FAILED BY ITSELF "),
            ("happened", "ONLY SEEN "),
            ("new-word", "NEW-WORD (bpf-kill) "),
        ] {
            let one = Deviation { outcome: outcome.to_owned(), rung: "bpf-kill".to_owned(), ..deviation() };
            assert!(describe(&one).1.starts_with(words), "{}", describe(&one).1);
        }
    }

    #[test]
    fn trees_and_command_lines_have_bounds() {
        let mut one = deviation();
        one.process.argv = vec!["é".repeat(100_000)];
        one.process.ancestors = vec![one.process.ancestors[0].clone(); 10_000];
        let details = details(&one);
        assert!(details.len() < 20 && details.iter().all(|line| line.len() < 500), "{}", details.len());
    }
}
