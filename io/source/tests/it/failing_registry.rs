//! Registries that fail, lie, or want to know who asks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use base64::Engine as _;
use lazaret_model::{Limits, ProblemKind};
use lazaret_source::{ErrorClass, OpenOptions, Target};

use crate::made::{Made, Packing, sha256};
use crate::server::{Answer, Asked, Fake};
use crate::support::{listed, options};

/// What a registry that holds one image under any tag answers.
fn serve(image: &Made, asked: &Asked) -> Answer {
    let manifest = image.manifest(Packing::Gzip).to_string().into_bytes();
    if asked.path.contains("/manifests/") {
        return Answer::new(200, manifest).with("content-type", "application/vnd.oci.image.manifest.v1+json");
    }
    let layers = image.packed(Packing::Gzip);
    match layers.iter().chain([&image.config]).find(|bytes| asked.path.ends_with(&sha256(bytes).to_string()))
    {
        Some(bytes) => {
            match asked.header("range").strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')) {
                Some(from) => Answer::new(206, &bytes[from.parse::<usize>().unwrap()..]),
                None => Answer::new(200, bytes.clone()),
            }
        }
        None => Answer::new(404, "{}"),
    }
}

fn target(fake: &Fake) -> Target {
    Target::Registry(format!("{}/shop:1", fake.address).parse().unwrap())
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    let image = Made::small();
    let failures = AtomicUsize::new(0);
    let fake = Fake::start(move |asked| match failures.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::new(503, ""),
        2 => Answer::new(429, "").with("retry-after", "1"),
        4 => Answer::new(500, "").cut_at(0),
        _ => serve(&image, asked),
    })
    .await;
    let begun = Instant::now();
    let found = listed(&target(&fake), &options()).await.unwrap();
    assert_eq!(found.problems, []);
    assert!(begun.elapsed().as_millis() >= 1000, "the registry's wish to wait was passed over");
}

