use super::{Teller, seconds};
use crate::image::{Base, Service, bases, build, image_id};
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
    /// Stands before the shop and has the published port.
    pub edge: Image,
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
    for (base, service) in [
        (&old_base, Service::OLD),
        (&new_base, Service::V1),
        (&new_base, Service::V2),
        (&new_base, Service::SICK),
        (&new_base, Service::EDGE),
    ] {
        build(&teller.lab.build, &folder, base, service)?;
    }
    let listed =
        teller.lab.build.docker(["image", "ls", "--filter", "reference=shop", "--filter", "reference=edge"]);
    teller.shown("build", listed, 0, 6)?;
    let services = [Service::OLD, Service::V1, Service::V2, Service::SICK, Service::EDGE];
    let [old, v1, v2, sick, edge] = push_all(teller, services)?;
    teller.screen.holds(&format!("pushed to the registry on {}", teller.lab.registry.host()));
    Ok(Built { old, v1, v2, sick, edge })
}

fn made(base: &Base) -> String {
    let size = base.archive.metadata().map_or(0, |metadata| metadata.len() >> 20);
    let how = if base.cached { "from an earlier run" } else { "made" };
    format!("{how} in {} ({size} MiB)", seconds(base.time))
}

fn push_all<const N: usize>(teller: &Teller<'_>, services: [Service; N]) -> Result<[Image; N]> {
    let pushed: Result<Vec<Image>> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            services.iter().map(|service| scope.spawn(|| publish(teller.lab, &service.image()))).collect();
        let results = threads.into_iter().map(|thread| thread.join());
        results.map(|result| result.unwrap_or_else(|_| Err(Failure::new("a push panicked")))).collect()
    });
    pushed?.try_into().map_err(|_| Failure::new("not every image was pushed"))
}

/// Puts an image of the build machine, `NAME:TAG`, into the registry.
pub fn publish(lab: &crate::Lab, name: &str) -> Result<Image> {
    let reference = format!("{}/{name}", lab.registry.host());
    let repository = reference.rsplit_once(':').map_or(reference.as_str(), |(repository, _)| repository);
    lab.build.docker(["tag", name, &reference]).ok()?;
    let pushed = lab.build.docker(["push", &reference]).ok()?;
    let digest = pushed
        .stdout
        .lines()
        .find_map(|line| line.split_once("digest: ")?.1.split(' ').next().map(str::to_owned));
    let manifest =
        digest.ok_or_else(|| Failure::new(format!("docker did not say the digest of {reference}")))?;
    let config = image_id(&lab.build, name)?;
    let by_digest = format!("{repository}@{manifest}");
    Ok(Image { name: name.to_owned(), reference, by_digest, manifest, config })
}
