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
param principalId string = deployer().objectId

// --- the app ---------------------------------------------------------------------------------------------------------

@description('Python of the app. The tests run on 3.11.')
@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string = '3.11'

@description('Memory of an instance in MB.')
@allowed([2048, 4096])
param instanceMemoryMB int = 2048

@description('The most instances that the platform may start.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

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
param siteUpdateStrategy string = 'RollingUpdate'

@description('Address of the Autopilot API.')
param autopilotUrl string = 'https://api2.autopilothq.com/v1'

@description('What the holder of a function key may do.')
@allowed(['viewer', 'contributor', 'administrator'])
param functionKeyRole string = 'contributor'

@description('Any other setting of docs/settings.md, as an object of texts.')
param appSettings object = {}

// --- storage ---------------------------------------------------------------------------------------------------------

@description('Redundancy of the storage account that is made.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_LRS'

@description('Resource id of the storage account that segment files arrive in; empty = the one that is made.')
param existingSegmentAccountId string = ''

@description('Container that segment files arrive in.')
param segmentsContainer string = 'segments'

@description('Container of chunks, results, ledgers and rejects.')
param stateContainer string = 'segpilot'

@description('Container of the audit, run and row logs.')
param logsContainer string = 'segpilot-logs'

@description('Days for which deleted blobs and containers can be brought back.')
@minValue(1)
@maxValue(365)
param deletedBlobRetentionDays int = 7

// --- sign-in ---------------------------------------------------------------------------------------------------------

@description('Client id of an existing Entra registration; empty = one is made, with its app roles.')
param existingRegistrationClientId string = ''

// --- monitoring ------------------------------------------------------------------------------------------------------

@description('Days for which telemetry is kept.')
@minValue(30)
@maxValue(730)
param telemetryRetentionDays int = 30

// --- network ---------------------------------------------------------------------------------------------------------

@description('Reach storage and vault over private endpoints only.')
param privateNetwork bool = false

// --- names -----------------------------------------------------------------------------------------------------------

var tags = { 'azd-env-name': environmentName }
var token = take(uniqueString(subscription().id, environmentName, location), 6)
var suffix = 'segpilot-${toLower(environmentName)}-${token}'
// Storage accounts and vaults take 24 characters; the token keeps cut names apart.
var shortSuffix = '${take(replace(toLower(environmentName), '-', ''), 8)}${token}'
var storageName = 'stsegpilot${shortSuffix}'
var appName = 'func-${suffix}'

// --- where segment files arrive: the account that is made here, or an existing one -----------------------------------

var ownsSegmentAccount = empty(existingSegmentAccountId)
var segmentAccountPath = split(existingSegmentAccountId, '/')
var segmentAccountSubscription = ownsSegmentAccount ? subscription().subscriptionId : segmentAccountPath[2]
var segmentAccountGroup = ownsSegmentAccount ? group.name : segmentAccountPath[4]
var segmentAccountName = ownsSegmentAccount ? storageName : last(segmentAccountPath)

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-segpilot-${environmentName}'
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
    containers: union([stateContainer, logsContainer, 'deployments', 'deadletters'], ownsSegmentAccount ? [segmentsContainer] : [])
    deletedRetentionDays: deletedBlobRetentionDays
    publicAccess: !privateNetwork
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-segp-${shortSuffix}'
    location: location
    tags: tags
    publicAccess: !privateNetwork
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
