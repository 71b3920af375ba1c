metadata description = 'Prepares a storage account for segment files, also one that somebody else looks after: their container, and what Segpilot may do there.'

@description('Name of the storage account, in the resource group that this is deployed to.')
param accountName string

@description('Container that segment files arrive in; one that there is already keeps its files.')
param segmentsContainer string

@description('Object id of the identity of the app, of the same Entra tenant.')
param principalId string

// What the blob trigger asks for (Microsoft Learn, "Azure Blob storage trigger", identity-based connections): the files of
// the container, and a queue, which may only be made with a role on the account, for notices that failed five times.
var storageBlobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var storageQueueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: accountName

  resource blobs 'blobServices' existing = {
    name: 'default'
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: account::blobs
  name: segmentsContainer
}

resource blobRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(container.id, principalId, storageBlobDataOwner)
  scope: container
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataOwner)
  }
}

resource queueRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, principalId, storageQueueDataContributor)
  scope: account
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageQueueDataContributor)
  }
}
