# shellcheck shell=bash disable=SC2034
# Shared by the scripts in this folder. Sourced by them, never run by itself.
#
# Everything a script makes lies under build/: the Python environment, Jupyter's folders, logs,
# reports. Nothing is written to the home folder, and no package index is named: pip and apt use
# whatever their owner has configured.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
logs=$build/logs
reports=$build/reports
script=tools/$(basename "$0")
started=$SECONDS

export LC_ALL=C.UTF-8 LANG=C.UTF-8
export JUPYTER_CONFIG_DIR=$build/jupyter/config
export JUPYTER_DATA_DIR=$build/jupyter/data
export JUPYTER_RUNTIME_DIR=$build/jupyter/runtime
export JUPYTERLAB_SETTINGS_DIR=$build/jupyter/lab/settings
export JUPYTERLAB_WORKSPACES_DIR=$build/jupyter/lab/workspaces
export IPYTHONDIR=$build/jupyter/ipython
export PATCHBAY_HISTORY=${PATCHBAY_HISTORY:-$build/jupyter/history.sqlite}
export JUPYTER_PREFER_ENV_PATH=1 JUPYTER_PLATFORM_DIRS=0
export PYTHONNOUSERSITE=1
unset JUPYTER_PATH JUPYTER_CONFIG_PATH PYTHONPATH PYTHONHOME

# ---- saying things -------------------------------------------------------------------------------

elapsed() { echo $((SECONDS - started)); }

say() { printf '[%3d s] %s\n' "$(elapsed)" "$*"; }

# fail MESSAGE [STATUS]: one line, and out.
fail() {
    printf '%s: %s\n' "$script" "$1" >&2
    exit "${2:-1}"
}

disk_full() {
    local free
    free=$(df -Pk "$build" 2>/dev/null | awk 'NR == 2 { print $4 }')
    [[ -n $free && $free -lt 4096 ]]
}

# The line of a log that says most about why a step failed.
reason() {
    local log=$1 pattern line=
    if grep -q 'No space left on device' "$log" || disk_full; then
        echo "the disk that holds $build is full: free some space and run this again"
        return
    fi
    if grep -qE 'Temporary failure in name resolution|Network is unreachable|NewConnectionError|NameResolutionError' "$log"; then
        echo "no network, and this step has something to download the first time"
        return
    fi
    if grep -q 'CERTIFICATE_VERIFY_FAILED' "$log"; then
        echo "the certificate of the package index is not trusted here; see pip's option cert"
        return
    fi
    for pattern in 'Missing libraries' 'undefined reference|multiple definition' ' error: ' '^(E|ERROR|error|fatal)[: ]' 'rror: ' 'CMake Error'; do
        line=$(grep -m 1 -E "$pattern" "$log") && break
    done
    [[ -n $line ]] || line=$(grep -v '^[[:space:]]*$' "$log" | tail -n 1 || true)
    echo "${line:-no output}" | sed -e 's/^[[:space:]]*//' | cut -c 1-300
}

# step NAME COMMAND...: runs the command with its output in build/logs/NAME.log; one line if it fails.
step() {
    local name=$1 log=$logs/$1.log
    shift
    if ! mkdir -p "$logs" 2>/dev/null || ! : >"$log" 2>/dev/null; then
        fail "cannot write to $logs: is the disk full, or the folder read-only?"
    fi
    local status=0
    "$@" >"$log" 2>&1 </dev/null || status=$?
    [[ $status -ne 0 ]] || return 0
    if [[ -n ${CI:-} ]]; then
        tail -n 60 "$log" >&2
    fi
    fail "$name failed: $(reason "$log") (all of it: ${log#"$root"/})" "$status"
}

# ---- packages of the system ----------------------------------------------------------------------

has_command() { command -v "$1" >/dev/null 2>&1; }

# Whether the compiler would find a header: the usual folders, and those named in CPATH.
has_header() {
    local folder folders
    IFS=: read -r -a folders <<<"/usr/include:/usr/local/include:/usr/include/$(uname -m)-linux-gnu:${CPATH:-}"
    for folder in "${folders[@]}"; do
        [[ -n $folder && -e $folder/$1 ]] && return 0
    done
    return 1
}

# Whether clang has the library that fuzz targets are linked with.
has_fuzzer() {
    local program='int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }'
    has_command clang && clang -fsanitize=fuzzer -x c -o /dev/null - <<<"$program" 2>/dev/null
}

