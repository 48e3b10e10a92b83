import type { SHELLS } from './complete.ts';

// Each asks kexport itself, by the words up to the cursor. The answer is a line that says what
// paths to add, and a line for each word with its summary after a tab.

const BASH = `# Completion of kexport and ksnap for bash.
_kexport() {
    local typed=\${COMP_LINE:0:COMP_POINT} current prefix line
    local -a words lines paths=()
    read -ra words <<< "$typed"
    [[ $typed == *[[:space:]] ]] && words+=('')
    mapfile -t lines < <(kexport completion words -- "\${words[@]}" 2> /dev/null)
    current=\${words[-1]}
    # bash divides words at @, = and : as well; it keeps what is before the @.
    prefix=\${current%"\${current##*[=:]}"}
    [[ $current == *@* ]] && prefix=\${current%@*}
    COMPREPLY=()
    for line in "\${lines[@]:1}"; do
        line=\${line%%$'\\t'*}
        COMPREPLY+=("\${line#"$prefix"}")
    done
    case \${lines[0]} in
        files) mapfile -t paths < <(compgen -f -- "\${current#"$prefix"}") ;;
        folders) mapfile -t paths < <(compgen -d -- "\${current#"$prefix"}") ;;
    esac
    ((\${#paths[@]} > 0)) && compopt -o filenames
    COMPREPLY+=("\${paths[@]}")
}
complete -F _kexport kexport ksnap
`;

const ZSH = `#compdef kexport ksnap
# Completion of kexport and ksnap for zsh.
_kexport() {
    local -a lines described
    local kind line word
    lines=("\${(@f)$(kexport completion words -- "\${(@)words[1,CURRENT-1]}" "$PREFIX" 2> /dev/null)}")
    kind=$lines[1]
    shift lines
    for line in $lines; do
        word=\${line%%$'\\t'*}
        described+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
    done
    (( $#described )) && _describe 'word' described
    case $kind in
        files) _files ;;
        folders) _files -/ ;;
    esac
}
if [[ $funcstack[1] == _kexport ]]; then _kexport "$@"; else compdef _kexport kexport ksnap; fi
`;

const FISH = `# Completion of kexport and ksnap for fish.
function __kexport_complete
    set -l lines (kexport completion words -- (commandline -opc) (commandline -ct) 2> /dev/null)
    set -l kind $lines[1]
    set -e lines[1]
    printf '%s\\n' $lines
    switch $kind
        case files
            __fish_complete_path (commandline -ct)
        case folders
            __fish_complete_directories (commandline -ct)
    end
end
complete -c kexport -f -a '(__kexport_complete)'
complete -c ksnap -f -a '(__kexport_complete)'
`;

/** What a shell reads to complete command lines. */
export const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
};
