use lazaret_trust::SigningKey;

use crate::args::KeyCommand;
use crate::failure::{Code, Failure, Outcome};
use crate::files;
use crate::output::{print, print_json, remark};
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, command: &KeyCommand) -> Outcome {
    let KeyCommand::Generate { out } = command;
    let (secret, public) = (out.join("lazaret.key"), out.join("lazaret.pub"));
    if secret.exists() {
        return Err(Failure::new(Code::Usage, format!("{} exists already", secret.display())).hint(
            "what it signed can only be verified while its public half is trusted: choose another --out",
        ));
    }
    let key = generate()?;
    files::replace(&secret, key.to_pem().as_bytes(), 0o600)?;
    files::replace(&public, key.verifying_key().to_pem().as_bytes(), 0o644)?;
    if settings.json() {
        let body = serde_json::json!({
            "keyId": key.key_id(),
            "private": secret.display().to_string(),
            "public": public.display().to_string(),
        });
        return print_json(&body);
    }
    remark(settings, &format!("private key: {}\npublic key:  {}", secret.display(), public.display()));
    print(&format!("{}\n", key.key_id()))
}

fn generate() -> Result<SigningKey, Failure> {
    // About one draw in 2³² is no key of the curve; eight in a row mean that the randomness is broken.
    for _ in 0..8 {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::new(Code::Local, format!("the system gives no randomness: {error}")))?;
        if let Ok(key) = SigningKey::from_random(bytes) {
            return Ok(key);
        }
    }
    Err(Failure::new(Code::Local, "the system's randomness makes no valid key"))
}

/// Reads a private key, with a sentence for each way it can be wrong.
pub(crate) fn read(path: &std::path::Path) -> Result<SigningKey, Failure> {
    let pem = files::read_text(path, 64 << 10)?;
    SigningKey::from_pem(&pem).map_err(|error| {
        Failure::input(format!("{} is not a usable private key: {error}", path.display()))
            .hint("make one with `lazaret key generate`")
    })
}
