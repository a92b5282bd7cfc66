//! Completions for shells, made from the table of options.

use super::table::{OPTIONS, SHELLS, SUBCOMMANDS};

/// What `-W` takes.
const FILTERS: &[&str] = &["default", "error", "always", "module", "once", "ignore"];

/// What `-X` takes.
const SWITCHES: &[&str] = &["dev", "importtime"];

/// The script for one of [`SHELLS`].
pub fn script(shell: &str) -> String {
    match shell {
        "zsh" => zsh(),
        "fish" => fish(),
        _ => bash(),
    }
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// The spellings of all options that the help lists.
fn spellings() -> Vec<String> {
    let mut out = Vec::new();
    for o in OPTIONS.iter().filter(|o| !o.help.is_empty()) {
        out.push(format!("-{}", o.short));
        if !o.long.is_empty() {
            out.push(format!("--{}", o.long));
        }
    }
    out
}

fn bash() -> String {
    let (options, commands) = (spellings().join(" "), words(SUBCOMMANDS.iter().map(|s| s.name)));
    let (filters, switches, shells) = (FILTERS.join(" "), SWITCHES.join(" "), SHELLS.join(" "));
    format!(
        r#"# bash completion for apy: source <(apy completions bash)
_apy() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
    COMPREPLY=()
    case $prev in
        -c | -m) return ;;
        -W) COMPREPLY=($(compgen -W "{filters}" -- "$cur")); return ;;
        -X) COMPREPLY=($(compgen -W "{switches}" -- "$cur")); return ;;
        completions) COMPREPLY=($(compgen -W "{shells}" -- "$cur")); return ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "{options}" -- "$cur"))
        return
    fi
    compopt -o filenames 2>/dev/null
    if [[ $COMP_CWORD == 1 || $prev == run || $prev == dis ]]; then
        # Programs and folders.
        COMPREPLY=($(compgen -f -X '!*.apy' -- "$cur") $(compgen -f -X '!*.py' -- "$cur") $(compgen -d -- "$cur"))
    else
        COMPREPLY=($(compgen -f -- "$cur"))
    fi
    if ((COMP_CWORD == 1)); then
        COMPREPLY+=($(compgen -W "{commands}" -- "$cur"))
    fi
}}
complete -F _apy apy
"#
    )
}

fn zsh() -> String {
    let quote = |text: &str| text.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
    let mut out = String::from(
        "#compdef apy\n# zsh completion for apy: a file _apy in $fpath\n_apy() {\n    local -a commands\n    commands=(\n",
    );
    for s in SUBCOMMANDS {
        out.push_str(&format!("        '{}:{}'\n", s.name, quote(s.help)));
    }
    out.push_str("    )\n    _arguments -S \\\n");
    for o in OPTIONS.iter().filter(|o| !o.help.is_empty()) {
        let action = match o.value {
            "" => String::new(),
            "FILTER" => format!(":filter:({})", FILTERS.join(" ")),
            // Behind it stand the program's own arguments.
            "MODULE" | "TEXT" => format!(":{}: :*:argument:_files", o.value.to_lowercase()),
            _ => format!(":switch:({})", SWITCHES.join(" ")),
        };
        out.push_str(&format!("        '-{}[{}]{action}' \\\n", o.short, quote(o.help)));
        if !o.long.is_empty() {
            out.push_str(&format!("        '--{}[{}]' \\\n", o.long, quote(o.help)));
        }
    }
    out.push_str(&format!(
        "        '1: :{{ _describe command commands; _files -g \"*.(apy|py)(-.)\" }}' \\\n        '*: :{{ [[ $words[2] == completions ]] && \
         compadd {} || _files }}'\n}}\n\
         if [[ $funcstack[1] == _apy ]]; then\n    _apy \"$@\"\nelse\n    compdef _apy apy\nfi\n",
        SHELLS.join(" ")
    ));
    out
}

fn fish() -> String {
    let quote = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let mut out = String::from("# fish completion for apy: apy completions fish | source\n");
    for s in SUBCOMMANDS {
        out.push_str(&format!("complete -c apy -n __fish_use_subcommand -a {} -d '{}'\n", s.name, quote(s.help)));
    }
    out.push_str(&format!(
        "complete -c apy -f -n '__fish_seen_subcommand_from completions' -a '{}'\n",
        SHELLS.join(" ")
    ));
    for o in OPTIONS.iter().filter(|o| !o.help.is_empty()) {
        let long = if o.long.is_empty() { String::new() } else { format!(" -l {}", o.long) };
        let value = match o.value {
            "" => String::new(),
            "FILTER" => format!(" -x -a '{}'", FILTERS.join(" ")),
            "TEXT" | "MODULE" => " -x".to_owned(),
            _ => format!(" -x -a '{}'", SWITCHES.join(" ")),
        };
        out.push_str(&format!("complete -c apy -s {}{long}{value} -d '{}'\n", o.short, quote(o.help)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_every_script() {
        for shell in SHELLS {
            let text = script(shell);
            for o in OPTIONS.iter().filter(|o| !o.help.is_empty()) {
                let short = if *shell == "fish" { format!("-s {}", o.short) } else { format!("-{}", o.short) };
                assert!(text.contains(&short), "{shell}: {short}");
            }
            assert!(SUBCOMMANDS.iter().all(|s| text.contains(s.name)), "{shell}");
        }
    }
}
