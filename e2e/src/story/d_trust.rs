use super::{Built, Image, Teller};
use crate::{Lab, Result, check};

pub(super) fn step(teller: &mut Teller<'_>, built: &Built) -> Result<()> {
    let (key, policy, database) = files(teller.lab);
    let image = &built.v1.by_digest;

    teller.screen.say("Before anything is signed, nothing can be promoted:");
    let early = teller.lab.lazaret(["promote", image, "--to", "dev", "--key", &key])?.end()?;
    check!(early.code != 0, "an image without evidence was promoted:\n{}", early.said());
    teller.screen.command("", &early, 4);

    teller
        .screen
        .say("Signature, bill of material, verdict, executables and whose they are, as signed statements beside the image:");
    teller.lazaret(["sign", image, "--key", &key], 0, 3)?;
    teller.lazaret(["attest", image, "--key", &key, "--db", &database, "--policy", &policy], 0, 6)?;

    teller.screen.say("Stage by stage, by digest; a stage cannot be left out:");
    let skipped = teller.lab.lazaret(["promote", image, "--to", "prod", "--key", &key])?.end()?;
    check!(skipped.code != 0, "an image was promoted to prod without dev and qa:\n{}", skipped.said());
    teller.screen.command("", &skipped, 4);
    for stage in ["dev", "qa", "prod"] {
        teller.lazaret(["promote", image, "--to", stage, "--key", &key], 0, 3)?;
    }

    teller.screen.say("The old image can be signed and attested, but its verdict keeps it out of qa:");
    let old = &built.old.by_digest;
    teller.lab.lazaret(["sign", old, "--key", &key])?.ok()?;
    // Attesting tells the truth about a bad image: the statement is made, and exit code 1 says what it holds.
    let attested =
        teller.lab.lazaret(["attest", old, "--key", &key, "--db", &database, "--policy", &policy])?.end()?;
    check!(
        attested.code == 1,
        "attesting a refused image ended with {}:\n{}",
        attested.code,
        attested.said()
    );
    teller.lab.lazaret(["promote", old, "--to", "dev", "--key", &key])?.ok()?;
    let refused = teller.lab.lazaret(["promote", old, "--to", "qa", "--key", &key])?.end()?;
    check!(refused.code != 0, "an image with a refused verdict was promoted to qa:\n{}", refused.said());
    teller.screen.command("", &refused, 4);

    promote_to_prod(teller.lab, &built.edge)?;
    teller.screen.holds("the edge, which stands before the shop, went the same way");
    statements_in_registry(teller, &built.v1)
}

/// The statements are in the registry, found by the fallback tag that the OCI distribution specification defines for
/// registries without the referrers API, as Debian's is.
fn statements_in_registry(teller: &Teller<'_>, image: &Image) -> Result<()> {
    let tag = image.manifest.replace(':', "-");
    let headers = [("Accept", "application/vnd.oci.image.index.v1+json")];
    let answer =
        teller.lab.registry.peer().request("GET", &format!("/v2/shop/manifests/{tag}"), &headers, b"")?;
    check!(answer.status == 200, "the registry has no index {tag}: {} {}", answer.status, answer.body);
    let index: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let statements = index["manifests"].as_array().map_or(0, Vec::len);
    check!(
        statements == 8,
        "the registry has {statements} statements about the image instead of 8: {}",
        answer.body
    );
    teller.screen.holds("the registry has 8 signed statements about the image: signature, bill of material, verdict, executables, whose they are, 3 promotions");
    Ok(())
}

/// Everything that makes an image one that may run, without words.
pub fn promote_to_prod(lab: &Lab, image: &Image) -> Result<()> {
    let (key, policy, database) = files(lab);
    let image = &image.by_digest;
    lab.lazaret(["sign", image, "--key", &key])?.ok()?;
    lab.lazaret(["attest", image, "--key", &key, "--db", &database, "--policy", &policy])?.ok()?;
    for stage in ["dev", "qa", "prod"] {
        lab.lazaret(["promote", image, "--to", stage, "--key", &key])?.ok()?;
    }
    Ok(())
}

fn files(lab: &Lab) -> (String, String, String) {
    let folders = &lab.folders;
    let [key, policy, database] = [folders.private_key(), folders.policy(), folders.database()];
    (key.display().to_string(), policy.display().to_string(), database.display().to_string())
}
