use std::path::Path;
use std::sync::Arc;

use lazaret_format::formats::Format;
use lazaret_format::report::{self, Revision, ScanReport, Suppressed, Suppression, SuppressionKind};
use lazaret_format::vex::{self, Vex};
use lazaret_model::{Limits, Outcome as Judgement, Package, Verdict};
use lazaret_pipeline::ScanOptions;
use lazaret_policy::{Ignore, IgnoreFile};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::args::{JobArgs, OutputFormat, ScanArgs};
use crate::failure::{Code, Failure, Outcome};
use crate::images::{self, Scanned};
use crate::output::{print, remark};
use crate::settings::Settings;
use crate::{cache, files, threshold};

/// Largest ignore file.
const MOST_TEXT: u64 = 16 << 20;

pub(crate) async fn run(settings: &Settings, args: &ScanArgs) -> Outcome {
    let stamp = Stamp::of(settings, &args.job)?;
    one_document(settings, args)?;
    let policy = args.policy.as_deref().map(super::policy::read).transpose()?;
    let statements = Statements::read(settings, args)?;
    let database = Arc::new(images::open_database(&args.database)?);
    let now = jiff::Timestamp::now();

    let (mut reports, mut failing, mut broken) = (Vec::new(), Vec::new(), Vec::new());
    for (target, scanned) in args.targets.iter().zip(scan_all(settings, args, &database).await) {
        // One target that cannot be read does not keep the others from their report.
        let mut scanned = match scanned {
            Ok(scanned) => scanned,
            Err(failure) => {
                broken.push((target, failure));
                continue;
            }
        };
        let verdict = policy.as_ref().and_then(|(policy, _)| scanned.scan.judge(policy, now));
        let suppressed = statements.apply(settings, &mut scanned, now);
        if verdict.as_ref().is_some_and(|verdict| verdict.outcome == Judgement::Refuse) {
            failing.push(format!("the policy refuses {target}"));
        }
        failing.extend(over_threshold(settings, args, &scanned));
        reports.push(render(settings, &scanned, &suppressed, verdict.as_ref(), &stamp));
    }
    // One report is an object, several are an array.
    let text = match (settings.json(), args.targets.len()) {
        (true, 2..) => format!("[\n{}\n]\n", reports.join(",\n")),
        _ => reports.join("\n"),
    };
    match &args.out {
        Some(path) => files::replace(path, text.as_bytes(), 0o644)?,
        None => print(&text)?,
    }
    outcome(args.targets.len(), broken, failing)
}

/// What could not be scanned comes first: of that nobody knows whether it would have passed.
fn outcome(targets: usize, mut broken: Vec<(&String, Failure)>, failing: Vec<String>) -> Outcome {
    if targets == 1
        && let Some((_, failure)) = broken.pop()
    {
        return Err(failure);
    }
    if let Some((_, first)) = broken.first() {
        let (code, hint) = (first.code, first.hint.clone());
        let told = broken.iter().map(|(target, failure)| format!("\n  {target}: {}", failure.message));
        let failing = failing.iter().map(|reason| format!("\n  {reason}"));
        let told: String = told.chain(failing).collect();
        let message = format!("{} of {targets} targets could not be scanned{told}", broken.len());
        return Err(Failure::new(code, message).hint(hint));
    }
    if failing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Code::Refused, failing.join("; "))
        .hint("the reasons and what clears them are in the report"))
}

/// Most formats are documents about one thing: two of them one behind the other are not a document.
fn one_document(settings: &Settings, args: &ScanArgs) -> Outcome {
    match settings.format {
        OutputFormat::Report(name) if name != "markdown" && args.targets.len() > 1 => {
            let message = format!("a document in the format `{name}` is about one target");
            Err(Failure::new(Code::Usage, message)
                .hint("scan each by itself, or use --format table, json or markdown"))
        }
        _ => Ok(()),
    }
}

/// Scans as many targets at once as there are processors; the results are in the order of the targets.
async fn scan_all(
    settings: &Settings,
    args: &ScanArgs,
    database: &Arc<lazaret_advisory::Database>,
) -> Vec<Result<Scanned, Failure>> {
    let options = ScanOptions { declared: args.lock_files, ..ScanOptions::default() };
    let cache = cache::open(settings, &args.cache);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let turns = Arc::new(Semaphore::new(processors));
    let mut running = JoinSet::new();
    for (number, target) in args.targets.iter().cloned().enumerate() {
        let (settings, source, cache, database, turns) =
            (settings.clone(), args.source.clone(), cache.clone(), database.clone(), turns.clone());
        running.spawn(async move {
            let _turn = turns.acquire().await;
            (number, images::scan(&settings, &target, &source, cache.as_ref(), Some(database), options).await)
        });
    }
    let mut results: Vec<_> = args.targets.iter().map(|_| None).collect();
    while let Some(ended) = running.join_next().await {
        if let Ok((number, result)) = ended {
            results[number] = Some(result);
        }
    }
    cache::tell(settings, cache.as_ref());
    let missing = || Err(Failure::new(Code::Internal, "the scan broke off"));
    results.into_iter().map(|result| result.unwrap_or_else(missing)).collect()
}

/// What others say of findings: VEX documents and an ignore file.
struct Statements {
    vex: Vec<Vex>,
    ignore: Option<IgnoreFile>,
}

