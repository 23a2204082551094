use super::reader::Reader;
use super::words;
use crate::mistake::shorten;
use crate::policy::Exception;
use crate::yaml::Node;

pub(super) fn read(reader: &mut Reader, node: &Node) -> Vec<Exception> {
    reader.items(node, exception)
}

fn exception(reader: &mut Reader, node: &Node) -> Option<Exception> {
    let fields = reader.fields(node, "exceptions")?;
    let id = reader.needed(&fields, "id", "name the vulnerability: CVE-2026-1234");
    let reason = reader.needed(&fields, "reason", "say why it does no harm here");
    let owner = reader.needed(&fields, "owner", "say who answers for it");
    let expires =
        reader.needed(&fields, "expires", "an exception without an end is forgotten: give its last day");
    let id = id.and_then(|node| vulnerability(reader, node));
    let packages = fields.get("packages").map(|node| reader.some_items(node, words::pattern));
    let reason = reason.and_then(|node| reader.text(node));
    let owner = owner.and_then(|node| reader.text(node));
    let expires = expires.and_then(|node| words::date(reader, node));
    Some(Exception {
        id: id?,
        packages: packages.unwrap_or_default(),
        reason: reason?.to_owned(),
        owner: owner?.to_owned(),
        expires: expires?,
    })
}

/// One vulnerability, not a pattern: an exception is for what somebody looked at.
pub(super) fn vulnerability(reader: &mut Reader, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    let is_name = text.len() <= 64
        && text.contains('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':'));
    if !is_name {
        reader.wrong(
            node,
            format!("`{}` is not the name of a vulnerability", shorten(text)),
            "write one name, such as CVE-2026-1234, and one exception for each",
        );
        return None;
    }
    Some(text.to_owned())
}
