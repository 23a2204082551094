//! What happens in sessions that a break-glass let in, a line each.

use anstyle::Style;
use lazaret_format::v1::{BreakGlassNews, SessionCommand, SessionEnded};

use crate::output::{DIM, WARN, clock, short_id};

/// Most of a command line that is shown; `--format json` has all that is known.
const MOST_SHOWN: usize = 1000;

pub(super) fn opened_or_over(news: &BreakGlassNews) -> (Style, String) {
    let container = short_id(&news.container);
    let text = match news.state.as_str() {
        "open" => format!(
            "BREAK-GLASS {}: log-ins to {container} are let in until {}; {} opened it: {}",
            news.grant,
            clock(&news.until),
            news.by,
            news.reason
        ),
        state => {
            format!("break-glass {} of {container} is over ({state}): nobody is let in any more", news.grant)
        }
    };
    (WARN, text)
}

pub(super) fn command(command: &SessionCommand) -> (Style, String) {
    let process = &command.process;
    let line = process.argv.join(" ");
    let line = match line.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if command.cut => format!("{line} …"),
        None => line,
    };
    let begins = if command.entered { ", comes in" } else { "" };
    let came = match command.outcome.as_str() {
        "happened" => String::new(),
        other => format!(" ({other})"),
    };
    let text = format!(
        "session {} in {} (uid {}{begins}) ran {} `{line}`{came}",
        command.session,
        short_id(&command.container),
        process.uid,
        process.exe
    );
    (Style::new(), text)
}

pub(super) fn ended(ended: &SessionEnded) -> (Style, String) {
    let mut text = format!(
        "session {} in {} ended: {} commands",
        ended.session,
        short_id(&ended.container),
        ended.commands
    );
    if ended.untold > 0 {
        text.push_str(&format!(", {} of them not shown: there were too many", ended.untold));
    }
    if ended.killed > 0 {
        text.push_str(&format!("; {} processes were killed because the break-glass was over", ended.killed));
    }
    (if ended.untold > 0 || ended.killed > 0 { WARN } else { DIM }, text)
}

#[cfg(test)]
mod tests {
    use lazaret_format::v1::ProcessBody;

    use super::*;
    use crate::output::plain;

    #[test]
    fn a_transcript_is_readable_and_bounded() {
        let mut one = SessionCommand {
            grant: "glass-1".to_owned(),
            container: "ab".repeat(32),
            image_config: None,
            session: 77,
            entered: true,
            process: ProcessBody {
                pid: 77,
                exe: "/bin/sh".to_owned(),
                argv: vec!["sh".to_owned(), "-c".to_owned(), "\u{1b}[2Jid".to_owned()],
                uid: 33,
                ancestors: Vec::new(),
            },
            cut: true,
            outcome: "prevented".to_owned(),
        };
        let expected =
            "session 77 in abababababab (uid 33, comes in) ran /bin/sh `sh -c \\u{1b}[2Jid …` (prevented)";
        assert_eq!(plain(&command(&one).1), expected);
        one.process.argv = vec!["é".repeat(100_000)];
        assert!(command(&one).1.chars().count() < 2 * MOST_SHOWN);
        let end = SessionEnded {
            grant: "glass-1".to_owned(),
            container: "ab".repeat(32),
            session: 77,
            status: None,
            commands: 9,
            untold: 2,
            killed: 1,
        };
        let text = ended(&end).1;
        assert!(
            text.contains("9 commands, 2 of them not shown") && text.contains("1 processes were killed"),
            "{text}"
        );
    }
}
