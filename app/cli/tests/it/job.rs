//! GitHub's dependency snapshot: the commit and the job come from options, or from the environment of a job.

use serde_json::Value;

use crate::place::{Place, text};

const COMMIT: &str = "ce587453ced02b1526dfb4cb910479d431683101";
const GITHUB: &[(&str, &str)] = &[
    ("GITHUB_SHA", COMMIT),
    ("GITHUB_REF", "refs/heads/main"),
    ("GITHUB_RUN_ID", "42"),
    ("GITHUB_WORKFLOW", "ci"),
    ("GITHUB_JOB", "build"),
];

/// Exit code, standard output, standard error.
fn snapshot(place: &Place, options: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let project = place.write("project/requirements.txt", "Django==2.2.0\n");
    let mut command = place.program();
    command.args(["sbom", "--format", "github", text(project.parent().unwrap())]).args(options);
    // The test may itself run in such a job.
    for (name, _) in GITHUB {
        command.env_remove(name);
    }
    let output = command.envs(environment.iter().copied()).output().unwrap();
    let read = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), read(&output.stdout), read(&output.stderr))
}

#[test]
fn a_job_of_github_needs_no_options() {
    let (code, document, error) = snapshot(&Place::new(), &[], GITHUB);
    assert_eq!(code, 0, "{error}");
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["sha"], COMMIT);
    assert_eq!(document["ref"], "refs/heads/main");
    assert_eq!(document["job"], serde_json::json!({ "id": "42", "correlator": "ci_build" }));
    let manifest = &document["manifests"]["requirements.txt"]["resolved"]["pkg:pypi/django@2.2.0"];
    assert_eq!(manifest["package_url"], "pkg:pypi/django@2.2.0", "{document}");
    let scanned: jiff::Timestamp = document["scanned"].as_str().unwrap().parse().unwrap();
    assert!(jiff::Timestamp::now().duration_since(scanned).as_secs() < 60, "{document}");
}

#[test]
fn options_count_more_than_the_environment() {
    let other = "0123456789012345678901234567890123456789";
    let options = ["--commit", other, "--ref", "refs/tags/v1", "--job", "7", "--correlator", "nightly"];
    for environment in [&[], GITHUB] {
        let (code, document, error) = snapshot(&Place::new(), &options, environment);
        assert_eq!(code, 0, "{error}");
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!((&document["sha"], &document["ref"]), (&other.into(), &"refs/tags/v1".into()));
        assert_eq!(document["job"], serde_json::json!({ "id": "7", "correlator": "nightly" }));
    }
}

/// GitHub refuses a snapshot that lacks anything: better said before it is sent.
#[test]
fn what_is_missing_is_said() {
    let (code, document, error) = snapshot(&Place::new(), &["--job", "7"], &[]);
    assert_eq!((code, document.as_str()), (2, ""));
    assert!(error.contains("--commit, --ref, --correlator"), "{error}");
    for (option, value) in [("--commit", "abc"), ("--ref", "main")] {
        let (code, _, error) = snapshot(&Place::new(), &[option, value], GITHUB);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(option) && error.contains("hint:"), "{error}");
    }
}
