metadata description = 'The Entra registration that people sign in to, its roles, and its first administrator. It has no secret.'

extension microsoftGraphV1

@description('Name that never changes, by which a later deployment finds the registration again.')
param uniqueName string

@description('Name that people see when they sign in.')
param displayName string

@description('Host name of the app.')
param hostName string

@description('Object id of the identity of the app, whose tokens stand in for a secret.')
param identityPrincipalId string

@description('Object id of the first administrator: a person, a group or a service principal.')
param administratorId string

// The app knows these values: shared/domain/access.py.
var roles = [
  { value: 'Viewer', description: 'Looks at exports, runs and segments.' }
  { value: 'Contributor', description: 'Manages exports over connections that are shared, and starts runs.' }
  { value: 'Administrator', description: 'Manages connections and everything else.' }
]

resource registration 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: displayName
  signInAudience: 'AzureADMyOrg'
  identifierUris: ['api://${tenant().tenantId}/${uniqueName}']
  api: {
    requestedAccessTokenVersion: 2
    oauth2PermissionScopes: [
      {
        id: guid(uniqueName, 'user_impersonation')
        value: 'user_impersonation'
        type: 'User'
        isEnabled: true
        adminConsentDisplayName: 'Use Segpilot'
        adminConsentDescription: 'Lets a tool use Segpilot in the name of the person who has signed in.'
        userConsentDisplayName: 'Use Segpilot'
        userConsentDescription: 'Lets the tool use Segpilot in your name.'
      }
    ]
  }
  web: {
    homePageUrl: 'https://${hostName}/portal/'
    redirectUris: ['https://${hostName}/.auth/login/aad/callback']
    implicitGrantSettings: { enableIdTokenIssuance: true }
  }
  appRoles: [
    for role in roles: {
      id: guid(uniqueName, role.value)
      value: role.value
      displayName: role.value
      description: role.description
      isEnabled: true
      allowedMemberTypes: ['User', 'Application']
    }
  ]
}

resource identity 'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0' = {
  name: '${registration.uniqueName}/app'
  description: 'The managed identity of the function app.'
  issuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
  subject: identityPrincipalId
  audiences: ['api://AzureADTokenExchange']
}

resource principal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: registration.appId
  // Else Entra's list of enterprise applications, where roles are given, does not show it.
  tags: ['WindowsAzureActiveDirectoryIntegratedApp']
}

resource firstAdministrator 'Microsoft.Graph/appRoleAssignedTo@v1.0' = {
  appRoleId: guid(uniqueName, 'Administrator')
  principalId: administratorId
  resourceId: principal.id
}

@description('Client id.')
output clientId string = registration.appId
