#!/bin/sh
# Measures what the browser costs on this machine, and needs nothing from it. Linux on x86-64.
set -u

usage() {
    cat <<'END'
./run.sh [OPTIONS]: measures networks on this machine's GPU, natively and in the browser of this kit

  --minutes N     time for everything; smaller networks come first [default: 60]
  --models LIST   networks, in this order, as "tiny resnet50" [default: those of the plan `gpu`]
  --engines LIST  engines, as "burn-wgpu ort-cuda" [default: burn-wgpu, and onnxruntime on the GPU where the kit has it]
  --plan PLAN     one of tare's plans, whole, instead of networks one by one
  --out DIR       folder for records, report and log [default: out, next to this script]
  --no-browser    measure natively only
  --help          this text
END
}

fail() {
    echo "error: $*" >&2
    exit 2
}

here=$(cd "$(dirname "$0")" && pwd) || exit 2
minutes=60 models='' engines='' plan='' out=$here/out with_browser=yes
while [ $# -gt 0 ]; do
    case $1 in
    --minutes | --models | --engines | --plan | --out)
        [ $# -gt 1 ] || fail "$1: expected a value after it"
        case $1 in
        --minutes) minutes=$2 ;;
        --models) models=$2 ;;
        --engines) engines=$2 ;;
        --plan) plan=$2 ;;
        --out) out=$2 ;;
        esac
        shift
        ;;
    --no-browser) with_browser=no ;;
    --help | -h)
        usage
        exit 0
        ;;
    *) fail "$1: unknown option; --help lists them" ;;
    esac
    shift
done
case $minutes in
'' | *[!0-9]*) fail "--minutes $minutes: expected a whole number" ;;
esac
[ "$minutes" -ge 2 ] || fail "--minutes $minutes: too few to start a browser and measure; give at least 2"
[ -z "$plan" ] || [ -z "$engines" ] || fail "--engines $engines: a plan names its own; leave out --plan or --engines"
start=$(date +%s)
deadline=$((start + minutes * 60))

# Free space of a folder, in MiB.
free_mib() {
    kib=$(df -k --output=avail "$1" | tail -n 1)
    echo $((kib / 1024))
}

# Parts that were copied here become the kit.
unpack() {
    manifest=$here/SHA256SUMS
    [ -f "$manifest" ] || fail "$here holds neither the kit nor its parts: SHA256SUMS is missing"
    cmp -s "$manifest" "$here/tare-kit/.parts" && return
    size=0
    while read -r expected name; do
        name=${name#./}
        [ -f "$here/$name" ] || fail "part $name is missing: copy it next to run.sh"
        found=$(sha256sum "$here/$name") || fail "part $name cannot be read"
        [ "${found%% *}" = "$expected" ] || fail "part $name is damaged (expected SHA-256 $expected, found ${found%% *}): copy it again"
        # shellcheck disable=SC2046
        set -- $(du -k "$here/$name")
        size=$((size + $1))
    done <"$manifest"
    # Unpacked it is three times as large, and a run writes something too.
    needed=$((size * 4 / 1024))
    [ "$(free_mib "$here")" -ge "$needed" ] || fail "too little space in $here: $needed MiB are needed, $(free_mib "$here") are free"
    # Records of an earlier kit are kept.
    [ ! -d "$here/tare-kit/out" ] || mv "$here/tare-kit/out" "$here/out-until-$(date +%Y%m%dT%H%M%S)" || fail "$here/tare-kit/out holds records: move them away"
    rm -rf "$here/tare-kit"
    cat "$here"/tare-kit.tar.gz.* | gzip -dc | tar -xf - -C "$here" || fail "the kit cannot be unpacked into $here"
    (cd "$here/tare-kit" && sha256sum --quiet -c SHA256SUMS) >&2 || fail "the kit was not unpacked whole into $here: is the disk full?"
    cp "$manifest" "$here/tare-kit/.parts"
}

kit=$here
if [ ! -f "$kit/tare" ]; then
    unpack
    kit=$here/tare-kit
fi

out=${out%/}
if [ -n "$(find "$out" -maxdepth 1 \( -name '*-native.json' -o -name '*-browser.json' \) 2>/dev/null | head -n 1)" ]; then
    earlier=$out-until-$(date +%Y%m%dT%H%M%S)
    mv "$out" "$earlier" || fail "$out holds records of an earlier run and cannot be renamed: choose another folder with --out"
    echo "records of an earlier run: $earlier"
fi
# shellcheck disable=SC2015
mkdir -p "$out" 2>/dev/null && [ -w "$out" ] || fail "$out cannot be written to: choose another folder with --out"
[ "$(free_mib "$out")" -ge 100 ] || fail "too little space in $out: 100 MiB are needed, $(free_mib "$out") are free"
out=$(cd "$out" && pwd)
log=$out/log.txt
: >"$log"
say() {
    echo "$*" | tee -a "$log"
}
work=$(mktemp -d) || fail "no folder for temporary files: set TMPDIR to one"
trap 'rm -rf "$work"' EXIT
# The report is written nevertheless.
interrupted=no
trap 'interrupted=yes' INT TERM HUP

# What starts here?
[ "$(uname -m)" = x86_64 ] || fail "this machine is $(uname -m): the kit is for x86_64"
[ -e /lib64/ld-linux-x86-64.so.2 ] || fail "this system has no GNU C library (/lib64/ld-linux-x86-64.so.2): the kit needs one"

# Libraries that the system lacks. Its own go first, because its graphics drivers were built with them.
known=$( (ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null) | grep x86-64)
mkdir "$work/lib"
for library in "$kit"/lib/*; do
    name=${library##*/}
    case $known in
    *"$name "*) ;;
    *) ln -s "$library" "$work/lib/$name" ;;
    esac
