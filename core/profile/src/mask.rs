//! Passwords on command lines stay where they are: a profile is read by many.

/// Words in the name of an option whose value is a secret.
const SECRET: &[&str] =
    &["password", "passwd", "secret", "token", "apikey", "api-key", "api_key", "credential"];
/// Longer arguments are scripts and data: their beginning tells them apart.
const LONGEST: usize = 256;

/// An argument as a profile states it: `--password=…` without its value, and long ones cut off. What was left out is
/// told by a NUL, which no argument holds.
pub(crate) fn masked(argument: &str) -> String {
    let name = argument.split_once('=').map(|(name, _)| name);
    if let Some(name) = name.filter(|name| is_secret(name)) {
        return format!("{name}={OMITTED}");
    }
    match argument.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}{OMITTED}", &argument[..end]),
        None => argument.to_owned(),
    }
}

/// Stands for what was left out, until it is a star in a pattern.
pub(crate) const OMITTED: char = '\0';

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.len() <= 64 && SECRET.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_stay_where_they_are() {
        assert_eq!(masked("--db-password=hunter2"), "--db-password=\0");
        assert_eq!(masked("PGPASSWORD=x=y"), "PGPASSWORD=\0");
        assert_eq!(masked("--port=80"), "--port=80");
        assert_eq!(masked(&"é".repeat(300)), format!("{}\0", "é".repeat(256)));
    }
}
