//! Every known way to make an engine understand something else than its plugin.

use lazaret_engine::docker::request::{
    CreateContainer, LogIn, LogInStep, RawRequest, Request, Undecided, decode,
};
use lazaret_model::EngineAction;
use proptest::prelude::*;

const CREATE: &str = "/v1.41/containers/create";

pub(crate) fn ask(
    method: &str,
    uri: &str,
    content_type: Option<&str>,
    body: Option<&str>,
) -> Result<Request, Undecided> {
    decode(&RawRequest { method, uri, content_type, body: body.map(str::as_bytes) })
}

pub(crate) fn create(body: &str) -> Result<CreateContainer, Undecided> {
    match ask("POST", CREATE, Some("application/json"), Some(body))? {
        Request::CreateContainer(create) => Ok(*create),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn with_host_config(text: &str) -> Result<CreateContainer, Undecided> {
    create(&format!(r#"{{"Image":"shop","HostConfig":{{{text}}}}}"#))
}

#[test]
fn a_plain_container_is_plain() {
    let plain = create(r#"{"Image":"shop","HostConfig":null,"NetworkingConfig":null}"#).unwrap();
    assert_eq!(plain, CreateContainer { image: "shop".to_owned(), ..CreateContainer::default() });
    assert!(with_host_config(r#""Privileged":true"#).unwrap().run.privileged);
}

#[test]
fn other_spellings_of_keys() {
    for body in [
        r#"{"Image":"shop","hostconfig":{"Privileged":true}}"#,
        r#"{"Image":"shop","HOSTCONFIG":{"Privileged":true}}"#,
        r#"{"Image":"shop","HostConfig":{"privileged":true}}"#,
        r#"{"Image":"shop","HostConfig":{"PRIVILEGED":true}}"#,
        "{\"Image\":\"shop\",\"Ho\u{17F}tConfig\":{\"Privileged\":true}}",
        r#"{"Image":"shop","Ho\u017ftConfig":{"Privileged":true}}"#,
        "{\"Image\":\"shop\",\"HostConfig\":{\"Networ\u{212A}Mode\":\"host\"}}",
        "{\"Image\":\"shop\",\"HostConfig\":{\"Bind\u{17F}\":[\"/:/host\"]}}",
        r#"{"Image":"shop","HostConfig":{"Privileged ":true}}"#,
        r#"{"image":"shop"}"#,
        r#"{"Image":"shop","image":"other"}"#,
        r#"{"Image":"shop","HostConfig":{"Mounts":[{"type":"bind","Source":"/","Target":"/x"}]}}"#,
        r#"{"Image":"shop","HostConfig":{"Devices":[{"pathonhost":"/dev/vda"}]}}"#,
    ] {
        let refused = create(body);
        assert!(matches!(refused, Err(Undecided::Setting(_))), "{body}: {refused:?}");
    }
    let message = create(r#"{"Image":"x","HostConfig":{"privileged":true}}"#).unwrap_err().to_string();
    assert_eq!(message, "the setting `HostConfig.privileged` is another spelling of `Privileged`");
    // An escape in a key is still the key.
    assert!(create(r#"{"Image":"shop","HostConfig":{"Privil\u0065ged":true}}"#).unwrap().run.privileged);
}

#[test]
fn doubled_and_trailing() {
    for body in [
        r#"{"Image":"shop","HostConfig":{},"HostConfig":{"Privileged":true}}"#,
        r#"{"Image":"shop","HostConfig":{"Privileged":true},"HostConfig":{}}"#,
        r#"{"Image":"shop","HostConfig":{"Privileged":true,"Privileged":false}}"#,
        r#"{"Image":"shop","Ima\u0067e":"other"}"#,
        r#"{"Image":"shop"}{"HostConfig":{"Privileged":true}}"#,
        r#"{"Image":"shop"} x"#,
        "\u{feff}{\"Image\":\"shop\"}",
        "{\"Image\":\"shop\"}\0",
        r#"{"Image":"shop\u0000"}"#,
        r#"{"Image":"shop","Labels":{"a":"1","a":"2"}}"#,
    ] {
        let refused = create(body);
        assert!(matches!(refused, Err(Undecided::Body { .. })), "{body}: {refused:?}");
    }
    let deep = format!(r#"{{"Image":"shop","Labels":{}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
    assert!(create(&deep).is_err());
}

#[test]
fn host_configuration_at_the_top() {
    // Engines before 23 take these where there is no `HostConfig`.
    for body in [
        r#"{"Image":"shop","Privileged":true}"#,
        r#"{"Image":"shop","Binds":["/:/host"]}"#,
        r#"{"Image":"shop","VolumesFrom":["other"]}"#,
        r#"{"Image":"shop","Privileged":false}"#,
        r#"{"Image":"shop","Cpuset":"0"}"#,
    ] {
        assert!(matches!(create(body), Err(Undecided::Setting(_))), "{body}");
    }
    assert!(create(r#"{"Image":"shop","Runtime":null}"#).is_ok(), "some clients say nothing there");
}

#[test]
fn bodies_that_do_not_come_along() {
    for (uri, method) in [
        (CREATE, "POST"),
        ("/containers/create", "POST"),
        ("/v1.41/containers/x/exec", "POST"),
        ("/v1.41/exec/x/start", "POST"),
        ("/v1.41/containers/x/update", "POST"),
        ("/v1.41/volumes/create", "POST"),
        ("/v1.41/networks/create", "POST"),
        ("/v1.41/networks/x/connect", "POST"),
    ] {
        for body in [None, Some("")] {
            let refused = ask(method, uri, Some("application/json"), body);
            assert!(matches!(refused, Err(Undecided::MissingBody { .. })), "{uri}: {refused:?}");
        }
    }
    assert!(matches!(create("null"), Err(Undecided::Setting(_))));
    assert!(matches!(create("[]"), Err(Undecided::Setting(_))));
    assert!(matches!(create("{}"), Err(Undecided::Setting(_))), "no image");
}

#[test]
fn bodies_where_none_belongs() {
    let body = Some(r#"{"Privileged":true,"Binds":["/:/host"]}"#);
    for uri in ["/v1.41/containers/x/start", "/containers/x/start", "/v1.41/containers/x/restart"] {
        let refused = ask("POST", uri, Some("application/json"), body);
        assert!(matches!(refused, Err(Undecided::UnexpectedBody { .. })), "{uri}: {refused:?}");
        let started = ask("POST", uri, Some("application/json"), Some("{}"));
        assert_eq!(started, Ok(Request::StartContainer { container: "x".to_owned() }));
    }
    // Old versions took a whole host configuration there.
    let refused = ask("POST", "/v1.18/containers/x/start", Some("application/json"), body);
    assert!(matches!(refused, Err(Undecided::Version(_))), "{refused:?}");
}

#[test]
fn forms_are_read_like_queries() {
    for kind in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=x",
        "multipart/form-data; boundary=x",
    ] {
        let refused = ask("POST", "/v1.41/containers/x/attach?stdout=1", Some(kind), None);
        assert!(matches!(refused, Err(Undecided::ContentType(_))), "{kind}: {refused:?}");
    }
}

#[test]
fn paths_in_disguise() {
    for uri in [
        "/%63ontainers/create",
        "/v1.41/containers/%63reate",
        "http://x/v1.41/containers/create",
        "/containers/create?name=a",
    ] {
        let asked = ask("POST", uri, Some("application/json"), Some(r#"{"Image":"shop"}"#));
        assert!(matches!(asked, Ok(Request::CreateContainer(_))), "{uri}: {asked:?}");
    }
    for uri in [
        "//v1.41/containers/create",
        "/v1.41//containers/create",
        "/v1.41/./containers/create",
        "/v1.41/x/../containers/create",
        "/v1.41/x/%2e%2e/containers/create",
        "/v1.41/containers%2fcreate",
        "/v1.41/v1.41/containers/create",
        "/v1.41/containers/create/",
        "/v1.41/Containers/create",
        "/v1.41/containers/a/b/start",
        "/v1.23/containers/create",
        "/v1.041/containers/create",
        "/v2.0/containers/create",
        "containers/create",
        "/grpc/x",
        "/debug/pprof/cmdline",
        "/",
        "",
    ] {
        assert!(ask("POST", uri, Some("application/json"), Some(r#"{"Image":"shop"}"#)).is_err(), "{uri}");
    }
    for (method, uri) in [
        ("post", CREATE),
        ("PATCH", CREATE),
        ("OPTIONS", "/x"),
        ("TRACE", "/info"),
        ("DELETE", "/info"),
        ("GET", "/unknown"),
    ] {
        let refused = ask(method, uri, None, None);
        assert!(matches!(refused, Err(Undecided::Endpoint { .. })), "{method} {uri}: {refused:?}");
    }
}

#[test]
fn parameters_given_twice_or_unknown() {
    for uri in [
        "/v1.41/containers/x/attach?stdin=0&stdin=1",
        "/v1.41/containers/x/attach?stdin=1&stdi%6E=0",
        "/v1.41/containers/create?name=a&name=b",
        "/v1.41/containers/create?x=1",
        "/v1.41/images/create?fromImage=a&fromSrc=-",
        "/v1.41/images/create",
    ] {
        let refused = ask("POST", uri, Some("application/json"), Some(r#"{"Image":"x"}"#));
        assert!(
            matches!(refused, Err(Undecided::Query { .. } | Undecided::UnexpectedBody { .. })),
            "{uri}: {refused:?}"
        );
    }
}

#[test]
fn a_privileged_command_is_told_from_others_however_it_is_spelt() {
    let step =
        |body: &str| match ask("POST", "/v1.41/containers/x/exec", Some("application/json"), Some(body)) {
            Ok(Request::LogIn(LogIn { step, .. })) => Some(step),
            Err(_) => None,
            other => panic!("{other:?}"),
        };
    let prepare = |privileged| Some(LogInStep::Prepare { privileged });
    assert_eq!(step(r#"{"Cmd":["sh"]}"#), prepare(false));
    assert_eq!(step(r#"{"Cmd":["sh"],"Privileged":false}"#), prepare(false));
    assert_eq!(step(r#"{"Cmd":["sh"],"Privileged":true}"#), prepare(true));
    for hidden in
        [r#"{"privileged":true}"#, r#"{"Privileged":false,"Privileged":true}"#, r#"{"Privileged":"yes"}"#]
    {
        assert_eq!(step(hidden), None, "{hidden}");
    }
}

#[test]
fn logging_in() {
    let action =
        |method: &str, uri: &str, body: Option<&str>| match ask(method, uri, Some("application/json"), body)
            .unwrap()
        {
            Request::Operation(operation) | Request::LogIn(LogIn { operation, .. }) => Some(operation.action),
            Request::Read => None,
            other => panic!("{other:?}"),
        };
    assert_eq!(
        action("POST", "/v1.41/containers/x/exec", Some(r#"{"Cmd":["sh"]}"#)),
        Some(EngineAction::Exec)
    );
    assert_eq!(action("POST", "/v1.41/exec/x/start", Some("{}")), Some(EngineAction::Exec));
    for (query, login) in [
        ("stdin=1", true),
        ("stdin=TRUE", true),
        ("stdin=x", true),
        ("stdin=0", false),
        ("stdin=%20no%20", false),
        ("stdout=1", false),
        ("", false),
    ] {
        let expected = login.then_some(EngineAction::Attach);
        assert_eq!(action("POST", &format!("/v1.41/containers/x/attach?{query}"), None), expected, "{query}");
    }
    assert_eq!(action("GET", "/v1.41/containers/x/attach/ws?stdin=0", None), Some(EngineAction::Attach));
    assert_eq!(action("PUT", "/v1.41/containers/x/archive?path=/", None), Some(EngineAction::CopyIn));
    assert_eq!(action("GET", "/v1.41/containers/x/archive?path=/", None), Some(EngineAction::CopyOut));
    assert_eq!(action("POST", "/session", None), Some(EngineAction::Session));
    assert_eq!(action("POST", "/grpc", None), Some(EngineAction::Session));
    assert_eq!(
        action("POST", "/v1.41/containers/x/start?checkpoint=c", None),
        Some(EngineAction::Checkpoint)
    );
    assert_eq!(
        action("POST", "/v1.41/containers/x/start?checkpoint-dir=/c", None),
        Some(EngineAction::Checkpoint)
    );
    assert_eq!(action("POST", "/v1.41/plugins/x/enable", None), Some(EngineAction::Plugin));
    assert_eq!(action("POST", "/v1.41/services/create", None), Some(EngineAction::Swarm));
}

#[test]
fn refusals_say_what_to_do() {
    for error in [
        ask("POST", "//x", None, None).unwrap_err(),
        ask("POST", "/v1.2/x", None, None).unwrap_err(),
        ask("POST", "/x", None, None).unwrap_err(),
        ask("POST", CREATE, None, None).unwrap_err(),
        create("{").unwrap_err(),
        create(r#"{"a":1}"#).unwrap_err(),
    ] {
        assert!(!error.to_string().is_empty() && !error.remedy().is_empty());
    }
    let hostile =
        ask("POST", &format!("/{}\u{1b}[2J", "x".repeat(5000)), None, None).unwrap_err().to_string();
    assert!(hostile.len() < 300 && !hostile.contains('\u{1b}'), "{hostile}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn never_panics(method in "(GET|POST|PUT|\\PC{0,4})", uri in "\\PC{0,40}", kind in proptest::option::of("\\PC{0,20}"), body in proptest::option::of(prop::collection::vec(any::<u8>(), 0..200))) {
        let _ = decode(&RawRequest { method: &method, uri: &uri, content_type: kind.as_deref(), body: body.as_deref() });
    }

    #[test]
    fn never_panics_on_bodies(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&RawRequest { method: "POST", uri: CREATE, content_type: Some("application/json"), body: Some(&body) });
    }
}
