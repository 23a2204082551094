//! Programs that give rights without a set-user-id bit: layers carry their capabilities in extended attributes.

use std::fs;

use lazaret_e2e::{Context as _, Result, check};

use crate::world::World;

/// What Linux keeps in `security.capability` (`struct vfs_cap_data`, revision 2, effective), written without a tool: 188 is
/// setxattr(2), 10 is CAP_NET_BIND_SERVICE.
const DOCKERFILE: &str = r#"FROM shop:v2
USER 0
RUN cp /usr/bin/cat /usr/bin/capable && ln /usr/bin/capable /usr/bin/also-capable && perl -e \
  'my ($file, $name, $value) = ("/usr/bin/capable", "security.capability", pack("V5", 0x02000001, 1 << 10, 0, 0, 0)); \
  syscall(188, $file, $name, $value, 20, 0) and die $!'
"#;

pub(crate) fn are_known_of_an_image(world: &mut World) -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        return Ok(());
    }
    let (lab, _) = world.told()?;
    let context = lab.folders.state().join("capable");
    fs::create_dir_all(&context).context(|| format!("cannot make {}", context.display()))?;
    fs::write(context.join("Dockerfile"), DOCKERFILE).context(|| "cannot write the Dockerfile".to_owned())?;
    let engine = &lab.build;
    let folder = context.display().to_string();
    engine.docker(["build", "--quiet", "--network=none", "--tag", "capable", &folder]).ok()?;
    let run = ["run", "--rm", "--network=none", "--user=1000", "--entrypoint=/usr/bin/capable", "capable"];
    let status = engine.docker(run.into_iter().chain(["/proc/self/status"])).ok()?.stdout;
    check!(
        status.contains("CapEff:\t0000000000000400"),
        "the kernel gives the program no capability: {status}"
    );

    let archive = context.join("saved.tar").display().to_string();
    engine.docker(["save", "--output", &archive, "capable"]).ok()?;
    let profile = lab.lazaret(["profile", "show", &format!("archive:{archive}")])?.ok()?.stdout;
    let line = profile.lines().find(|line| line.starts_with("  set-user-id:")).unwrap_or_default();
    let listed: Vec<&str> = line.split(|character: char| " ,[]\"".contains(character)).collect();
    for program in ["/usr/bin/capable", "/usr/bin/also-capable", "/usr/bin/su"] {
        check!(listed.contains(&program), "{program} gives rights and is not listed: {line}");
    }
    check!(!listed.contains(&"/usr/bin/cat"), "/usr/bin/cat gives none: {line}");
    Ok(())
}
