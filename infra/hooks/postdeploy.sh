#!/bin/sh
# Subscribes the app to arriving files: infra/events.bicep. It may run as often as it likes.
set -eu
cd "$(dirname "$0")/../.."
tries=${SEGPILOT_TRIES:-30} pause_s=${SEGPILOT_PAUSE_S:-10}

# The host makes the key of the blob trigger's webhook when it first starts with the code. It is not read here, only asked for.
until [ "$(az functionapp keys list --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" \
    --name "$AZURE_FUNCTION_APP_NAME" --query 'systemKeys.blobs_extension != null' --output json 2>/dev/null)" = true ]; do
  tries=$((tries - 1))
  if [ "$tries" -le 0 ]; then
    echo "The app has no key 'blobs_extension': its host has not started with the code, or 'az login' is missing." >&2
    echo "See docs/troubleshooting.md, then: azd hooks run postdeploy" >&2
    exit 1
  fi
  echo "Waiting for the app to start ($tries tries left)"
  sleep "$pause_s"
done

exec az deployment group create --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" \
  --name events --template-file infra/events.bicep --output none --parameters \
  functionAppName="$AZURE_FUNCTION_APP_NAME" eventTopicId="$AZURE_EVENT_TOPIC_ID" \
  segmentsContainer="$AZURE_SEGMENTS_CONTAINER" storageAccountName="$AZURE_STORAGE_ACCOUNT_NAME" \
  deadLettersContainer="$AZURE_DEAD_LETTERS_CONTAINER"
