metadata description = 'A private endpoint: an address in a subnet that leads to one service of one resource.'

@description('Name.')
param name string

@description('Region of the subnet.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the subnet.')
param subnetId string

@description('Resource id of what it leads to; it may be of another resource group, subscription and region.')
param targetId string

@description('Which service of it.')
@allowed(['blob', 'queue', 'table', 'vault'])
param service string

@description('Resource id of the private DNS zone that gets its address; empty = none, somebody else sees to that.')
param zoneId string

@description('Wait for the owner of the resource to approve the connection; else the deployment approves it itself.')
param byApproval bool = false

var connections = [
  {
    name: name
    properties: {
      privateLinkServiceId: targetId
      groupIds: [service]
      requestMessage: 'Segpilot reads segment files over this connection.'
    }
  }
]

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: byApproval ? [] : connections
    manualPrivateLinkServiceConnections: byApproval ? connections : []
  }
}

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = if (!empty(zoneId)) {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [{ name: service, properties: { privateDnsZoneId: zoneId } }]
  }
}
