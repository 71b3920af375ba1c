metadata description = 'A virtual network with two subnets: one that the app goes out through, one for private endpoints.'

@description('End of the names of what is made.')
param suffix string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Addresses of the network, at least a /25; it must not overlap with networks that it is peered with.')
param addressSpace string

@description('Reach the internet from one address of our own, through a NAT gateway.')
param fixedOutboundAddress bool

// Half of the addresses for the app, a quarter for endpoints. Flex Consumption asks for a /27 at least, for a subnet of
// its own, and for a name without an underscore (Microsoft Learn, "Flex Consumption plan", considerations).
var prefixLength = parseCidr(addressSpace).cidr
var appPrefix = cidrSubnet(addressSpace, prefixLength + 1, 0)
var endpointPrefix = cidrSubnet(addressSpace, prefixLength + 2, 2)

resource appRules 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-${suffix}-app'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'no-way-in-from-the-internet'
        properties: {
          description: 'The subnet is a way out. Requests reach the app past it.'
          priority: 100
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource endpointRules 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-${suffix}-endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'https-from-the-network'
        properties: {
          description: 'The app, and whoever brings files from this network or one that is connected with it.'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: 'VirtualNetwork'
          destinationPortRange: '443'
        }
      }
      {
        name: 'nothing-else'
        properties: {
          priority: 200
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource outboundAddress 'Microsoft.Network/publicIPAddresses@2024-05-01' = if (fixedOutboundAddress) {
  name: 'pip-${suffix}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource gateway 'Microsoft.Network/natGateways@2024-05-01' = if (fixedOutboundAddress) {
  name: 'ng-${suffix}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIpAddresses: [{ id: outboundAddress.id }] }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-${suffix}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressSpace] }
    // In the network itself, not as resources of their own: a network that is deployed again loses subnets it does not name.
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: appPrefix
          delegations: [{ name: 'flex-consumption', properties: { serviceName: 'Microsoft.App/environments' } }]
          networkSecurityGroup: { id: appRules.id }
          natGateway: fixedOutboundAddress ? { id: gateway.id } : null
          // New networks may have no way to the internet unless it is asked for, and Autopilot is there.
          defaultOutboundAccess: true
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointPrefix
          networkSecurityGroup: { id: endpointRules.id }
          // Else security groups do not apply to private endpoints.
          privateEndpointNetworkPolicies: 'Enabled'
          defaultOutboundAccess: false
        }
      }
    ]
  }
}

@description('Resource id of the subnet that the app goes out through.')
output appSubnetId string = '${network.id}/subnets/app'

@description('Resource id of the subnet for private endpoints.')
output endpointSubnetId string = '${network.id}/subnets/endpoints'

@description('Address that Autopilot sees; empty where it may change.')
output outboundAddress string = fixedOutboundAddress ? outboundAddress!.properties.ipAddress : ''
