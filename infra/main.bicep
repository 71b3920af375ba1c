targetScope = 'subscription'

metadata description = 'Segpilot: one function app with its storage, vault, sign-in and monitoring. docs/deployment.md explains every parameter.'

// --- who and where ---------------------------------------------------------------------------------------------------

@description('Name of the environment; it is part of the name of every resource.')
@minLength(1)
@maxLength(20)
param environmentName string

@description('Region of everything; it must offer Flex Consumption.')
@metadata({ azd: { type: 'location' } })
param location string

@description('Object id of the person or service principal who deploys, and who becomes the first administrator.')
param principalId string

// --- the app ---------------------------------------------------------------------------------------------------------

@description('Python of the app. The tests run on 3.11.')
@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string = '3.11'

@description('Memory of an instance in MB.')
@allowed([2048, 4096])
param instanceMemoryMB int = 2048

@description('The most instances that the platform may start of each group of functions: HTTP, files, runs, and each timer.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Requests that an instance serves at a time.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 8

@description('Instances that always wait for arriving files.')
@minValue(0)
param alwaysReadyBlob int = 1

@description('Instances that always wait for the work of runs.')
@minValue(0)
param alwaysReadyDurable int = 1

@description('Instances that always wait for the API and the portal.')
@minValue(0)
param alwaysReadyHttp int = 0

@description('How instances are replaced by a new version of the code.')
@allowed(['RollingUpdate', 'Recreate'])
param siteUpdateStrategy string = 'Recreate'

@description('Spread instances over the zones of the region; it must have some, and the storage accounts should be in several, too.')
param zoneRedundant bool = false

@description('Address of the Autopilot API.')
param autopilotUrl string = 'https://api2.autopilothq.com/v1'

@description('What the holder of a function key may do.')
@allowed(['viewer', 'contributor', 'administrator'])
param functionKeyRole string = 'contributor'

@description('Any other setting of docs/settings.md, as an object of texts.')
param appSettings object = {}

// --- storage ---------------------------------------------------------------------------------------------------------

@description('Redundancy of the storage accounts that are made.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_LRS'

@description('Resource id of the storage account that segment files arrive in; empty = one is made.')
param existingSegmentAccountId string = ''

@description('Whether account keys open the segment account that is made.')
param segmentAccountKeys bool = false

@description('Name of the Event Grid system topic that this account has already; empty = one is made.')
param existingEventTopicName string = ''

@description('Container that segment files arrive in.')
param segmentsContainer string = 'segments'

@description('Container of chunks, results, ledgers and rejects.')
param stateContainer string = 'segpilot'

@description('Container of the audit, run and row logs.')
param logsContainer string = 'segpilot-logs'

@description('Days for which deleted blobs can be brought back, other than segment files; 0 = they cannot.')
@minValue(0)
@maxValue(365)
param deletedBlobRetentionDays int = 7

// --- vault -----------------------------------------------------------------------------------------------------------

@description('Bring back the vault of an environment of the same name that was removed less than 90 days ago.')
param recoverVault bool = false

// --- sign-in ---------------------------------------------------------------------------------------------------------

@description('Client id of an existing Entra registration; empty = one is made, with its app roles.')
param existingRegistrationClientId string = ''

@description('Name of a secret in the vault that signing in uses; empty = no secret, the identity of the app stands in for one.')
param signInSecretName string = ''

// --- monitoring ------------------------------------------------------------------------------------------------------

@description('Days for which telemetry is kept.')
@minValue(30)
@maxValue(730)
param telemetryRetentionDays int = 30

@description('Gigabytes of telemetry a day, after which nothing more is taken in until the next day; -1 = no limit.')
param telemetryDailyCapGb int = -1

@description('E-mail addresses that alerts go to, separated by commas; empty = no alerts, and no budget.')
param alertEmails string = ''

@description('Address that alerts go to as well, in the common alert schema of Azure Monitor.')
@secure()
param alertWebhookUrl string = ''

@description('What a month may cost, in the currency that is billed, before alerts go out; 0 = no budget.')
@minValue(0)
param budgetAmount int = 0

@description('First month of the budget, such as 2026-12-01; empty = this one. Azure does not let it change: azd keeps it.')
param budgetStart string = ''

@description('Leave this as it is: where a month begins can only be worked out here.')
param thisMonth string = utcNow('yyyy-MM-01')

// --- network ---------------------------------------------------------------------------------------------------------

@description('Reach storage and vault over private endpoints only. docs/private-link.md explains what belongs to it.')
param privateNetwork bool = false

@description('Addresses of the virtual network that is made, at least a /25.')
param networkAddresses string = '10.80.0.0/24'

@description('Reach Autopilot from one address of our own, through a NAT gateway; only where the network is made.')
param fixedOutboundAddress bool = false

@description('Resource id of an existing subnet that the app goes out through, delegated to Microsoft.App/environments; empty = a network is made.')
param existingAppSubnetId string = ''

@description('Resource id of an existing subnet for private endpoints; goes with existingAppSubnetId.')
param existingEndpointSubnetId string = ''

@description('Resource id of the resource group with the private DNS zones of your organisation; empty = zones are made.')
param existingDnsZonesGroupId string = ''

@description('Leave the names of private endpoints to a policy of your organisation.')
param dnsByPolicy bool = false

@description('Whether the owner of an existing segment account approves private endpoints to it by hand.')
param segmentAccountByApproval bool = false

@description('Whether the owner of an existing segment account has prepared it with modules/segment-account.bicep.')
param segmentAccountPrepared bool = false

@description('Address ranges that may reach portal and API, separated by commas, such as 203.0.113.0/24; empty = all.')
param allowedAddressRanges string = ''

// --- names -----------------------------------------------------------------------------------------------------------

var tags = { 'azd-env-name': environmentName }
var token = take(uniqueString(subscription().id, environmentName, location), 6)
var environmentPart = replace(replace(toLower(environmentName), '_', '-'), '.', '-')
var suffix = 'segpilot-${environmentPart}-${token}'
// Storage accounts and vaults take 24 characters; the token keeps apart what is cut.
var shortSuffix = '${take(replace(environmentPart, '-', ''), 8)}${token}'
var storageName = 'stsegpilot${shortSuffix}'
var vaultName = 'kv-segp-${shortSuffix}'
var appName = 'func-${suffix}'
var containers = {
  segments: segmentsContainer
  state: stateContainer
  logs: logsContainer
  deployments: 'deployments'
  deadLetters: 'deadletters'
}

var alwaysReady = [
  { name: 'blob', instanceCount: alwaysReadyBlob }
  { name: 'durable', instanceCount: alwaysReadyDurable }
  { name: 'http', instanceCount: alwaysReadyHttp }
]

// --- where segment files arrive --------------------------------------------------------------------------------------

// Ids that are put together, since a loop needs them before anything is made.
var accountsId = '${group.id}/providers/Microsoft.Storage/storageAccounts'
var storageId = '${accountsId}/${storageName}'
// Nothing here reaches into the resource group of an existing account: events.bicep does.
var ownsSegmentAccount = empty(existingSegmentAccountId)
var segmentAccountId = ownsSegmentAccount ? '${accountsId}/stsegments${shortSuffix}' : existingSegmentAccountId
var segmentAccountName = last(split(segmentAccountId, '/'))

// --- alerts ----------------------------------------------------------------------------------------------------------

var hasAlerts = !empty(alertEmails)
var hasBudget = hasAlerts && budgetAmount > 0
var budgetFrom = empty(budgetStart) ? thisMonth : budgetStart
var watchedAccounts = concat(
  [{ name: 'storage', id: storageId }],
  ownsSegmentAccount ? [{ name: 'segment-storage', id: segmentAccountId }] : []
)

// --- private endpoints -----------------------------------------------------------------------------------------------

var makesNetwork = privateNetwork && empty(existingAppSubnetId)
var makesZones = privateNetwork && empty(existingDnsZonesGroupId) && !dnsByPolicy
var storageSuffix = environment().suffixes.storage
var zones = {
  blob: 'privatelink.blob.${storageSuffix}'
  queue: 'privatelink.queue.${storageSuffix}'
  table: 'privatelink.table.${storageSuffix}'
  vault: 'privatelink.vaultcore.azure.net'
}
var zonesGroupId = empty(existingDnsZonesGroupId) ? group.id : existingDnsZonesGroupId
var waitsForOwner = !ownsSegmentAccount && segmentAccountByApproval
var endpointsOfAll = [
  { name: 'blob', service: 'blob', targetId: storageId, byApproval: false }
  { name: 'queue', service: 'queue', targetId: storageId, byApproval: false }
  { name: 'table', service: 'table', targetId: storageId, byApproval: false }
  {
    name: 'vault'
    service: 'vault'
    targetId: '${group.id}/providers/Microsoft.KeyVault/vaults/${vaultName}'
    byApproval: false
  }
  { name: 'segments-blob', service: 'blob', targetId: segmentAccountId, byApproval: waitsForOwner }
  { name: 'segments-queue', service: 'queue', targetId: segmentAccountId, byApproval: waitsForOwner }
]
var privateEndpoints = privateNetwork ? endpointsOfAll : []
var appSubnetId = makesNetwork ? network!.outputs.appSubnetId : existingAppSubnetId
var endpointSubnetId = makesNetwork ? network!.outputs.endpointSubnetId : existingEndpointSubnetId

// ---------------------------------------------------------------------------------------------------------------------

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${suffix}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${suffix}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${suffix}'
    componentName: 'appi-${suffix}'
    location: location
    tags: tags
    retentionDays: telemetryRetentionDays
    dailyCapGb: telemetryDailyCapGb
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: storageName
    location: location
    tags: tags
    sku: storageSku
    containers: [containers.state, containers.logs, containers.deployments, containers.deadLetters]
    deadLettersContainer: containers.deadLetters
    deletedBlobRetentionDays: deletedBlobRetentionDays
    accountKeys: false
    publicAccess: !privateNetwork
  }
}

