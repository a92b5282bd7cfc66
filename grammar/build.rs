//! Turns the grammar into a parser.

fn main() {
    println!("cargo::rerun-if-changed=src/grammar.lalrpop");
    println!("cargo::rerun-if-changed=build.rs");
    if let Err(error) = lalrpop::Configuration::new().use_cargo_dir_conventions().process() {
        eprintln!("the grammar cannot be turned into a parser: {error}");
        std::process::exit(1);
    }
}
