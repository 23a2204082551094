//! Compiles the kernel programs with clang, so that no C toolchain is needed where the agent runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const SOURCE: &str = "bpf/sensor.bpf.c";
const HEADERS: [&str; 4] =
    ["bpf/bpf_helpers.h", "bpf/bpf_core_read.h", "bpf/bpf_tracing.h", "bpf/bpf_endian.h"];

fn main() {
    println!("cargo::rerun-if-changed=bpf");
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
    let architecture = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("x86_64") => "x86",
        Ok("aarch64") => "arm64",
        Ok(other) => {
            return Err(format!("the sensor is not written for the processor architecture `{other}`"));
        }
        Err(problem) => return Err(format!("cargo does not tell the target's architecture: {problem}")),
    };
    let out =
        PathBuf::from(env::var("OUT_DIR").map_err(|problem| format!("cargo sets no OUT_DIR: {problem}"))?);
    let object = out.join("sensor.bpf.o");
    let output = Command::new(&clang)
        // -g: the loader adapts the program to the running kernel by its type information (BTF).
        .args([
            "-g",
            "-O2",
            "-target",
            "bpf",
            "-mcpu=v3",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-unused-parameter",
        ])
        .arg(format!("-D__TARGET_ARCH_{architecture}"))
        .args(["-c", SOURCE, "-o"])
        .arg(&object)
        .output()
        .map_err(|problem| {
            format!(
                "cannot run `{clang}`, which compiles the kernel program: {problem}: \
                 install clang (Debian: apt-get install clang), or name it in the variable CLANG"
            )
        })?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).replace('\n', " | ");
        return Err(format!("`{clang}` could not compile {SOURCE}: {text}"));
    }
    // The object must be whole before the crate embeds it.
    fs::metadata(&object).map_err(|problem| format!("{} was not written: {problem}", object.display()))?;
    Ok(())
}
