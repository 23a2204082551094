use std::fs;
use std::path::Path;

use lazaret_e2e::{Context as _, Ended, Lab, Result, check, fail};

use crate::world::World;

/// A command that must fail: what it is given, and what it must say.
struct Case {
    what: &'static str,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    code: i32,
    /// Each must occur in the message.
    words: Vec<String>,
}

pub(crate) fn one_sentence_and_an_exit_code(world: &mut World) -> Result<()> {
    let (lab, told) = world.told()?;
    let folder = lab.folders.state().join("bad");
    fs::create_dir_all(&folder).context(|| "cannot create a folder".to_owned())?;
    let mut wrong = String::new();
    for case in cases(lab, &folder, &told.built.v1.name)? {
        let mut run = lab.lazaret(&case.arguments)?;
        for (name, value) in &case.environment {
            run = run.env(name, value);
        }
        if let Err(failure) = run.end().and_then(|ended| one_sentence(&ended, &case)) {
            wrong.push_str(&format!("{}: {failure}\n", case.what));
        }
    }
    check!(wrong.is_empty(), "{wrong}");
    Ok(())
}

fn one_sentence(ended: &Ended, case: &Case) -> Result<()> {
    let said = &ended.stderr;
    check!(
        ended.code == case.code,
        "`{}` ended with {} instead of {}:\n{}",
        ended.shown,
        ended.code,
        case.code,
        ended.said()
    );
    check!(!said.trim().is_empty(), "`{}` says nothing", ended.shown);
    check!(ended.stdout.is_empty(), "`{}` printed a result and failed:\n{}", ended.shown, ended.stdout);
    for word in &case.words {
        check!(said.contains(word.as_str()), "`{}` does not say `{word}`:\n{said}", ended.shown);
    }
    for inside in ["panicked", "RUST_BACKTRACE", "Os {", "Error(", "Custom {", "Some("] {
        check!(!said.contains(inside), "`{}` shows its insides:\n{said}", ended.shown);
    }
    // A mistake in a file is shown with its lines; anything else is a sentence and what to do about it.
    let lines = said.lines().filter(|line| !line.trim().is_empty()).count();
    check!(lines <= 8, "`{}` says {lines} lines:\n{said}", ended.shown);
    Ok(())
}

