//! Questions about what is wrong with what runs.

use std::time::Duration;

use clap::Args;

use super::quantity;

#[derive(Debug, Args)]
pub(crate) struct AffectedArgs {
    /// `CVE-2026-1234`, or another name of the vulnerability
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) observed: ObservedArgs,
}

/// What must have been watched before something counts as not seen.
#[derive(Debug, Args)]
pub(crate) struct ObservedArgs {
    /// How long a container must have been watched before a package counts as not seen: 1h, 7d
    #[arg(long, value_parser = days, value_name = "TIME", default_value = "24h")]
    pub(crate) observed: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct FindingsArgs {
    /// One image, by the digest of its manifest or configuration [default: all of which containers run]
    #[arg(long, value_name = "DIGEST")]
    pub(crate) image: Option<String>,
    /// How many to show; all are counted
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) observed: ObservedArgs,
}

/// `7d`, or as all times.
fn days(text: &str) -> Result<Duration, String> {
    match text.strip_suffix('d').map(str::parse::<u32>) {
        Some(Ok(days)) if days > 0 => Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60)),
        _ => quantity::duration(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_times_too() {
        assert_eq!(days("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(days("90s"), Ok(Duration::from_secs(90)));
        assert!(days("0d").is_err() && days("d").is_err() && days("x").is_err());
    }
}
