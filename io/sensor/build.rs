//! Compiles the kernel programs and the containers' starter with clang, so that no C toolchain is needed where the agent runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const SOURCE: &str = "bpf/sensor.bpf.c";
const STARTER: &str = "starter/starter.c";
const HEADERS: [&str; 4] =
    ["bpf/bpf_helpers.h", "bpf/bpf_core_read.h", "bpf/bpf_tracing.h", "bpf/bpf_endian.h"];

fn main() {
    println!("cargo::rerun-if-changed=bpf");
    println!("cargo::rerun-if-changed=starter");
    println!("cargo::rerun-if-env-changed=CLANG");
    if let Err(problem) = compile() {
        println!("cargo::error={problem}");
    }
}

fn compile() -> Result<(), String> {
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    if let Some(missing) = HEADERS.iter().find(|header| !Path::new("/usr/include").join(header).exists()) {
        return Err(format!(
            "the header /usr/include/{missing} is missing, which the kernel program needs: \
             install libbpf's development files (Debian: apt-get install libbpf-dev)"
        ));
    }
    let target = env::var("CARGO_CFG_TARGET_ARCH");
    let (target, architecture) = match target.as_deref() {
        Ok("x86_64") => ("x86_64", "x86"),
        Ok("aarch64") => ("aarch64", "arm64"),
        Ok(other) => {
            return Err(format!("the sensor is not written for the processor architecture `{other}`"));
        }
        Err(problem) => return Err(format!("cargo does not tell the target's architecture: {problem}")),
    };
    let out =
        PathBuf::from(env::var("OUT_DIR").map_err(|problem| format!("cargo sets no OUT_DIR: {problem}"))?);
    let mut kernel = Command::new(&clang);
    kernel
        // -g: the loader adapts the program to the running kernel by its type information (BTF).
        .args(["-g", "-O2", "-target", "bpf", "-mcpu=v3", "-Wall", "-Wextra", "-Werror"])
        .args(["-Wno-unused-parameter", &format!("-D__TARGET_ARCH_{architecture}")])
        .args(["-c", SOURCE, "-o"]);
    run(kernel, SOURCE, &out.join("sensor.bpf.o"))?;

    let mut starter = Command::new(&clang);
    starter.args(["-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-builtin", "-fno-pie"]);
    starter.args(["-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-Wall", "-Wextra", "-Werror"]);
    starter.args(["-Wl,--build-id=none", "-Wl,-z,noexecstack", "-Wl,-z,norelro", "-Wl,-s"]);
    if env::var("TARGET") != env::var("HOST") {
        starter.args([&format!("--target={target}-linux-gnu"), "-fuse-ld=lld"]);
    }
    starter.args([STARTER, "-o"]);
    run(starter, STARTER, &out.join("starter"))
}

/// The last argument, where it writes, is still missing.
fn run(mut clang: Command, source: &str, object: &Path) -> Result<(), String> {
    let name = clang.get_program().to_string_lossy().into_owned();
    let output = clang.arg(object).output().map_err(|problem| {
        format!(
            "cannot run `{name}`, which compiles {source}: {problem}: install clang (Debian: apt-get install clang), \
             or name it in the variable CLANG"
        )
    })?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).replace('\n', " | ");
        return Err(format!("`{name}` could not compile {source}: {text}"));
    }
    // The object must be whole before the crate embeds it.
    fs::metadata(object).map_err(|problem| format!("{} was not written: {problem}", object.display()))?;
    Ok(())
}
