import type { Completions, OptionValue } from './completions.ts';

/**
 * Writes a script for bash 4.4 or later that completes `tessera`. It holds all words itself: starting Node.js at every press of the key would take
 * a third of a second.
 */
export function bashCompletion(rows: readonly Completions[]): string {
  const commands = rows.filter(({ path }) => path.length > 0).map(({ path }) => pattern(path));
  return `# Completion of tessera for bash. Made by \`tessera completion bash\`; make it again after an upgrade.
_tessera() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path='' seen i
  COMPREPLY=()

  # Which command the words before the cursor name. The value of an option may be spelled like a command, so it is skipped.
  for ((i = 1; i < COMP_CWORD; i++)); do
    seen="\${COMP_WORDS[i]}"
    case "$path $seen" in
${indented(commands.join(' | \\\n'), 6)}) path="$path $seen" ;;
      *)
        if _tessera_takes_value "$path" "$seen"; then
          # bash makes three words of --output=json.
          if [[ "\${COMP_WORDS[i+1]}" == '=' ]]; then ((i++)); fi
          ((i++))
        fi
        ;;
    esac
  done

  if [[ "$word" == '=' ]]; then word=''; elif [[ "$before" == '=' ]]; then before="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  if _tessera_takes_value "$path" "$before"; then
    case "$path $before" in
${indented(valueCases(rows), 6)}
    esac
    return
  fi
  case "$path" in
${indented(wordCases(rows), 4)}
  esac
}

_tessera_takes_value() {
  case "$1 $2" in
${indented(optionsWithValue(rows).join(' | \\\n'), 4)}) return 0 ;;
    *) return 1 ;;
  esac
}

complete -F _tessera tessera
`;
}

/** As the script writes a path: a space before each word. In quotes, so that the shell reads it as text. */
function pattern(words: readonly string[]): string {
  return `'${words.map((word) => ` ${word}`).join('')}'`;
}

function optionsWithValue(rows: readonly Completions[]): string[] {
  return rows.flatMap(({ path, values }) => [...values.keys()].map((flag) => pattern([...path, flag])));
}

function valueCases(rows: readonly Completions[]): string {
  return rows
    .flatMap(({ path, values }) =>
      [...values].flatMap(([flag, value]) => {
        const action = valueAction(value);
        return action === undefined ? [] : [`${pattern([...path, flag])}) ${action} ;;`];
      }),
    )
    .join('\n');
}

function valueAction(value: OptionValue): string | undefined {
  if (value === 'text') return undefined;
  return value === 'file'
    ? `compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word")`
    : `mapfile -t COMPREPLY < <(compgen -W '${value.join(' ')}' -- "$word")`;
}

function wordCases(rows: readonly Completions[]): string {
  return rows
    .filter(({ words, options }) => words.length + options.length > 0)
    .map(({ path, words, options }) => {
      // Options are offered when one was begun, or where nothing else can be guessed.
      const list = (offered: readonly string[]) =>
        `mapfile -t COMPREPLY < <(compgen -W '${offered.join(' ')}' -- "$word")`;
      const body =
        words.length === 0 || options.length === 0
          ? list([...words, ...options])
          : `if [[ "$word" == -* ]]; then ${list(options)}; else ${list(words)}; fi`;
      return `${path.length === 0 ? "''" : pattern(path)}) ${body} ;;`;
    })
    .join('\n');
}

function indented(text: string, spaces: number): string {
  return text.replace(/^/gm, ' '.repeat(spaces));
}
