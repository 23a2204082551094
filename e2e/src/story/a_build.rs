use super::{Teller, seconds};
use crate::image::{Base, Shop, bases, build, image_id};
use crate::{Failure, Result};

/// The images of the story, in the build machine's engine and in the registry.
#[derive(Debug, Clone)]
pub struct Built {
    /// On the release alone.
    pub old: Image,
    /// With the security suite.
    pub v1: Image,
    /// The same with a newer version of the service.
    pub v2: Image,
    /// Never becomes healthy.
    pub sick: Image,
}

#[derive(Debug, Clone)]
pub struct Image {
    /// In the build machine's engine: `shop:v1`.
    pub name: String,
    /// In the registry: `127.0.0.1:PORT/shop:v1`.
    pub reference: String,
    /// `127.0.0.1:PORT/shop@sha256:…`.
    pub by_digest: String,
    /// Digest of the manifest.
    pub manifest: String,
    /// Digest of the configuration: the engine's image ID.
    pub config: String,
}

pub(super) fn step(teller: &mut Teller<'_>) -> Result<Built> {
    let screen = &teller.screen;
    screen.say(
        "Two Debian systems from this machine's package mirror, with nginx, openssl, curl, python3, perl:",
    );
    let (old_base, new_base) = bases()?;
    for (base, what) in [(&old_base, "the release alone"), (&new_base, "with the security suite applied")] {
        screen.holds(&format!("{what}: {}", made(base)));
    }

    screen.say("On the build machine (an engine of its own), a small service on top:");
    let folder = teller.lab.folders.images();
    for (base, shop) in
        [(&old_base, Shop::OLD), (&new_base, Shop::V1), (&new_base, Shop::V2), (&new_base, Shop::SICK)]
    {
        build(&teller.lab.build, &folder, base, shop)?;
    }
    let listed = teller.lab.build.docker(["image", "ls", "shop"]);
    teller.shown("build", listed, 0, 6)?;
    let [old, v1, v2, sick] = push_all(teller, [Shop::OLD, Shop::V1, Shop::V2, Shop::SICK])?;
    teller.screen.holds(&format!("pushed to the registry on {}", teller.lab.registry.host()));
    Ok(Built { old, v1, v2, sick })
}

fn made(base: &Base) -> String {
    let size = base.archive.metadata().map_or(0, |metadata| metadata.len() >> 20);
    let how = if base.cached { "from an earlier run" } else { "made" };
    format!("{how} in {} ({size} MiB)", seconds(base.time))
}

fn push_all<const N: usize>(teller: &Teller<'_>, shops: [Shop; N]) -> Result<[Image; N]> {
    let pushed: Result<Vec<Image>> = std::thread::scope(|scope| {
        let threads: Vec<_> = shops.iter().map(|shop| scope.spawn(|| push(teller.lab, *shop))).collect();
        let results = threads.into_iter().map(|thread| thread.join());
        results.map(|result| result.unwrap_or_else(|_| Err(Failure::new("a push panicked")))).collect()
    });
    pushed?.try_into().map_err(|_| Failure::new("not every image was pushed"))
}

fn push(lab: &crate::Lab, shop: Shop) -> Result<Image> {
    let name = shop.name();
    let repository = format!("{}/shop", lab.registry.host());
    let reference = format!("{repository}:{}", shop.tag);
    lab.build.docker(["tag", &name, &reference]).ok()?;
    let pushed = lab.build.docker(["push", &reference]).ok()?;
    let digest = pushed
        .stdout
        .lines()
        .find_map(|line| line.split_once("digest: ")?.1.split(' ').next().map(str::to_owned));
    let manifest =
        digest.ok_or_else(|| Failure::new(format!("docker did not say the digest of {reference}")))?;
    let config = image_id(&lab.build, &name)?;
    Ok(Image { name, reference, by_digest: format!("{repository}@{manifest}"), manifest, config })
}