done
libraries=$work/lib
nvidia=''
for folder in /usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/lib64/nvidia /usr/lib/nvidia; do
    if [ -d "$folder" ]; then
        libraries=$libraries:$folder
        [ ! -e "$folder/libGLX_nvidia.so.0" ] || nvidia=$folder/libGLX_nvidia.so.0
    fi
done
case $known in
*'libGLX_nvidia.so.0 '*) nvidia=${nvidia:-libGLX_nvidia.so.0} ;;
esac
export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
tare=$kit/tare
# Where the program unpacks itself: programs may start there, as the browser does.
TARE_CACHE=$kit/.cache
mkdir -p "$TARE_CACHE" 2>/dev/null || TARE_CACHE=$out/.cache
export TARE_CACHE
# The library of onnxruntime, unless the user has another.
library=${ORT_DYLIB_PATH:-}
if [ -n "$library" ]; then
    [ -f "$library" ] || fail "ORT_DYLIB_PATH $library: no such file"
    library=$(cd "$(dirname "$library")" && pwd)/${library##*/} || exit 2
elif [ -f "$kit/onnxruntime/libonnxruntime.so" ]; then
    library=$kit/onnxruntime/libonnxruntime.so
fi
[ -z "$library" ] || export ORT_DYLIB_PATH="$library"
started=$("$tare" --version 2>&1) || fail "the program does not start: $(echo "$started" | tail -n 1)"
say "$started"

export HOME="$work" XDG_CONFIG_HOME="$work" XDG_CACHE_HOME="$work" PATH="$kit/browser:$PATH"
cat >"$work/fonts.conf" <<END
<?xml version="1.0"?><fontconfig><dir>/usr/share/fonts</dir><dir>$kit/fonts</dir><cachedir>$work/fonts</cachedir></fontconfig>
END
export FONTCONFIG_FILE="$work/fonts.conf"

# The files that name the drivers of GPUs. One that computes on the CPU is in the kit.
drivers=${VK_DRIVER_FILES:-}
if [ -z "$drivers" ]; then
    has_nvidia=no
    for file in /etc/vulkan/icd.d/*.json /usr/local/share/vulkan/icd.d/*.json /usr/share/vulkan/icd.d/*.json /usr/local/nvidia/share/vulkan/icd.d/*.json; do
        [ -f "$file" ] || continue
        case ${file##*/} in
        *lvp* | *swrast* | *swiftshader*) continue ;;
        *nvidia*)
            # Several files may name one driver.
            [ $has_nvidia = no ] || continue
            has_nvidia=yes
            ;;
        esac
        drivers=$drivers${drivers:+:}$file
    done
    if [ $has_nvidia = no ] && [ -n "$nvidia" ]; then
        echo "{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":\"$nvidia\",\"api_version\":\"1.3.0\"}}" >"$work/nvidia_icd.json"
        drivers=$drivers${drivers:+:}$work/nvidia_icd.json
    fi
