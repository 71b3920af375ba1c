metadata description = 'Tells the app of arriving files. It comes after the code, whose webhook Azure asks before it makes the subscription.'

@description('Name of the function app, in this resource group.')
param functionAppName string

@description('Resource id of the Event Grid system topic of the account that segment files arrive in.')
param eventTopicId string

@description('Container that segment files arrive in.')
param segmentsContainer string

@description('Name of the storage account for events that could not be delivered, in this resource group.')
param storageAccountName string

@description('Container of these events.')
param deadLettersContainer string

var topicPath = split(eventTopicId, '/')

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: functionAppName
}

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageAccountName
}

module subscription 'modules/app-event-subscription.bicep' = {
  name: '${functionAppName}-arrivals'
  scope: resourceGroup(topicPath[2], topicPath[4])
  params: {
    topicName: last(topicPath)
    name: functionAppName
    // The key of the blob trigger's webhook, which the host makes when it first starts with the code.
    webhook: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.segment_arrived&code=${listKeys('${app.id}/host/default', '2024-11-01').systemKeys.blobs_extension}'
    segmentsContainer: segmentsContainer
    deadLettersAccountId: account.id
    deadLettersContainer: deadLettersContainer
  }
}
