//! Collects the modules under `stdlib/` into a table of the binary, with their code.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("stdlib");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(tail_calls)");
    // Where the optimizer makes jumps of calls that are a function's last act (see `vm/interp/dispatch.rs`).
    let optimized = matches!(env::var("OPT_LEVEL").as_deref(), Ok("2" | "3" | "s"));
    let registers = matches!(env::var("CARGO_CFG_TARGET_ARCH").as_deref(), Ok("x86_64" | "aarch64"));
    let unix = env::var_os("CARGO_CFG_UNIX").is_some();
    if optimized && registers && unix {
        println!("cargo:rustc-cfg=tail_calls");
    }
    // The command is loaded at a fixed place: a place chosen at each start means writing some 24,000 addresses into its
    // tables first, and a megabyte of memory that nothing else shares.
    let gnu = env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu");
    let linux = env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux");
    if linux && gnu && env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("x86_64") {
        println!("cargo:rustc-link-arg-bin=apy=-no-pie");
        // What runs once an interpreter is marked `#[cold]`. Kept together, it takes few pages of memory, and what runs
        // often stands closer together.
        println!("cargo:rustc-link-arg-bin=apy=-Wl,-z,keep-text-section-prefix");
    }
    if linux && gnu {
        unwinder_in_binary();
    }
    let mut found = Vec::new();
    collect(&root, "", &mut found);
    found.sort();
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    // The names stand together: where each stood between the large sources, walking over them would touch them all.
    let mut names = String::new();
    let mut text = String::from("static MODULES: &[StdlibModule] = &[\n");
    for (name, is_package, path) in &found {
        let relative = path.strip_prefix(&root).expect("it is below").to_string_lossy().replace('\\', "/");
        let source = fs::read_to_string(path).expect("a module can be read");
        // A module that does not compile is carried without code: importing it says what is wrong.
        let code = apy_precompile::module(&source, &format!("<stdlib>/{relative}")).unwrap_or_else(|e| {
            println!("cargo:warning={e}");
            Vec::new()
        });
        let code_path = out.join(format!("{name}.code"));
        fs::write(&code_path, code).expect("the build folder can be written");
        let begin = names.len();
        names.push_str(name);
        let end = names.len();
        let _ = writeln!(
            text,
            "    StdlibModule {{ name: name({begin}, {end}), is_package: {is_package}, path: {relative:?}, source: include_str!({path:?}), \
             code: include_bytes!({code_path:?}) }},"
        );
    }
    let _ = writeln!(text, "];\n/// The names of the modules, one after the other.\nstatic NAMES: &str = {names:?};");
    fs::write(out.join("stdlib.rs"), text).expect("the build folder can be written");
}

/// Links the compiler's unwinding library into the command: loading it as a shared library takes a tenth of the time that
/// an empty program takes. The linker finds the library by a name for which a file of ours says where it is.
fn unwinder_in_binary() {
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let Ok(told) = Command::new(compiler).arg("-print-file-name=libgcc_eh.a").output() else { return };
    let library = PathBuf::from(String::from_utf8_lossy(&told.stdout).trim());
    let same_machine = env::var("HOST") == env::var("TARGET");
    if !same_machine || !library.is_absolute() || !library.exists() {
        return;
    }
    let folder = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("link");
    fs::create_dir_all(&folder).expect("the build folder can be written");
    fs::write(folder.join("libgcc_s.so"), format!("INPUT ( {} )\n", library.display()))
        .expect("the build folder can be written");
    println!("cargo:rustc-link-arg-bin=apy=-L{}", folder.display());
}

fn collect(dir: &Path, prefix: &str, found: &mut Vec<(String, bool, PathBuf)>) {
    println!("cargo:rerun-if-changed={}", dir.display());
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let Some(name) = path.file_stem().map(|n| n.to_string_lossy().into_owned()) else { continue };
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}."), found);
        } else if path.extension().is_some_and(|e| e == "apy") {
            println!("cargo:rerun-if-changed={}", path.display());
            if name == "__init__" {
                found.push((prefix.trim_end_matches('.').to_owned(), true, path));
            } else {
                found.push((format!("{prefix}{name}"), false, path));
            }
        }
    }
}