fi
device='' no_permission=''
for node in /dev/nvidia[0-9]* /dev/dri/renderD*; do
    [ -e "$node" ] || continue
    device=$node
    [ -r "$node" ] && [ -w "$node" ] || no_permission=$node
done
VK_DRIVER_FILES=$drivers VK_ICD_FILENAMES=$drivers "$tare" doctor >"$out/doctor.txt" 2>>"$log"
adapter=$(grep -m 1 ', hardware)' "$out/doctor.txt")
if [ -n "$drivers" ] && [ -n "$adapter" ]; then
    # shellcheck disable=SC2086
    say GPU: ${adapter#graphics}
    # Loaders before 1.3.207 know the second name only.
    export VK_DRIVER_FILES="$drivers" VK_ICD_FILENAMES="$drivers"
else
    if [ -n "$no_permission" ]; then
        why="you may not use the GPU ($no_permission): join its group, render or video"
    elif [ -z "$device" ]; then
        why="this machine has no GPU (neither /dev/nvidia0 nor /dev/dri/renderD128)"
    elif [ -z "$drivers" ]; then
        why="the GPU ($device) has no Vulkan driver: install NVIDIA's libnvidia-gl, or mesa-vulkan-drivers"
    else
        why="the driver offers no GPU ($drivers): it may be too old for this GPU or for Vulkan 1.2; log.txt may say why"
    fi
    adapter=''
    if [ -f "$kit/browser/vk_swiftshader_icd.json" ]; then
        say "$why. Measuring on SwiftShader, which computes on the CPU"
        export VK_DRIVER_FILES="$kit/browser/vk_swiftshader_icd.json" VK_ICD_FILENAMES="$kit/browser/vk_swiftshader_icd.json"
        "$tare" doctor >"$out/doctor.txt" 2>>"$log"
    else
        say "$why. Measuring on the CPU"
    fi
fi
cat "$out/doctor.txt" >>"$log"

# How to start the browser.
set --
if [ ! -x "$kit/browser/chromium" ] || [ $with_browser = no ]; then
    with_browser=no
    say "no browser: measuring natively only"
elif ! starts=$(chromium --version 2>&1 && chromedriver --version 2>&1); then
    with_browser=no
    say "the browser does not start here ($(echo "$starts" | tail -n 1)). Measuring natively only"
elif ! getent hosts localhost >/dev/null; then
    with_browser=no
    say "no address for localhost, which the browser's driver needs: add the line 127.0.0.1 localhost to /etc/hosts. Measuring natively only"
else
    if [ -n "$adapter" ]; then
        set -- "$@" --headless-gpu
    else
        set -- "$@" --software-gpu
    fi
    if [ ! -w /dev/shm ] || [ "$(free_mib /dev/shm)" -lt 512 ]; then
        say "/dev/shm is missing or has less than 512 MiB: the browser shares memory through files, which may be slower"
        set -- "$@" --browser-arg=--disable-dev-shm-usage
    fi
    if [ "$(id -u)" = 0 ]; then
        say "run as root: the browser has no sandbox, and opens nothing but the kit's own page"
    elif ! unshare -Ur true 2>/dev/null; then
        say "no user namespaces: the browser has no sandbox, and opens nothing but the kit's own page"
        set -- "$@" --browser-arg=--no-sandbox
    fi
fi

# Records name the commands that made them, and should not name folders of this machine.
cd "$out" || exit 2

# Seconds until the end, less what the report takes.
left() {
    echo $((deadline - $(date +%s) - 15))
}

# Measures with one command for at most so many seconds. What was measured until then is kept.
complete=yes
limited() {
    seconds=$1
    shift
    if [ $interrupted = yes ] || [ "$seconds" -lt 5 ]; then
        [ $interrupted = yes ] || say "  no time left"
        complete=no
        return
    fi
    echo "+ $*" >>"$log"
    before=$(wc -l <"$log")
    timeout --foreground -s INT -k 10 "$seconds" "$@" >>"$log" 2>&1
    status=$?
    [ $status = 0 ] || complete=no
    case $status in
    0) ;;
    124) say "  stopped after $seconds s, when its time was up; finished rounds are kept" ;;
    137) say "  killed: it did not stop in time, or memory ran out" ;;
    *) say "  not everything was measured: $(tail -n "+$before" "$log" | grep -E '^error: |: (failed|died)' | head -n 1)" ;;
    esac
}

