metadata description = 'Tells the app of arriving files. It comes after the code, whose webhook Azure asks before it makes the subscription. What belongs to storage of others is here and not in main.bicep: `azd down` removes every resource group that main.bicep has touched.'

@description('Name of the function app, in this resource group.')
param functionAppName string

@description('Object id of the identity of the app.')
param appPrincipalId string

@description('Name of the storage account of the app, in this resource group.')
param storageAccountName string

@description('Container of it for events that could not be delivered.')
param deadLettersContainer string

@description('Container that segment files arrive in.')
param segmentsContainer string

@description('Resource id of the storage account that segment files arrive in.')
param segmentAccountId string

@description('Whether modules/segment-account.bicep has been deployed to it.')
param segmentAccountPrepared bool = false

@description('Name of the Event Grid system topic that this account has already; empty = one is made.')
param existingEventTopicName string = ''

@description('Resource id of the action group that is told of files which the app was not told of; empty = none.')
param alertReceiversId string = ''

@description('Tags.')
param tags object = resourceGroup().tags

var accountPath = split(segmentAccountId, '/')
var topicName = empty(existingEventTopicName) ? replace(functionAppName, 'func-', 'evgt-') : existingEventTopicName

resource app 'Microsoft.Web/sites@2025-05-01' existing = {
  name: functionAppName
}

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageAccountName
}

resource arrivals 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: last(accountPath)
  scope: resourceGroup(accountPath[2], accountPath[4])
}

module segmentAccount 'modules/segment-account.bicep' = if (!segmentAccountPrepared) {
  name: '${functionAppName}-storage'
  scope: resourceGroup(accountPath[2], accountPath[4])
  params: {
    accountName: arrivals.name
    segmentsContainer: segmentsContainer
    principalId: appPrincipalId
  }
}

module topic 'modules/app-event-topic.bicep' = {
  name: '${functionAppName}-topic'
  scope: resourceGroup(accountPath[2], accountPath[4])
  params: {
    name: topicName
    isNew: empty(existingEventTopicName)
    location: arrivals.location
    tags: tags
    accountName: arrivals.name
  }
}

module deadLetterRole 'modules/roles-dead-letters.bicep' = {
  name: 'dead-letter-role'
  params: {
    storageName: storageAccountName
    deadLettersContainer: deadLettersContainer
    principalId: topic.outputs.principalId
  }
}

module eventSubscription 'modules/app-event-subscription.bicep' = {
  name: '${functionAppName}-arrivals'
  scope: resourceGroup(accountPath[2], accountPath[4])
  params: {
    topicName: topicName
    name: functionAppName
    // The key of the blob trigger's webhook, which the host makes when it first starts with the code.
    webhook: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.segment_arrived&code=${listKeys('${app.id}/host/default', '2024-11-01').systemKeys.blobs_extension}'
    segmentsContainer: segmentsContainer
    deadLettersAccountId: account.id
    deadLettersContainer: deadLettersContainer
  }
  dependsOn: [deadLetterRole, segmentAccount]
}

// Rules on metrics watch resources of their own subscription.
module alerts 'modules/alerts-events.bicep' = if (!empty(alertReceiversId) && accountPath[2] == subscription().subscriptionId) {
  name: 'alerts-events'
  params: {
    suffix: replace(functionAppName, 'func-', '')
    tags: tags
    topicId: resourceId(accountPath[2], accountPath[4], 'Microsoft.EventGrid/systemTopics', topicName)
    receiversId: alertReceiversId
  }
  dependsOn: [topic]
}
