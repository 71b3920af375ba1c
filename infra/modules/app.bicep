metadata description = 'The function app, on Flex Consumption.'

@description('Name of the app.')
param name string

@description('Name of its plan.')
param planName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the identity of the app.')
param identityId string

@description('Client id of that identity.')
param identityClientId string

@description('Name of the storage account of the app.')
param storageName string

@description('Name of the account that segment files arrive in.')
param segmentAccountName string

@description('Names of the containers: segments, state, logs and deployments.')
param containers object

@description('Address of the vault.')
param vaultUri string

@description('Where telemetry goes.')
param telemetryAddress string

@description('Address of the Autopilot API.')
param autopilotUrl string

@description('What the holder of a function key may do.')
param functionKeyRole string

@description('Name of a secret in the vault that signing in uses; empty = the identity stands in for one.')
param signInSecretName string

@description('Other settings of docs/settings.md; they win over the defaults below, but not over what follows from resources.')
param appSettings object

@description('Version of Python.')
param pythonVersion string

@description('Memory of an instance in MB.')
param instanceMemoryMB int

@description('The most instances that the platform may start of each group of functions.')
param maximumInstanceCount int

@description('Requests that an instance serves at a time.')
param httpConcurrency int

@description('Groups of functions (blob, durable, http) with the number of instances that always wait for them.')
param alwaysReady array

@description('How instances are replaced by a new version.')
@allowed(['RollingUpdate', 'Recreate'])
param siteUpdateStrategy string

@description('Spread instances over the zones of the region, if it has some.')
param zoneRedundant bool

@description('Resource id of the subnet that the app goes out through; empty = the internet.')
param subnetId string

@description('Address ranges that may reach portal and API, separated by commas; empty = all.')
param allowedAddressRanges string

var storageSuffix = environment().suffixes.storage
var storageUri = 'https://${storageName}.blob.${storageSuffix}'

var defaultSettings = {
  PYTHON_THREADPOOL_THREAD_COUNT: '8'
  OTEL_TRACES_SAMPLER: 'microsoft.fixed_percentage'
  OTEL_TRACES_SAMPLER_ARG: '1'
  OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: 'azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3'
  APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL: 'true'
  APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED: 'true'
}

var fixedSettings = {
  // Besides the addresses, since the host may fail to reach its storage when it starts with those alone
  // (Azure/azure-functions-host #11787).
  AzureWebJobsStorage__accountName: storageName
  AzureWebJobsStorage__blobServiceUri: storageUri
  AzureWebJobsStorage__queueServiceUri: 'https://${storageName}.queue.${storageSuffix}'
  AzureWebJobsStorage__tableServiceUri: 'https://${storageName}.table.${storageSuffix}'
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsDisableHomepage: 'true'
  SEGMENT_STORAGE__blobServiceUri: 'https://${segmentAccountName}.blob.${storageSuffix}'
  SEGMENT_STORAGE__queueServiceUri: 'https://${segmentAccountName}.queue.${storageSuffix}'
  SEGMENT_STORAGE__credential: 'managedidentity'
  SEGMENT_STORAGE__clientId: identityClientId
  STATE_STORAGE__blobServiceUri: storageUri
  STATE_STORAGE__tableServiceUri: 'https://${storageName}.table.${storageSuffix}'
  STATE_STORAGE__clientId: identityClientId
  SEGMENTS_CONTAINER: containers.segments
  STATE_CONTAINER: containers.state
  LOGS_CONTAINER: containers.logs
  KEY_VAULT_URL: vaultUri
  KEY_VAULT_CLIENT_ID: identityClientId
  AUTOPILOT_URL: autopilotUrl
  FUNCTION_KEY_ROLE: functionKeyRole
  APPLICATIONINSIGHTS_CONNECTION_STRING: telemetryAddress
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
  // What authentication takes for its secret: modules/sign-in.bicep.
  OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
}
var signInSecret = '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/${signInSecretName})'
var signInSettings = empty(signInSecretName) ? {} : { MICROSOFT_PROVIDER_AUTHENTICATION_SECRET: signInSecret }

// Event Grid cannot deliver over a private endpoint, and its events must not be shut out with everybody else
// (Microsoft Learn, "Deliver events using private link service"; service tag AzureEventGrid).
var eventGridRule = { name: 'event-grid', priority: 100, action: 'Allow', tag: 'ServiceTag', ipAddress: 'AzureEventGrid' }
var addressRules = [
  for (addresses, place) in split(allowedAddressRanges, ','): {
    name: 'allowed-${place + 1}'
    priority: 200 + place
    action: 'Allow'
    tag: 'Default'
    ipAddress: trim(addresses)
  }
]

resource plan 'Microsoft.Web/serverfarms@2025-05-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-05-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    outboundVnetRouting: { applicationTraffic: !empty(subnetId) }
    siteConfig: {
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ipSecurityRestrictionsDefaultAction: empty(allowedAddressRanges) ? 'Allow' : 'Deny'
      ipSecurityRestrictions: empty(allowedAddressRanges) ? [] : concat([eventGridRule], addressRules)
      // Packages are taken from anywhere, from who has an Entra token for it.
      scmIpSecurityRestrictionsDefaultAction: 'Allow'
      scmIpSecurityRestrictionsUseMain: false
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storageUri}/${containers.deployments}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'python', version: pythonVersion }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReady
        // Python apps get one request at a time unless told otherwise, and every file of a page would start an instance
        // (Microsoft Learn, "Concurrency in Azure Functions").
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
      siteUpdateStrategy: { type: siteUpdateStrategy }
    }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: union(defaultSettings, appSettings, signInSettings, fixedSettings)
  }

  // The package comes with an Entra token; nobody publishes with a password. (Flex Consumption has no FTP.)
  resource publishing 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

@description('Name.')
output name string = app.name

@description('Host name.')
output hostName string = app.properties.defaultHostName
