use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Base;
use crate::lab::Engine;
use crate::{Context, Result, Run};

/// One version of one of the story's services, as a Debian package in an image.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Name of the image and of the package.
    pub name: &'static str,
    pub tag: &'static str,
    /// Version of the package.
    pub version: &'static str,
    pub healthy: bool,
}

impl Service {
    pub const OLD: Self = Self { name: "shop", tag: "old", version: "1.0-1", healthy: true };
    pub const V1: Self = Self { name: "shop", tag: "v1", version: "1.0-1", healthy: true };
    pub const V2: Self = Self { name: "shop", tag: "v2", version: "1.1-1", healthy: true };
    /// Starts, and never becomes healthy.
    pub const SICK: Self = Self { name: "shop", tag: "sick", version: "1.2-1", healthy: false };
    /// Stands before the shop and has the published port.
    pub const EDGE: Self = Self { name: "edge", tag: "v1", version: "1.0-1", healthy: true };

    /// `shop:v1`.
    pub fn image(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }
}

const SERVICE: &str = include_str!("../../shop/service.py");
const EDGE: &str = include_str!("../../shop/edge.py");
const LAUNCHER: &str = include_str!("../../shop/launcher.sh");
const NGINX: &str = include_str!("../../shop/nginx.conf");
const DOCKERFILE: &str = include_str!("../../shop/Dockerfile");

/// Builds the image from the base system: imports the base if the engine does not have it, packs the service, and runs
/// the Dockerfile (its only `RUN` installs the package, without a network).
pub fn build(engine: &Engine, folder: &Path, base: &Base, service: Service) -> Result<()> {
    let base_name = import(engine, base)?;
    let context = folder.join(format!("{}-{}", service.name, service.tag));
    let _ = fs::remove_dir_all(&context);
    write(&context.join("Dockerfile"), DOCKERFILE, 0o644)?;
    package(&context, service)?;
    let (base, name, context) = (format!("BASE={base_name}"), service.image(), context.display().to_string());
    engine
        .docker(["build", "--quiet", "--network=none", "--build-arg", &base, "--tag", &name, &context])
        .ok()?;
    Ok(())
}

fn import(engine: &Engine, base: &Base) -> Result<String> {
    let stem = base.archive.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = format!("{stem}:latest");
    if engine.docker(["image", "inspect", &name]).end()?.code != 0 {
        let message = format!("debian, {stem}");
        engine.docker(["import", "--message", &message, &base.archive.display().to_string(), &name]).ok()?;
    }
    Ok(name)
}

/// `service.deb` in the build's context.
fn package(context: &Path, service: Service) -> Result<()> {
    let root = context.join("package");
    let Service { name, version, healthy, .. } = service;
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: The shop <shop@shop.example>\n\
         Depends: curl, nginx, python3\nSection: web\nPriority: optional\n\
         Description: small service of the laboratory\n Sells nothing, answers when asked for its health.\n"
    );
    write(&root.join("DEBIAN/control"), &control, 0o644)?;
    if name == Service::EDGE.name {
        write(&root.join("usr/bin/service"), EDGE, 0o755)?;
    } else {
        let settings = format!("{{\"version\": \"{version}\", \"healthy\": {healthy}}}\n");
        write(&root.join("usr/bin/service"), LAUNCHER, 0o755)?;
        write(&root.join("usr/lib/shop/service.py"), SERVICE, 0o644)?;
        write(&root.join("usr/lib/shop/nginx.conf"), NGINX, 0o644)?;
        write(&root.join("usr/lib/shop/settings.json"), &settings, 0o644)?;
    }
    let (root, deb) = (root.display().to_string(), context.join("service.deb").display().to_string());
    Run::new("dpkg-deb").args(["--root-owner-group", "--build", &root, &deb]).ok()?;
    Ok(())
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .context(|| format!("cannot write {}", path.display()))
}

/// The digest of an image's configuration.
pub fn image_id(engine: &Engine, name: &str) -> Result<String> {
    let ended = engine.docker(["image", "inspect", "--format", "{{.Id}}", name]).ok()?;
    Ok(ended.stdout.trim().to_owned())
}
