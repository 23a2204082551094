use super::*;

const CONTAINER: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

fn body(id: &str, seconds: i64) -> BreakGlassBody {
    let until = Timestamp::now().checked_add(SignedDuration::from_millis(seconds * 1000)).unwrap();
    BreakGlassBody {
        id: id.to_owned(),
        host: "h".to_owned(),
        container: CONTAINER.to_owned(),
        name: "shop".to_owned(),
        reason: "why".to_owned(),
        by: "user a".to_owned(),
        opened: clock::now(),
        until: clock::rfc3339(until),
        state: "open".to_owned(),
        in_force: None,
        closed: None,
        closed_by: None,
    }
}

fn store(directory: &tempfile::TempDir) -> BreakGlass {
    let (glass, complaints) = BreakGlass::open(&directory.path().join("glass.json"), "h").unwrap();
    assert!(complaints.is_empty(), "{complaints:?}");
    glass
}

fn states(change: &Change) -> Vec<&str> {
    change.news.iter().map(|news| news.state.as_str()).collect()
}

#[test]
fn one_is_open_for_its_container_until_it_is_closed_also_across_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let glass = store(&directory);
    assert!(!glass.is_any_open());
    let change = glass.apply(BreakGlassSnapshot { revision: 3, open: vec![body("g", 60)] });
    assert_eq!((states(&change), change.complaints.as_slice()), (vec!["open"], &[][..]));
    assert_eq!(glass.permits(CONTAINER).unwrap().id, "g");
    assert!(glass.permits(&"d".repeat(64)).is_none());
    drop(glass);

    let glass = store(&directory);
    assert_eq!(glass.revision(), 3);
    assert_eq!(glass.permits(CONTAINER).unwrap().reason, "why");
    assert_eq!(states(&glass.apply(BreakGlassSnapshot { revision: 4, open: vec![] })), ["closed"]);
    assert!(glass.permits(CONTAINER).is_none() && glass.is_over("g"));
    assert!(
        glass.covering(CONTAINER, SystemTime::now()).is_some(),
        "who came in just before is still attributed"
    );
    let again = glass.apply(BreakGlassSnapshot { revision: 2, open: vec![body("g", 600)] });
    assert!(again.news.is_empty() && glass.permits(CONTAINER).is_none(), "what was over stays over");
    let glass = store(&directory);
    assert!(glass.permits(CONTAINER).is_none());
}

#[test]
fn the_end_comes_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let glass = store(&directory);
    glass.apply(BreakGlassSnapshot { revision: 1, open: vec![body("g", 1)] });
    assert!(glass.permits(CONTAINER).is_some() && glass.expire().news.is_empty());
    std::thread::sleep(Duration::from_millis(1100));
    assert!(glass.permits(CONTAINER).is_none(), "before anybody says so");
    assert_eq!(states(&glass.expire()), ["expired"]);
    assert!(glass.expire().news.is_empty(), "once");
    // A clock that is set back opens nothing again.
    let mut state = glass.lock();
    state.known[0].over = None;
    state.known[0].until = Timestamp::now().checked_add(SignedDuration::from_mins(60)).unwrap();
    drop(state);
    assert!(glass.permits(CONTAINER).is_none());
}

#[test]
fn what_is_too_long_elsewhere_or_unclear_is_not_heeded() {
    let directory = tempfile::tempdir().unwrap();
    let glass = store(&directory);
    let elsewhere = BreakGlassBody { host: "other".to_owned(), ..body("a", 60) };
    let name = BreakGlassBody { container: "shop".to_owned(), ..body("b", 60) };
    let endless = body("c", 5 * 60 * 60);
    let unclear = BreakGlassBody { until: "soon".to_owned(), ..body("d", 60) };
    let past = body("e", -60);
    let many = (0..2 * MOST).map(|number| body(&format!("m{number}"), 60));
    let open = [elsewhere, name, endless, unclear, past].into_iter().chain(many).collect();
    let change = glass.apply(BreakGlassSnapshot { revision: 1, open });
    assert_eq!(change.complaints.len(), 5 + MOST, "{:?}", change.complaints);
    assert!(glass.is_over("a") && glass.is_over("c") && glass.is_over("e") && !glass.is_over("m1"));
}

#[test]
fn a_damaged_file_opens_nothing() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("glass.json"), b"{\"revision\":1,\"known\":[{]}").unwrap();
    let (glass, complaints) = BreakGlass::open(&directory.path().join("glass.json"), "h").unwrap();
    assert!(complaints.len() == 1 && !glass.is_any_open());
}