// An account of its own: Customer Insights' export fails where soft delete of blobs is on (Microsoft Learn, "Export data to
// an Azure Blob Storage", 2023-09), and who brings files has no role near ledgers. docs/decisions/0014.
module segmentStorage 'modules/storage.bicep' = if (ownsSegmentAccount) {
  name: 'segment-storage'
  scope: group
  params: {
    name: segmentAccountName
    location: location
    tags: tags
    sku: storageSku
    deletedBlobRetentionDays: 0
    accountKeys: segmentAccountKeys
    publicAccess: !privateNetwork
  }
}

module segmentAccount 'modules/segment-account.bicep' = if (ownsSegmentAccount) {
  name: 'segment-account'
  scope: group
  params: {
    accountName: segmentStorage!.outputs.name
    segmentsContainer: segmentsContainer
    principalId: identity.outputs.principalId
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: vaultName
    location: location
    tags: tags
    recover: recoverVault
    publicAccess: !privateNetwork
    workspaceId: monitoring.outputs.workspaceId
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    componentName: monitoring.outputs.componentName
    principalId: identity.outputs.principalId
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    title: 'Segpilot (${environmentName})'
    workspaceId: monitoring.outputs.workspaceId
  }
}

module alerts 'modules/alerts.bicep' = if (hasAlerts) {
  name: 'alerts'
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    accounts: watchedAccounts
    emails: alertEmails
    webhookUrl: alertWebhookUrl
  }
  dependsOn: [storage, segmentStorage]
}

