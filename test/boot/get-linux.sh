#!/usr/bin/env bash
# Unpacks a kernel, a boot stub and busybox from Debian's packages into a folder; installs none of
# them.
set -euo pipefail
linux=$1

if [ -e "$linux" ]; then exit; fi
mkdir -p "$(dirname "$linux")"
partial=$(mktemp -d "$linux.XXXXXX")
trap 'rm -rf "$partial"' EXIT
cd "$partial"
# The lists may be missing, or older than the packages of the mirror; only root can renew them.
apt-get update -qq || true
kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2 }')
# Otherwise root's apt downloads as a user who may not write to this folder.
apt-get download -qq -o APT::Sandbox::User=root "$kernel" busybox-static systemd-boot-efi
for package in *.deb; do dpkg-deb -x "$package" .; done
rm ./*.deb
mv -T "$partial" "$linux"
