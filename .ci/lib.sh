# Shared by the scripts in this folder; sourced with the repository root as the working directory.

fail() {
  echo >&2
  printf 'voiced setup: %s\n' "$@" >&2
  exit 1
}

# What this user keeps between clones of voiced: uv, where the machine has none, and build settings.
cache_dir() {
  local base=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
  printf '%s/voiced' "${base:-$PWD/.cache}"
}

# True for a Python that starts and that voiced runs on (a version manager's shim may do neither).
is_python() {
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

# The Python to use: $PYTHON, else that of an existing .venv, else the newest that suits.
find_python() {
  local candidate
  if [[ -n ${PYTHON:-} ]]; then
    is_python "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13."
    command -v "$PYTHON"
    return
  fi
  for candidate in .venv/bin/python python3.13 python3.12 python3.11 python3; do
    if is_python "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  fail "Python 3.11, 3.12 or 3.13 is needed and none was found." \
    "On Debian or Ubuntu: apt-get install python3 python3-venv" \
    "A Python elsewhere: make setup PYTHON=/path/to/python3.12"
}
