use lazaret_format::v1::PolicyBody;
use lazaret_policy::Policy;

use crate::args::PolicyCommand;
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::files;
use crate::output::{print, print_json};
use crate::settings::Settings;

const MAX_BYTES: u64 = 1 << 20;

pub(crate) async fn run(settings: &Settings, command: &PolicyCommand) -> Outcome {
    match command {
        PolicyCommand::Check { file } => {
            let (policy, _) = read(file)?;
            let digest = policy.digest().to_string();
            if settings.json() {
                return print_json(
                    &serde_json::json!({ "file": file.display().to_string(), "digest": digest }),
                );
            }
            print(&format!("{} is a valid policy\n{digest}\n", file.display()))
        }
        PolicyCommand::Push { file } => {
            let (_, text) = read(file)?;
            let request = PolicyBody { text, digest: String::new() };
            let answer: PolicyBody = Client::new(settings)?.put("/v1/policy", &request).await?;
            if settings.json() {
                return print_json(&answer);
            }
            print(&format!("in force: {}\n", answer.digest))
        }
        PolicyCommand::Show => {
            let answer: PolicyBody = Client::new(settings)?.get("/v1/policy").await?;
            if settings.json() { print_json(&answer) } else { print(&answer.text) }
        }
        PolicyCommand::Sample => print(Policy::default_text()),
    }
}

/// Reads a policy file; each mistake is shown where it stands.
pub(crate) fn read(file: &std::path::Path) -> Result<(Policy, String), Failure> {
    let text = files::read_text(file, MAX_BYTES)?;
    let policy = Policy::parse(&text, &file.display().to_string()).map_err(|error| {
        Failure::input(format!("the policy cannot be used\n{error}"))
            .hint("`lazaret policy sample` prints a commented policy with everything that can be said")
    })?;
    Ok((policy, text))
}
