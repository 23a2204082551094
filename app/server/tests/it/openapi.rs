use std::path::PathBuf;

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../openapi/v1.json");
    let generated = lazaret_server::openapi();
    if std::env::var_os("LAZARET_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &generated).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "openapi/v1.json is not what the server does: look at the difference after LAZARET_BLESS=1"
    );
}
