use std::path::Path;

use lazaret_format::v1::{AuditCheckpoints, AuditEntry, AuditPage};
use lazaret_trust::log::{LogSummary, LogVerifier, verify_log};

use crate::args::AuditCommand;
use crate::client::Client;
use crate::failure::{Code, Failure, Outcome};
use crate::files;
use crate::output::{GOOD, paint, print, print_json, remark};
use crate::progress::Progress;
use crate::settings::Settings;

const PAGE: u64 = 1_000;
/// An export of ten million entries fits; a hostile file does not fill the memory.
const MAX_EXPORT_BYTES: u64 = 4 << 30;

/// The log with everything that its verification needs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    /// The log's verifier key, as the server stated it.
    key: String,
    checkpoints: Vec<String>,
    /// One line of JSON each, exactly as hashed.
    entries: Vec<String>,
}

pub(crate) async fn run(settings: &Settings, command: &AuditCommand) -> Outcome {
    match command {
        AuditCommand::Verify { file, log_key } => {
            let export = match file {
                Some(file) => read_export(file)?,
                None => fetch(settings).await?,
            };
            verify(settings, &export, log_key.as_deref())
        }
        AuditCommand::Export { out } => {
            let export = fetch(settings).await?;
            let mut bytes = serde_json::to_vec(&export)
                .map_err(|error| Failure::new(Code::Internal, format!("cannot write the export: {error}")))?;
            bytes.push(b'\n');
            files::replace(out, &bytes, 0o644)?;
            let text = format!(
                "{} entries, {} checkpoints in {}",
                export.entries.len(),
                export.checkpoints.len(),
                out.display()
            );
            if settings.json() { Ok(()) } else { print(&format!("{text}\n")) }
        }
    }
}

fn verify(settings: &Settings, export: &Export, log_key: Option<&Path>) -> Outcome {
    let key = trusted_key(settings, export, log_key)?;
    match verify_log(&export.entries, &export.checkpoints, &key) {
        Ok(summary) => report(settings, &summary, &key),
        Err(broken) => Err(Failure::new(Code::Refused, format!("the audit log is broken: {broken}")).hint(
            "compare with an earlier export or a backup; what the log says from there on proves nothing",
        )),
    }
}

/// A key from a file that the server cannot change is worth more than the one the server states.
fn trusted_key(settings: &Settings, export: &Export, log_key: Option<&Path>) -> Result<LogVerifier, Failure> {
    let text = match log_key {
        Some(path) => files::read_text(path, 64 << 10)?,
        None => {
            remark(
                settings,
                "the log's key is taken from the server itself; name a copy of log.pub with --log-key to trust nobody",
            );
            export.key.clone()
        }
    };
    text.trim().parse().map_err(|error| Failure::input(format!("the log's key is not usable: {error}")))
}

fn report(settings: &Settings, summary: &LogSummary, key: &LogVerifier) -> Outcome {
    let unsigned = summary.entries - summary.signed;
    if settings.json() {
        return print_json(&serde_json::json!({
            "log": key.name(),
            "entries": summary.entries,
            "signed": summary.signed,
            "checkpoints": summary.checkpoints,
            "intact": true,
        }));
    }
    let mut text =
        format!("{} entries, {} checkpoints of {}", summary.entries, summary.checkpoints, key.name());
    if unsigned > 0 {
        text.push_str(&format!(", the last {unsigned} not signed yet"));
    }
    print(&format!("{text}\n{}\n", paint(settings.color, GOOD, "The log is intact.")))
}

/// Checkpoints are asked for first: the entries fetched after them then reach at least as far as the newest
/// one, so a log that is shorter than what was signed cannot pass for one that is just growing.
async fn fetch(settings: &Settings) -> Result<Export, Failure> {
    let client = Client::new(settings)?;
    let progress = Progress::spinner(settings, "fetching the audit log");
    let (mut key, mut checkpoints, mut from) = (String::new(), Vec::new(), 0);
    while from < u64::MAX {
        let page: AuditCheckpoints =
            client.get(&format!("/v1/audit/checkpoints?from={from}&limit={PAGE}")).await?;
        key.clone_from(&page.key);
        let Some(last) = page.checkpoints.last() else { break };
        from = size_of(last).map_or(u64::MAX, |size| size.saturating_add(1));
        checkpoints.extend(page.checkpoints);
    }
    let mut entries: Vec<String> = Vec::new();
    loop {
        let page: AuditPage = client.get(&format!("/v1/audit?from={}&limit={PAGE}", entries.len())).await?;
        progress.count(entries.len() as u64, page.size);
        if page.entries.is_empty() {
            return Ok(Export { key, checkpoints, entries });
        }
        entries.extend(page.entries.into_iter().map(|AuditEntry { leaf, .. }| leaf));
    }
}

/// The second line of a checkpoint is the size of the log it signs. Verification reads it properly; here it
/// only orders pages.
fn size_of(checkpoint: &str) -> Option<u64> {
    checkpoint.lines().nth(1)?.parse().ok()
}

fn read_export(file: &Path) -> Result<Export, Failure> {
    let text = files::read_text(file, MAX_EXPORT_BYTES)?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::input(format!("{} is not an export of an audit log: {error}", file.display()))
            .hint("`lazaret audit export` makes one")
    })
}