impl Statements {
    fn read(settings: &Settings, args: &ScanArgs) -> Result<Self, Failure> {
        let vex = args.vex.iter().map(|path| read_vex(settings, path)).collect::<Result<_, _>>()?;
        let ignore = args.ignore.as_deref().map(read_ignore).transpose()?;
        Ok(Self { vex, ignore })
    }

    /// Takes out of the scan what does not count.
    fn apply(&self, settings: &Settings, scanned: &mut Scanned, now: jiff::Timestamp) -> Vec<Suppressed> {
        let scan = &mut scanned.scan;
        let distribution = scan.distribution.as_ref();
        let subject = vex::Subject {
            target: &scanned.target,
            reference: scanned.reference.as_ref(),
            manifest: scan.image.manifest,
            distribution,
        };
        let (open, mut suppressed) = vex::apply(std::mem::take(&mut scan.findings), &self.vex, &subject);
        scan.findings = open;
        let Some(file) = &self.ignore else { return suppressed };
        let purl = |package: &Package| lazaret_format::purl::package(package, distribution);
        let ignored = file.apply(std::mem::take(&mut scan.findings), purl, now);
        scan.findings = ignored.open;
        suppressed.extend(
            ignored
                .accepted
                .into_iter()
                .map(|(finding, entry)| Suppressed { finding, by: accepted(file, entry) }),
        );
        for (entries, what) in [
            (ignored.expired, "has expired and does not count"),
            (ignored.unused, "matches nothing any more: take it out"),
        ] {
            for entry in entries {
                remark(settings, &format!("{}:{}: {} {what}", file.name(), entry.line, entry.id));
            }
        }
        suppressed
    }
}

fn accepted(file: &IgnoreFile, entry: &Ignore) -> Suppression {
    Suppression {
        kind: SuppressionKind::Accepted,
        justification: None,
        reason: entry.reason.clone(),
        author: entry.owner.clone().unwrap_or_default(),
        at: None,
        expires: Some(entry.expires.to_string()),
        origin: file.name().to_owned(),
    }
}

fn read_vex(settings: &Settings, path: &Path) -> Result<Vex, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    let document = vex::read(&bytes, &Limits::default())
        .map_err(|error| Failure::input(format!("{}: {error}", path.display())))?;
    for problem in &document.problems {
        remark(settings, &format!("{}: {problem}", path.display()));
    }
    Ok(document)
}

fn read_ignore(path: &Path) -> Result<IgnoreFile, Failure> {
    let text = files::read_text(path, MOST_TEXT)?;
    IgnoreFile::parse(&text, &path.display().to_string())
        .map_err(|error| Failure::input(error).hint("each entry needs `id`, `reason` and `expires`"))
}

/// Why a scan fails by `--fail-on`.
fn over_threshold(settings: &Settings, args: &ScanArgs, scanned: &Scanned) -> Option<String> {
    if args.fail_on.is_empty() {
        return None;
    }
    let (failing, unrated) = threshold::count(&args.fail_on, args.only_fixed, &scanned.scan.findings);
    if unrated > 0 {
        let target = &scanned.target;
        remark(
            settings,
            &format!(
                "{target}: {unrated} findings have no rating and pass --fail-on; add `unrated` to count them"
            ),
        );
    }
    (failing > 0).then(|| format!("{}: {failing} vulnerabilities over --fail-on", scanned.target))
}

/// When and in which job a report was made, for formats that must tell. All others depend on the scan alone: the same
/// one gives the same bytes.
#[derive(Debug, Default)]
pub(crate) struct Stamp {
    revision: Option<Revision>,
    at: Option<String>,
}

impl Stamp {
    pub(crate) fn of(settings: &Settings, job: &JobArgs) -> Result<Self, Failure> {
        if settings.format != OutputFormat::Report("github") {
            return Ok(Self::default());
        }
        // Of two snapshots GitHub believes the one that was made later.
        let now = jiff::Timestamp::now().round(jiff::Unit::Second).map_err(Failure::input)?;
        Ok(Self { revision: Some(job.revision()?), at: Some(now.to_string()) })
    }

    pub(crate) fn on<'a>(&'a self, report: ScanReport<'a>) -> ScanReport<'a> {
        ScanReport { revision: self.revision.as_ref(), timestamp: self.at.as_deref(), ..report }
    }
}

/// The report of a scan; the caller adds what was judged and suppressed.
pub(crate) fn report(scanned: &Scanned) -> ScanReport<'_> {
    let scan = &scanned.scan;
    ScanReport {
        reference: scanned.reference.as_ref(),
        kind: scan.kind,
        distribution: scan.distribution.as_ref(),
        packages: &scan.packages,
        findings: &scan.findings,
        problems: &scan.problems,
        coverage_warning: scan.coverage_warning.as_deref(),
        database: scan.database.as_ref(),
        ..ScanReport::new(&scanned.target, &scan.image, env!("CARGO_PKG_VERSION"))
    }
}

fn render(
    settings: &Settings,
    scanned: &Scanned,
    suppressed: &[Suppressed],
    verdict: Option<&Verdict>,
    stamp: &Stamp,
) -> String {
    let report = stamp.on(ScanReport { suppressed, verdict, ..report(scanned) });
    let named = |name| Format::named(name).map(|format| (format.write)(&report)).unwrap_or_default();
    match settings.format {
        OutputFormat::Table => report::table(&report, settings.width, settings.color),
        OutputFormat::Json => report::json(&report),
        OutputFormat::Report(name) => named(name),
    }
}