# A python3 that can make virtual environments with pip in them; Debian's needs python3-venv. One
# that lies under build/ is no more than what was made of another one.
find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
        if [[ -z $candidate ]] || ! has_command "$candidate"; then
            continue
        fi
        [[ $(command -v "$candidate") != "$build"/* ]] || continue
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            >/dev/null 2>&1; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# missing_packages GROUP...: the Debian packages of these groups that are not there, on one line.
# Present means that dpkg knows it or that the file it would bring is there (other systems).
missing_packages() {
    local group missing=()
    want() { # PACKAGE CHECK...
        local package=$1
        shift
        "$@" || missing+=("$package")
    }
    for group in "$@"; do
        case $group in
        build)
            want gcc has_command "${CC:-gcc}"
            want libc6-dev has_header stdio.h
            want cmake has_command cmake
            has_command make || want ninja-build has_command ninja
            want libzmq3-dev has_header zmq.h
            want libssl-dev has_header openssl/evp.h
            want libjansson-dev has_header jansson.h
            want libdnnl-dev has_header oneapi/dnnl/dnnl.h
            want liblapacke-dev has_header lapacke.h
            want libpcre2-dev has_header pcre2.h
            want libsqlite3-dev has_header sqlite3.h
            want libutf8proc-dev has_header utf8proc.h
            want libedit-dev has_header histedit.h
            want libcurl4-openssl-dev has_header curl/curl.h
            ;;
        python)
            find_python >/dev/null || missing+=(python3-venv) # brings python3 along
            ;;
        test)
            want libcmocka-dev has_header cmocka.h
            ;;
        valgrind)
            want valgrind has_command valgrind
            ;;
        fuzz)
            want clang has_command clang
            want libclang-rt-14-dev has_fuzzer
            ;;
        browser)
            want chromium has_command chromium
            want fonts-dejavu-core test -d /usr/share/fonts/truetype/dejavu
            ;;
        esac
    done
    echo "${missing[*]}"
}

# need_packages GROUP...: says on one line what is missing, before anything is downloaded, and
# installs it where that is allowed: as root, or through sudo if it asks for no password.
need_packages() {
    local missing as=()
    missing=$(missing_packages "$@")
    [[ -n $missing ]] || return 0
    if ! has_command apt-get; then
        fail "missing, by their Debian names: $missing (this is not Debian: install its counterparts)" 2
    fi
    echo "apt packages missing: $missing"
    if [[ $(id -u) -ne 0 ]]; then
        if ! has_command sudo || ! sudo -n true 2>/dev/null; then
            exit 2
        fi
        as=(sudo -n)
    fi
    say "installing them"
    local apt=("${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y)
    step apt-update "${apt[@]}" update
    # shellcheck disable=SC2086  # one word a package
    step apt-install "${apt[@]}" install --no-install-recommends $missing
    missing=$(missing_packages "$@")
    [[ -z $missing ]] || fail "still missing after installing: $missing" 2
}

# ---- Python --------------------------------------------------------------------------------------

# need_python FOLDER REQUIREMENTS...: a virtual environment that has these requirements. When it has
# them already, which a stamp says, nothing is run and no network is needed. One that was made here
# and works is never cleared, whichever Python is the first on the PATH: a JupyterLab may run in it.
need_python() {
    local folder=$1 python requirements stamp
    shift
    local origin=$folder/patchbay-origin
    if [[ "$(cat "$origin" 2>/dev/null) " != "$folder "* ]] ||
        ! "$folder/bin/python" -c 'import pip' 2>/dev/null; then
        python=$(find_python) || fail "no Python 3.11 or later that can make virtual environments" 2
        say "making a Python environment in ${folder#"$root"/}"
        step python-venv "$python" -m venv --clear "$folder"
        echo "$folder" >"$origin"
    fi
    for requirements in "$@"; do
        stamp=$folder/$(basename "$requirements" .txt).$(sha256sum <"$requirements" | cut -c 1-16)
        [[ -e $stamp ]] && continue
        say "installing ${requirements#"$root"/}"
        step "pip-$(basename "$requirements" .txt)" \
            "$folder/bin/python" -m pip install --no-input --disable-pip-version-check -r "$requirements"
        : >"$stamp"
    done
}

# ---- building ------------------------------------------------------------------------------------

binary() { echo "$build/$1/kernel/app/patchbay"; }

configured() { [[ -e $build/$1/build.ninja || -e $build/$1/Makefile ]]; }

# build_preset PRESET TARGET [CMAKE OPTION...]: configures where needed, then builds incrementally.
build_preset() {
    local preset=$1 target=$2 folder=$build/$1 generator=() home
    shift 2
    home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$folder/CMakeCache.txt" 2>/dev/null || true)
    [[ -z $home || $home == "$root" ]] || rm -rf "$folder" # the tree was moved
    if ! configured "$preset"; then
        rm -rf "$folder"
        generator=(-G "Unix Makefiles")
        has_command ninja && generator=(-G Ninja)
    fi
    if [[ ${#generator[@]} -gt 0 || $# -gt 0 ]]; then
        step "configure-$preset" cmake -S "$root" --preset "$preset" "${generator[@]}" "$@"
    fi
    step "build-$preset" cmake --build "$folder" --target "$target" --parallel "$(nproc)"
}

# build_kernel PRESET: the program alone, which wants no test library.
build_kernel() {
    if configured "$1"; then
        build_preset "$1" patchbay
    else
        build_preset "$1" patchbay -DPATCHBAY_TESTS=OFF
    fi
}

# need_smollm2: the model SmolLM2-135M-Instruct, 98 MB the first time, where kernels find it.
need_smollm2() {
    step fetch-smollm2 "$root/tools/fetch-smollm2"
    offer_smollm2
}

# offer_smollm2: lets kernels find it if it is there.
offer_smollm2() {
    [[ ! -d $build/smollm2-135m ]] ||
        export PATCHBAY_MODELS=$build/smollm2-135m${PATCHBAY_MODELS:+:$PATCHBAY_MODELS}
}

# wants_smollm2 NOTEBOOK: whether a cell of it loads that model.
wants_smollm2() { grep -qF 'load(\"SmolLM2-135M-Instruct' "$1"; }

# install_kernel: the kernelspec `patchbay`, inside the virtual environment.
install_kernel() {
    step install-kernel "$(binary release)" install --prefix "$build/venv"
}
