metadata description = 'Private DNS zones, so that the names of storage and vault lead to private endpoints inside the network.'

@description('Zones to make.')
param zones array

@description('Tags.')
param tags object

@description('Resource id of the virtual network that asks these zones.')
param networkId string

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for name in zones: {
    name: name
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (name, place) in zones: {
    parent: zone[place]
    name: 'link-${uniqueString(networkId)}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      // Accounts of others that have private endpoints elsewhere stay reachable over the internet.
      resolutionPolicy: 'NxDomainRedirect'
      virtualNetwork: { id: networkId }
    }
  }
]
