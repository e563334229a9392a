#!/usr/bin/env bash
# Train, test and predict with our backbone in another toolbox's own config:
#     dev/toolboxes.sh mmpose [mmrotate mmyolo mmdet3d]
# docs/toolboxes.md says what comes of it. Takes minutes for each; needs a
# package index and the environments of `make setup` (mmrotate) and
# `make setup STACK=classic` (the others), whose packages those made here see.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

environment() {  # toolbox, environment whose packages it sees
    python3 -m venv "$folder/$1"
    site=$("$root/$2/bin/python" -c \
        'import sysconfig; print(sysconfig.get_path("purelib"))')
    echo "import site; site.addsitedir('$site')" \
        > "$(echo "$folder/$1"/lib/python*/site-packages)/base.pth"
    pip=("$folder/$1/bin/pip" install -q --no-deps)
}

for toolbox in "$@"; do
    case $toolbox in
    mmrotate)
        environment mmrotate .venv
        "${pip[@]}" onedl-mmrotate==1.2.1 faster-coco-eval==1.8.0 ;;
    mmpose)
        environment mmpose .venv-classic
        "${pip[@]}" mmpose==1.3.2 json_tricks==3.17.3 munkres==3.0.0
        "${pip[@]}" --no-binary xtcocotools xtcocotools==1.14.3 ;;
    mmyolo)
        environment mmyolo .venv-classic
        "${pip[@]}" mmyolo==0.6.0
        sed -i "s/^mmcv_maximum_version = .*/mmcv_maximum_version = '2.2.0'/" \
            "$folder"/mmyolo/lib/python*/site-packages/mmyolo/__init__.py ;;
    mmdet3d)
        environment mmdet3d .venv-classic
        "${pip[@]}" mmdet3d==1.4.0 lyft-dataset-sdk==0.0.8 \
            nuscenes-devkit==1.1.11 pyquaternion==0.9.9 cachetools==8.0.2 \
            numba==0.68.1 llvmlite==0.50.0 trimesh==5.2.0 plyfile==1.1.5 ;;
    *)
        echo "no such toolbox: $toolbox" >&2
        exit 2 ;;
    esac
    PYTHONPATH=$root "$folder/$toolbox/bin/python" -W ignore \
        dev/toolboxes.py "$toolbox" "$folder/run-$toolbox"
done
