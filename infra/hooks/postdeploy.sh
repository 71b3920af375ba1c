#!/bin/sh
# Subscribes the app to arriving files: infra/events.bicep. It may run as often as it likes.
set -eu
cd "$(dirname "$0")/../.."
tries=${SEGPILOT_TRIES:-30} pause_s=${SEGPILOT_PAUSE_S:-10}

wait_or_give_up() {
  tries=$((tries - 1))
  if [ "$tries" -le 0 ]; then
    echo "$1. See docs/troubleshooting.md, then: azd hooks run postdeploy" >&2
    exit 1
  fi
  echo "$2 ($tries tries left)"
  sleep "$pause_s"
}

# The host makes the key of the blob trigger's webhook when it first starts with the code. It is not read, only asked for.
until [ "$(az functionapp keys list --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" \
  --name "$AZURE_FUNCTION_APP_NAME" --query 'systemKeys.blobs_extension != null' --output json)" = true ]; do
  wait_or_give_up "The app has no key 'blobs_extension': its host has not started with the code, or 'az login' is missing" \
    "Waiting for the app to start"
done

# New roles take minutes to count, and an app that has just started may answer too late: then this fails once or twice.
until az deployment group create --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" \
  --name events --template-file infra/events.bicep --output none --parameters \
  functionAppName="$AZURE_FUNCTION_APP_NAME" appPrincipalId="$AZURE_APP_PRINCIPAL_ID" \
  storageAccountName="$AZURE_STORAGE_ACCOUNT_NAME" deadLettersContainer="$AZURE_DEAD_LETTERS_CONTAINER" \
  segmentsContainer="$AZURE_SEGMENTS_CONTAINER" segmentAccountId="$AZURE_SEGMENT_ACCOUNT_ID" \
  segmentAccountPrepared="${AZURE_SEGMENT_ACCOUNT_PREPARED:-false}" \
  existingEventTopicName="${AZURE_EXISTING_EVENT_TOPIC_NAME:-}" \
  alertReceiversId="${AZURE_ALERT_RECEIVERS_ID:-}"; do
  tries=$((tries < 4 ? tries : 4))
  wait_or_give_up "The subscription to arriving files could not be made" "Trying once more to subscribe to arriving files"
done