#[tokio::test]
async fn lasting_failures_are_told() {
    let fake =
        Fake::start(|_| Answer::new(500, r#"{"errors":[{"code":"UNKNOWN","message":"disk on fire"}]}"#))
            .await;
    let error = listed(&target(&fake), &options()).await.err().unwrap();
    assert_eq!(error.class(), ErrorClass::Unreachable);
    assert!(error.to_string().contains("disk on fire"), "{error}");
    assert_eq!(fake.count("GET", "manifests"), 3);
}

#[tokio::test]
async fn transfers_that_break_off_are_taken_up_again() {
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Breaks {
        /// Each answer brings a little, from where the last one ended.
        Often,
        /// The second answer brings all, from the beginning.
        OnceAndNoRanges,
        /// No answer gets beyond the middle.
        Always,
    }
    for breaks in [Breaks::Often, Breaks::OnceAndNoRanges, Breaks::Always] {
        let image = Made::small();
        let largest = image.packed(Packing::Gzip)[0].clone();
        assert!(largest.len() > 500_000);
        let name = sha256(&largest).to_string();
        let times = AtomicUsize::new(0);
        let fake = Fake::start(move |asked| {
            if !asked.path.ends_with(&name) {
                return serve(&image, asked);
            }
            let mut asked = asked.clone();
            if breaks != Breaks::Often {
                asked.headers.remove("range");
            }
            let answer = serve(&image, &asked);
            let length = answer.body.len();
            match (breaks, times.fetch_add(1, Ordering::Relaxed)) {
                (Breaks::Often, _) if length > 200_000 => answer.cut_at(150_000),
                (Breaks::Often, _) | (Breaks::OnceAndNoRanges, 1..) => answer,
                _ => answer.cut_at(length / 2),
            }
        })
        .await;
        let found = listed(&target(&fake), &options()).await.unwrap();
        let asked = fake.count("GET", &sha256(&largest).to_string());
        match breaks {
            Breaks::Often => assert!(found.problems.is_empty() && asked > 3, "{asked} {:?}", found.problems),
            Breaks::OnceAndNoRanges => {
                assert!(found.problems.is_empty() && asked == 2, "{asked} {:?}", found.problems)
            }
            Breaks::Always => {
                assert_eq!(asked, 3);
                assert!(!found.problems.is_empty());
                for problem in &found.problems {
                    assert_eq!(problem.kind, ProblemKind::Unreadable);
                    assert!(problem.detail.contains("broke off: "), "{problem}");
                }
            }
        }
    }
}

#[tokio::test]
async fn layers_that_are_not_what_they_should_be_are_told() {
    for (change, text) in [(0, "digest"), (1, "larger"), (2, "broke off"), (3, "404")] {
        let image = Made::small();
        let name = sha256(&image.packed(Packing::Gzip)[1]).to_string();
        let fake = Fake::start(move |asked| {
            let mut answer = serve(&image, asked);
            if asked.path.ends_with(&name) {
                match change {
                    0 => *answer.body.last_mut().unwrap() ^= 1,
                    1 => answer.body.push(0),
                    2 => answer.body.truncate(if asked.header("range").is_empty() { 10 } else { 0 }),
                    _ => return Answer::new(404, ""),
                }
            }
            answer
        })
        .await;
        let found = listed(&target(&fake), &options()).await.unwrap();
        assert!(!found.problems.is_empty());
        let all = format!("{:?}", found.problems);
        assert!(all.contains(text) || change == 0 && all.contains("corrupt"), "{change}: {all}");
        assert!(all.contains("layer 2 of 2"), "{all}");
        assert!(!found.lines.is_empty(), "the other layer is read all the same");
    }
}

#[tokio::test]
async fn documents_that_are_not_what_they_should_be_are_refused() {
    let image = Made::small();
    let manifest = image.manifest(Packing::Gzip).to_string();
    let by_digest = format!("shop@{}", sha256(manifest.as_bytes()));
    for (change, class, text) in [
        ("manifest", ErrorClass::Input, "another digest"),
        ("config", ErrorClass::Input, "digest"),
        ("large", ErrorClass::Input, "more than"),
        ("artifact", ErrorClass::Input, "artifact of type x/y"),
    ] {
        let (image, manifest) = (image.clone(), manifest.clone());
        let fake = Fake::start(move |asked| {
            let mut answer = serve(&image, asked);
            let is_manifest = asked.path.contains("/manifests/");
            match change {
                "manifest" if is_manifest => answer.body.push(b' '),
                "config" if asked.path.ends_with(&image.id().to_string()) => answer.body.push(b' '),
                "large" if is_manifest => answer.body = vec![b' '; 2 << 20],
                "artifact" if is_manifest => {
                    answer.body = manifest.replacen('{', r#"{"artifactType":"x/y","#, 1).into_bytes();
                }
                _ => {}
            }
            answer
        })
        .await;
        let name = if change == "artifact" { "shop:1".to_owned() } else { by_digest.clone() };
        let target = Target::Registry(format!("{}/{name}", fake.address).parse().unwrap());
        let mut options = options();
        options.registry.document_bytes = 1 << 20;
        let error = listed(&target, &options).await.err().unwrap();
        assert_eq!(error.class(), class, "{error}");
        assert!(error.to_string().contains(text), "{change}: {error}");
    }
}

#[tokio::test]
async fn a_registry_that_never_answers_costs_no_more_than_the_time_allowed() {
    let image = Made::small();
    let name = sha256(&image.packed(Packing::Gzip)[0]).to_string();
    let fake = Fake::start(move |asked| {
        if asked.path.ends_with(&name) {
            std::thread::sleep(std::time::Duration::from_secs(2));
        }
        serve(&image, asked)
    })
    .await;
    let mut options = options();
    options.registry.read_timeout = std::time::Duration::from_millis(200);
    options.registry.attempts = 2;
    let begun = Instant::now();
    let found = listed(&target(&fake), &options).await.unwrap();
    assert!(begun.elapsed().as_secs() < 10);
    assert!(format!("{:?}", found.problems).contains("no answer in time"), "{:?}", found.problems);
}

fn with_login(fake: &Fake, login: &str) -> (tempfile::TempDir, OpenOptions) {
    let directory = tempfile::tempdir().unwrap();
    let auth = base64::engine::general_purpose::STANDARD.encode(login);
    let config = serde_json::json!({"auths": {fake.address.to_string(): {"auth": auth}}});
    let path = directory.path().join("config.json");
    std::fs::write(&path, config.to_string()).unwrap();
    let mut options = options();
    options.registry.logins = vec![path];
    options.limits = Limits::default();
    (directory, options)
}

#[tokio::test]
async fn logs_in_with_a_password() {
    let image = Made::small();
    let expected = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("me:secret"));
    let fake = Fake::start(move |asked| {
        if asked.header("authorization") == expected {
            serve(&image, asked)
        } else {
            Answer::new(401, "").with("www-authenticate", "Basic realm=\"r\"")
        }
    })
    .await;
    let error = listed(&target(&fake), &options()).await.err().unwrap();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    assert!(error.remedy().contains("docker login"), "{}", error.remedy());
    let (_directory, options) = with_login(&fake, "me:secret");
    assert_eq!(listed(&target(&fake), &options).await.unwrap().problems, []);
    let (_directory, options) = with_login(&fake, "me:wrong");
    let error = listed(&target(&fake), &options).await.err().unwrap();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    assert!(!error.to_string().contains("wrong"), "{error}");
}

#[tokio::test]
async fn gets_a_token_from_the_token_service() {
    let image = Made::small();
    let service = Fake::start(|asked| {
        let login = base64::engine::general_purpose::STANDARD.encode("me:secret");
        if asked.header("authorization") != format!("Basic {login}") {
            return Answer::new(401, r#"{"errors":[{"code":"DENIED","message":"who are you"}]}"#);
        }
        assert!(asked.path.contains("scope=repository%3Ashop%3Apull"), "{}", asked.path);
        assert!(asked.path.contains("service=shop+registry"), "{}", asked.path);
        Answer::new(200, r#"{"token":"t0ken","expires_in":300}"#)
    })
    .await;
    let realm = format!("Bearer realm=\"http://{}/token\",service=\"shop registry\"", service.address);
    let fake = Fake::start(move |asked| {
        if asked.header("authorization") == "Bearer t0ken" {
            serve(&image, asked)
        } else {
            Answer::new(401, "").with("www-authenticate", realm.clone())
        }
    })
    .await;
    let (_directory, options) = with_login(&fake, "me:secret");
    assert_eq!(listed(&target(&fake), &options).await.unwrap().problems, []);
    assert_eq!(service.asked().len(), 1, "one token does for all requests");
    let (_directory, options) = with_login(&fake, "me:wrong");
    let error = listed(&target(&fake), &options).await.err().unwrap();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    assert!(error.to_string().contains("who are you"), "{error}");
}

#[tokio::test]
async fn odd_answers_of_a_token_service_do_no_harm() {
    for body in ["", "{}", "[]", r#"{"token":"a\nb"}"#, r#"{"token":""}"#] {
        let service = Fake::start(move |_| Answer::new(200, body)).await;
        let realm = format!("Bearer realm=\"http://{}/token\"", service.address);
        let fake = Fake::start(move |_| Answer::new(401, "").with("www-authenticate", realm.clone())).await;
        let error = listed(&target(&fake), &options()).await.err().unwrap();
        assert!(error.to_string().contains("token service"), "{error}");
    }
    for header in ["Bearer realm=\"ftp://x\"", "Bearer realm=\":\"", "Digest x=y"] {
        let fake = Fake::start(move |_| Answer::new(401, "").with("www-authenticate", header)).await;
        let error = listed(&target(&fake), &options()).await.err().unwrap();
        assert_eq!(error.class(), ErrorClass::Unauthorized, "{error}");
    }
}