fn cases(lab: &Lab, folder: &Path, image: &str) -> Result<Vec<Case>> {
    let folders = &lab.folders;
    let case = |what, code, arguments: &[&str], words: &[&str]| Case {
        what,
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        environment: Vec::new(),
        code,
        words: words.iter().map(|word| (*word).to_owned()).collect(),
    };
    let file = |name: &str, bytes: &[u8]| -> Result<String> {
        let path = folder.join(name);
        fs::write(&path, bytes).context(|| format!("cannot write {}", path.display()))?;
        Ok(path.display().to_string())
    };
    let read = |path: &Path| fs::read(path).context(|| format!("cannot read {}", path.display()));

    let noise: Vec<u8> =
        (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
    let archive = read(&folders.images().join("shop-v1.tar"))?;
    let database = read(&folders.database())?;
    let policy = read(&folders.policy())?;
    let (noise_tar, short_tar) =
        (file("noise.tar", &noise)?, file("short.tar", &archive[..archive.len() / 2])?);
    let (empty, short_db) = (file("empty", b"")?, file("short.lzdb", &database[..database.len() / 2])?);
    let (noise_db, binary_policy) = (file("noise.lzdb", &noise)?, file("noise.yaml", &noise)?);
    let short_policy = file("short.yaml", &policy[..policy.len() / 2 + 7])?;
    let token = file("token", b"lzt_nobody")?;
    let target = format!("docker:{image}");
    let registry = lab.registry.host();
    let (policy, key) = (folders.policy().display().to_string(), folders.private_key().display().to_string());

    let mut cases = vec![
        case("no command", 2, &[], &["Usage"]),
        case("an unknown option", 2, &["scan", "--frobnicate", &target], &["--frobnicate"]),
        case("an image the engine does not have", 3, &["scan", "docker:no-such-image:1"], &["no-such-image"]),
        case(
            "an image the registry does not have",
            3,
            &["scan", &format!("registry:{registry}/none:1")],
            &["none"],
        ),
        case("a registry that is away", 4, &["scan", "registry:127.0.0.1:1/shop:v1"], &["127.0.0.1:1"]),
        case(
            "an engine that is away",
            4,
            &["scan", &target, "--engine-socket", "/none.sock"],
            &["/none.sock"],
        ),
        case("a file that does not exist", 3, &["scan", "archive:/none.tar"], &["/none.tar"]),
        case("an archive of noise", 3, &["scan", &format!("archive:{noise_tar}")], &["noise.tar"]),
        case("half an archive", 3, &["scan", &format!("archive:{short_tar}")], &["short.tar"]),
        case("an empty archive", 3, &["scan", &format!("archive:{empty}")], &["empty"]),
        case("half a database", 3, &["scan", &target, "--db", &short_db], &["short.lzdb"]),
        case("a database of noise", 3, &["scan", &target, "--db", &noise_db], &["noise.lzdb"]),
        case("an empty database", 3, &["scan", &target, "--db", &empty], &["empty"]),
        case("no database", 3, &["scan", &target, "--db", "/none.lzdb"], &["/none.lzdb", "db update"]),
        case("a policy of noise", 3, &["scan", &target, "--policy", &binary_policy], &["noise.yaml"]),
        case("half a policy", 3, &["policy", "check", &short_policy], &["short.yaml"]),
        case("a policy that is a folder", 3, &["policy", "check", "/"], &["/"]),
        case("an image by tag", 3, &["sign", &format!("{registry}/shop:v1"), "--key", &key], &["sha256"]),
        case(
            "a key that is none",
            3,
            &["sign", &format!("{registry}/shop@sha256:{}", "0".repeat(64)), "--key", &policy],
            &["policy.yaml"],
        ),
        case("a vulnerability that is none", 3, &["affected", "../../etc"], &["etc"]),
        case("an unknown container", 3, &["explain", "no-such-container"], &["no-such-container"]),
        case(
            "a stage that does not exist",
            1,
            &["promote", &by_digest(lab)?, "--to", "moon", "--key", &key],
            &["moon"],
        ),
        case("an advisory of noise", 3, &["advisory", "import", &noise_db], &[]),
        case("an export of noise", 3, &["audit", "verify", "--file", &noise_db], &["noise.lzdb"]),
        case("a server that is away", 4, &["ps", "--server", "http://127.0.0.1:1"], &["127.0.0.1:1"]),
        case("a token that nobody gave", 5, &["ps", "--token-file", &token], &["token"]),
        case("no token", 5, &["ps", "--token-file", "/none.token"], &["token"]),
    ];
    let mut no_home = case("no token and no place for one", 5, &["ps"], &["token"]);
    no_home.environment = vec![("LAZARET_TOKEN_FILE", "/none/token".to_owned())];
    cases.push(no_home);
    Ok(cases)
}

fn by_digest(lab: &Lab) -> Result<String> {
    let listed = lab.ask(["ps"])?;
    let shop =
        listed.as_array().and_then(|all| all.iter().find(|container| container["name"] == "shop")).cloned();
    match shop.as_ref().and_then(|shop| shop["image_manifest"].as_str()) {
        Some(manifest) => Ok(format!("{}/shop@{manifest}", lab.registry.host())),
        None => fail!("the shop does not run: {listed}"),
    }
}

pub(crate) fn nothing_is_reachable_without_a_token(world: &mut World) -> Result<()> {
    let (lab, _) = world.told()?;
    let document = lab.server.peer();
    for path in [
        "/v1/containers",
        "/v1/events",
        "/v1/images",
        "/v1/policy",
        "/v1/audit",
        "/v1/agents",
        "/v1/affected/CVE-2999-0001",
        "/v1/explain/shop",
        "/v1/agent/admissions",
        "/v1/agent/actions",
    ] {
        for headers in
            [vec![], vec![("Authorization", "Bearer nobody")], vec![("Authorization", "Basic bm9ib2R5Og==")]]
        {
            let answer = document.request("GET", path, &headers, b"")?;
            check!(
                answer.status == 401,
                "GET {path} with {headers:?} was answered {} {}",
                answer.status,
                answer.body
            );
        }
    }
    for path in [
        "/v1/tokens",
        "/v1/advisories",
        "/v1/promotions",
        "/v1/replacements",
        "/v1/agent/events",
        "/v1/agents/enroll",
    ] {
        let answer = document.post_json(path, "{}")?;
        check!(answer.status == 401, "POST {path} was answered {} {}", answer.status, answer.body);
    }
    Ok(())
}