module budget 'modules/budget.bicep' = if (hasBudget) {
  name: 'budget'
  scope: group
  params: {
    name: 'budget-${suffix}'
    amount: budgetAmount
    start: budgetFrom
    emails: alertEmails
    receiversId: alerts!.outputs.receiversId
  }
}

module network 'modules/network.bicep' = if (makesNetwork) {
  name: 'network'
  scope: group
  params: {
    suffix: suffix
    location: location
    tags: tags
    addressSpace: networkAddresses
    fixedOutboundAddress: fixedOutboundAddress
  }
}

module privateDns 'modules/private-dns.bicep' = if (makesZones) {
  name: 'private-dns'
  scope: group
  params: {
    zones: [zones.blob, zones.queue, zones.table, zones.vault]
    tags: tags
    networkId: split(appSubnetId, '/subnets/')[0]
  }
}

// One after the other: a subnet takes one change at a time.
@batchSize(1)
module endpoints 'modules/private-endpoint.bicep' = [
  for endpoint in privateEndpoints: {
    name: 'endpoint-${endpoint.name}'
    scope: group
    params: {
      name: 'pe-${suffix}-${endpoint.name}'
      location: location
      tags: tags
      subnetId: endpointSubnetId
      targetId: endpoint.targetId
      service: endpoint.service
      byApproval: endpoint.byApproval
      zoneId: dnsByPolicy ? '' : '${zonesGroupId}/providers/Microsoft.Network/privateDnsZones/${zones[endpoint.service]}'
    }
    dependsOn: [storage, segmentStorage, vault, privateDns]
  }
]

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: appName
    planName: 'plan-${suffix}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    segmentAccountName: segmentAccountName
    containers: containers
    vaultUri: vault.outputs.uri
    telemetryAddress: monitoring.outputs.connectionString
    autopilotUrl: autopilotUrl
    functionKeyRole: functionKeyRole
    signInSecretName: signInSecretName
    appSettings: appSettings
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    httpConcurrency: httpConcurrency
    // A group of no instances is not accepted.
    alwaysReady: filter(alwaysReady, each => each.instanceCount > 0)
    siteUpdateStrategy: siteUpdateStrategy
    zoneRedundant: zoneRedundant
    subnetId: privateNetwork ? appSubnetId : ''
    allowedAddressRanges: allowedAddressRanges
  }
  dependsOn: [roles, segmentAccount, endpoints]
}

