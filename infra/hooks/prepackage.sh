#!/bin/sh
# Puts what the portal loads in the browser (portal/package.json) where the package takes it from.
set -eu
cd "$(dirname "$0")/../.."
exec npm ci --prefix portal --no-ignore-scripts --no-audit --no-fund
