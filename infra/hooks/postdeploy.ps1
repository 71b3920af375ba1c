# Subscribes the app to arriving files: infra/events.bicep. It may run as often as it likes.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
Set-Location (Join-Path $PSScriptRoot '../..')
$script:tries = if ($env:SEGPILOT_TRIES) { [int]$env:SEGPILOT_TRIES } else { 30 }
$pauseS = if ($env:SEGPILOT_PAUSE_S) { [int]$env:SEGPILOT_PAUSE_S } else { 10 }

function Wait-OrGiveUp([string]$Problem, [string]$Waiting) {
  $script:tries -= 1
  if ($script:tries -le 0) {
    [Console]::Error.WriteLine("$Problem. See docs/troubleshooting.md, then: azd hooks run postdeploy")
    exit 1
  }
  Write-Host "$Waiting ($script:tries tries left)"
  Start-Sleep -Seconds $pauseS
}

# The host makes the key of the blob trigger's webhook when it first starts with the code. It is not read, only asked for.
while ((az functionapp keys list --subscription $env:AZURE_SUBSCRIPTION_ID --resource-group $env:AZURE_RESOURCE_GROUP `
      --name $env:AZURE_FUNCTION_APP_NAME --query 'systemKeys.blobs_extension != null' --output json) -ne 'true') {
  Wait-OrGiveUp "The app has no key 'blobs_extension': its host has not started with the code, or 'az login' is missing" `
    'Waiting for the app to start'
}

# New roles take minutes to count, and an app that has just started may answer too late: then this fails once or twice.
while ($true) {
  az deployment group create --subscription $env:AZURE_SUBSCRIPTION_ID --resource-group $env:AZURE_RESOURCE_GROUP `
    --name events --template-file infra/events.bicep --output none --parameters `
    "functionAppName=$env:AZURE_FUNCTION_APP_NAME" "appPrincipalId=$env:AZURE_APP_PRINCIPAL_ID" `
    "storageAccountName=$env:AZURE_STORAGE_ACCOUNT_NAME" "deadLettersContainer=$env:AZURE_DEAD_LETTERS_CONTAINER" `
    "segmentsContainer=$env:AZURE_SEGMENTS_CONTAINER" "segmentAccountId=$env:AZURE_SEGMENT_ACCOUNT_ID" `
    "segmentAccountPrepared=$env:AZURE_SEGMENT_ACCOUNT_PREPARED" "existingEventTopicName=$env:AZURE_EXISTING_EVENT_TOPIC_NAME" `
    "alertReceiversId=$env:AZURE_ALERT_RECEIVERS_ID"
  if ($LASTEXITCODE -eq 0) { exit 0 }
  $script:tries = [Math]::Min($script:tries, 4)
  Wait-OrGiveUp 'The subscription to arriving files could not be made' 'Trying once more to subscribe to arriving files'
}