module registration 'modules/sign-in-registration.bicep' = if (empty(existingRegistrationClientId)) {
  name: 'registration'
  scope: group
  params: {
    uniqueName: appName
    displayName: 'Segpilot (${environmentName})'
    hostName: app.outputs.hostName
    identityPrincipalId: identity.outputs.principalId
    administratorId: principalId
  }
}

module signIn 'modules/sign-in.bicep' = {
  name: 'sign-in'
  scope: group
  params: {
    appName: app.outputs.name
    clientId: empty(existingRegistrationClientId) ? registration!.outputs.clientId : existingRegistrationClientId
    hasSecret: !empty(signInSecretName)
  }
}

@description('Region.')
output AZURE_LOCATION string = location

@description('Tenant that people sign in to.')
output AZURE_TENANT_ID string = tenant().tenantId

@description('Resource group of everything.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output AZURE_FUNCTION_APP_NAME string = app.outputs.name

@description('Address of the portal.')
output AZURE_PORTAL_URL string = 'https://${app.outputs.hostName}/portal/'

@description('Client id of the registration that people sign in to.')
output AZURE_SIGN_IN_CLIENT_ID string = empty(existingRegistrationClientId) ? registration!.outputs.clientId : existingRegistrationClientId

@description('Object id of the identity of the app.')
output AZURE_APP_PRINCIPAL_ID string = identity.outputs.principalId

@description('Name of the vault.')
output AZURE_KEY_VAULT_NAME string = vault.outputs.name

@description('Name of the storage account of the app.')
output AZURE_STORAGE_ACCOUNT_NAME string = storage.outputs.name

@description('Container of undelivered events in that account.')
output AZURE_DEAD_LETTERS_CONTAINER string = containers.deadLetters

@description('Name of the account that segment files arrive in.')
output AZURE_SEGMENT_ACCOUNT_NAME string = segmentAccountName

@description('Container that segment files arrive in.')
output AZURE_SEGMENTS_CONTAINER string = segmentsContainer

@description('For events.bicep: resource id of that account.')
output AZURE_SEGMENT_ACCOUNT_ID string = segmentAccountId

@description('For events.bicep: whether container and roles are there, since they were made here or by the owner.')
output AZURE_SEGMENT_ACCOUNT_PREPARED bool = ownsSegmentAccount || segmentAccountPrepared

@description('For events.bicep: name of the system topic that this account has already.')
output AZURE_EXISTING_EVENT_TOPIC_NAME string = existingEventTopicName

@description('Address that Autopilot sees, where it is one of our own; else empty.')
output AZURE_OUTBOUND_ADDRESS string = makesNetwork ? network!.outputs.outboundAddress : ''

@description('For events.bicep: resource id of the action group; empty where there are no alerts.')
output AZURE_ALERT_RECEIVERS_ID string = hasAlerts ? alerts!.outputs.receiversId : ''

@description('For the next deployment: the first month of the budget.')
output SEGPILOT_BUDGET_START string = hasBudget ? budgetFrom : ''
