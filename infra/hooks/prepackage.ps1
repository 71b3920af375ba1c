# Puts what the portal loads in the browser (portal/package.json) where the package takes it from.
Set-Location (Join-Path $PSScriptRoot '../..')
npm ci --prefix portal --no-ignore-scripts --no-audit --no-fund
exit $LASTEXITCODE
