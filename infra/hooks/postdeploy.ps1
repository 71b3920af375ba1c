# Subscribes the app to arriving files: infra/events.bicep. It may run as often as it likes.
$ErrorActionPreference = 'Stop'
Set-Location (Join-Path $PSScriptRoot '../..')
$tries = if ($env:SEGPILOT_TRIES) { [int]$env:SEGPILOT_TRIES } else { 30 }
$pauseS = if ($env:SEGPILOT_PAUSE_S) { [int]$env:SEGPILOT_PAUSE_S } else { 10 }

# The host makes the key of the blob trigger's webhook when it first starts with the code. It is not read here, only asked for.
while ((az functionapp keys list --subscription $env:AZURE_SUBSCRIPTION_ID --resource-group $env:AZURE_RESOURCE_GROUP `
      --name $env:AZURE_FUNCTION_APP_NAME --query 'systemKeys.blobs_extension != null' --output json 2>$null) -ne 'true') {
  $tries -= 1
  if ($tries -le 0) {
    [Console]::Error.WriteLine("The app has no key 'blobs_extension': its host has not started with the code, or 'az login' is missing.")
    [Console]::Error.WriteLine('See docs/troubleshooting.md, then: azd hooks run postdeploy')
    exit 1
  }
  Write-Host "Waiting for the app to start ($tries tries left)"
  Start-Sleep -Seconds $pauseS
}

az deployment group create --subscription $env:AZURE_SUBSCRIPTION_ID --resource-group $env:AZURE_RESOURCE_GROUP `
  --name events --template-file infra/events.bicep --output none --parameters `
  "functionAppName=$env:AZURE_FUNCTION_APP_NAME" "eventTopicId=$env:AZURE_EVENT_TOPIC_ID" `
  "segmentsContainer=$env:AZURE_SEGMENTS_CONTAINER" "storageAccountName=$env:AZURE_STORAGE_ACCOUNT_NAME" `
  "deadLettersContainer=$env:AZURE_DEAD_LETTERS_CONTAINER"
exit $LASTEXITCODE
