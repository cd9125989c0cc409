# Shared by gpu.sh and nvcc.sh; sourced after lib.sh. NVIDIA's libraries and ONNX Runtime's CUDA build are published as wheels,
# which are zip archives: pip only fetches them, nothing of Python stays behind or is run.
case $(uname -m) in
  x86_64) machine=x86_64 ;;
  aarch64) machine=aarch64 ;;
  *) die "there are no CUDA libraries for $(uname -m)" ;;
esac

# wheel NAME VERSION SHA256-x86_64 SHA256-aarch64 TO: fetches a wheel, checks it, and unpacks it into the folder TO. Wheels that
# lie in $VIDEOSDGX_WHEELS are taken from there: for machines without a network.
wheel() {
  local name=$1 version=$2 sum=$3 to=$5 file tmp
  [[ $machine == aarch64 ]] && sum=$4
  tmp=$(mktemp -d "$to/.wheel-XXXXXX")
  file=$(find "${VIDEOSDGX_WHEELS:-/nowhere}" -maxdepth 1 -name "${name//-/_}-$version-*$machine.whl" 2>/dev/null | head -n 1 || true)
  if [[ -z $file ]]; then
    local pip; pip=$(command -v pip3 || command -v pip) || { install_packages python3-pip; pip=pip3; }
    say "fetching $name $version ($machine)"
    local platforms=(); for n in 17 27 28 34 35; do platforms+=(--platform "manylinux_2_${n}_$machine"); done
    "$pip" download --quiet --no-deps --only-binary=:all: --python-version 3.12 --implementation cp "${platforms[@]}" --platform "manylinux2014_$machine" \
      -d "$tmp" "$name==$version" >"$tmp/log" 2>&1 || { tail -n 5 "$tmp/log" >&2; rm -rf "$tmp"; die "pip could not fetch $name==$version; its last lines are above (VIDEOSDGX_WHEELS=FOLDER takes wheels from a folder)"; }
    file=$(find "$tmp" -name '*.whl' | head -n 1)
  fi
  local is; is=$(sha256sum "$file" | cut -d' ' -f1)
  [[ $is == "$sum" ]] || { rm -rf "$tmp"; die "$(basename "$file") has sha256 $is, expected $sum; nothing was installed"; }
  have unzip || install_packages unzip
  unzip -qo "$file" -d "$to"
  rm -rf "$tmp"
}
