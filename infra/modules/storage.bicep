metadata description = 'A storage account: that of the app (state, logs, package, undelivered events), or that of segment files.'

@description('Name of the account.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Redundancy.')
param sku string

@description('Containers to make.')
param containers array = []

@description('Days for which deleted blobs can be brought back; 0 = they cannot.')
param deletedBlobRetentionDays int

@description('Container of undelivered events, what is in it goes after 30 days; empty = there is none.')
param deadLettersContainer string = ''

@description('Whether account keys, and signatures made with them, open the account.')
param accountKeys bool

@description('Whether the account can be reached from the internet, by who has a role.')
param publicAccess bool

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: accountKeys
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    networkAcls: {
      defaultAction: publicAccess ? 'Allow' : 'Deny'
      // Event Grid writes undelivered events past the firewall as a trusted service, with its own identity and role. So may a
      // source that is one, such as Data Factory.
      bypass: 'AzureServices'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      // No versions: ledgers and chunks are rewritten in every run, and each version would keep a person who was erased.
      isVersioningEnabled: false
      deleteRetentionPolicy: deletedBlobRetentionDays > 0 ? { enabled: true, days: deletedBlobRetentionDays } : { enabled: false }
      containerDeleteRetentionPolicy: { enabled: true, days: 7 }
    }

    resource container 'containers' = [
      for each in containers: {
        name: each
        properties: { publicAccess: 'None' }
      }
    ]
  }

  // Everything else is removed by the app itself, as its settings say (docs/privacy.md).
  resource lifecycle 'managementPolicies' = if (!empty(deadLettersContainer)) {
    name: 'default'
    properties: {
      policy: {
        rules: [
          {
            name: 'remove-undelivered-events'
            type: 'Lifecycle'
            enabled: true
            definition: {
              filters: {
                blobTypes: ['blockBlob']
                prefixMatch: ['${deadLettersContainer}/']
              }
              actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 30 } } }
            }
          }
        ]
      }
    }
    dependsOn: [blobs]
  }
}

@description('Name.')
output name string = account.name