# Measures on both sides within so many seconds: a name for the files, then options for both.
both_sides() {
    end=$(($(date +%s) + $1))
    name=$2
    share=$(($1 / 2))
    [ $with_browser = yes ] || share=$1
    [ $with_native = yes ] || share=0
    shift 2
    if [ $with_native = yes ]; then
        say "$name, natively"
        # shellcheck disable=SC2086
        limited "$share" "$tare" run "$@" $native_engines $native -o "$name-native.json"
    fi
    [ $with_browser = yes ] || return
    in_browser=$browser_engines
    # Calls and copies between page, worker and GPU are measured once.
    [ "$name" != null ] || {
        set -- --plan interop.toml
        in_browser=''
    }
    say "$name, in the browser"
    # shellcheck disable=SC2086
    limited "$((end - $(date +%s)))" "$tare" browser "$@" $in_browser $browser -o "$name-browser.json"
}

# Options of both sides, none of which holds a space.
browser=$*
native='' native_engines='' browser_engines='' with_native=yes
if [ -n "$plan" ]; then
    both_sides "$(left)" plan --plan "$plan"
else
    rounds=5
    [ "$minutes" -ge 60 ] || rounds=3
    [ "$minutes" -ge 20 ] || rounds=1
    engine=burn-wgpu
    if [ -n "$adapter" ]; then
        [ -n "$engines" ] || [ -z "${ORT_DYLIB_PATH:-}" ] || engines='burn-wgpu ort-webgpu'
        models=${models:-null tiny minilm resnet50 gpt2 gpt2-cached efficientdet-d0 unet3d shapegen}
    elif [ -f "$kit/browser/vk_swiftshader_icd.json" ]; then
        models=${models:-null tiny}
    else
        engine=tract models=${models:-null tiny minilm resnet50}
    fi
    for name in ${engines:-$engine}; do
        case $name in
        ort-web) ;;
        *) native_engines="$native_engines --engine $name" ;;
        esac
        case $name in
        ort | ort-cuda | ort-coreml | ort-directml) ;;
        *)
            # Interop is measured with the first one.
            [ -n "$browser_engines" ] || engine=$name
            browser_engines="$browser_engines --engine $name"
            ;;
        esac
    done
    if [ -z "$native_engines" ]; then
        [ $with_browser = yes ] || fail "--engines $engines: none of them runs natively, and no browser is measured"
        with_native=no
        say "no engine of $engines runs natively: measuring in the browser only"
    fi
    if [ -z "$browser_engines" ] && [ $with_browser = yes ]; then
        with_browser=no
        say "no engine of $engines runs in browsers: measuring natively only"
    fi
    cat >interop.toml <<END
name = "interop"
boundary = true

[rules]
rounds = $rounds

[[cell]]
model = "null"
engines = ["$engine"]
END
    # shellcheck disable=SC2086
    set -- $models
    for model in $models; do
        [ $interrupted = no ] || break
        if [ "$(left)" -lt 25 ]; then
            say "no time left for $model"
            complete=no
            continue
        fi
        # Twice its share, because others end before theirs.
        share=$(($(left) * 2 / ($# + 1)))
        shift
        # Kernels in WGSL natively too, where tuning them twice does not take the time of others.
        native=''
        case $model in
        null | tiny) [ -z "$adapter" ] || native=--wgsl ;;
        *) [ -z "$adapter" ] || [ "$minutes" -lt 20 ] || native=--wgsl ;;
        esac
        both_sides "$share" "$model" --model "$model" --rounds $rounds
    done
fi

records=$(find . -maxdepth 1 -name '*.json' -size +0)
[ -n "$records" ] || fail "nothing was measured: $log says why"
if ! "$tare" report ./*.json -o report.html >>"$log" 2>&1 || ! "$tare" report ./*.json >report.txt 2>>"$log"; then
    fail "the report could not be written: $log says why. The records are in $out"
fi
sed -n '/^What does the browser cost/,$p' report.txt
chmod 644 ./*.json
say "records, report and log: $out ($(($(date +%s) - start)) s)"
[ $interrupted = no ] || exit 130
# As tare itself: 1 if something was not measured.
[ $complete = yes ] || exit 1
