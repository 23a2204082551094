//! `lazaret break-glass`.

use std::time::Duration;

use clap::Subcommand;

use super::quantity::duration;

#[derive(Debug, Subcommand)]
pub(crate) enum BreakGlassCommand {
    /// Let people log in to one container for a while (`docker exec`, `docker attach`), on record
    Open {
        /// Name or id of the running container
        #[arg(value_name = "CONTAINER")]
        container: String,
        /// The host that it runs on
        #[arg(long, value_name = "HOST")]
        host: String,
        /// Why; the audit log keeps it, so no secrets
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// How long, at most 4h
        #[arg(long = "for", value_name = "TIME", value_parser = short, default_value = "15m")]
        lifetime: Duration,
    },
    /// What is open, and what was
    List,
    /// Who came in, which commands were run, what deviated, and the end
    Show {
        #[arg(value_name = "ID")]
        id: String,
    },
    /// End one before its time: nobody comes in any more, and sessions are killed
    Close {
        #[arg(value_name = "ID")]
        id: String,
    },
}

const LONGEST: Duration = Duration::from_secs(4 * 60 * 60);

fn short(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        long if long > LONGEST => Err("at most 4h: open another one then, or change the image".to_owned()),
        brief if brief < Duration::from_secs(1) => Err("at least 1s".to_owned()),
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_open_for_long() {
        assert_eq!(short("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(short("4h"), Ok(LONGEST));
        for text in ["4h1s", "1d", "0s", "-1m", "900", "500ms", ""] {
            assert!(short(text).is_err(), "{text}");
        }
    }
}
