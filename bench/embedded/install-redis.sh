#!/usr/bin/env bash
# Debian's Redis, for the peer's adapter, if it is not there. The package would start a service; it must not.
set -euo pipefail
command -v redis-server >/dev/null && exit 0
refusal=$(mktemp -d)
trap 'rm -rf "$refusal"' EXIT
printf '#!/bin/sh\nexit 101\n' >"$refusal/policy"
chmod +x "$refusal/policy"
if [ -e /usr/sbin/policy-rc.d ]; then
  apt-get install -y --no-install-recommends redis-server
else
  cp "$refusal/policy" /usr/sbin/policy-rc.d
  trap 'rm -rf "$refusal" /usr/sbin/policy-rc.d' EXIT
  apt-get update && apt-get install -y --no-install-recommends redis-server
fi
