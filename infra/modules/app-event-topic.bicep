metadata description = 'The source of events of the account that segment files arrive in. Azure allows one such topic per account.'

@description('Name of the topic.')
param name string

@description('False: the account has this topic already. It is left as it is, and needs a system-assigned identity.')
param isNew bool

@description('Region of the storage account.')
param location string

@description('Tags.')
param tags object

@description('Name of the storage account, in the same resource group.')
param accountName string

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: accountName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (isNew) {
  name: name
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    source: account.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

resource existingTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = if (!isNew) {
  name: name
}

@description('Object id of the topic, to which the role on undelivered events is given.')
output principalId string = isNew ? topic!.identity.principalId : existingTopic!.identity.principalId
