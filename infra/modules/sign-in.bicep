metadata description = 'App Service authentication: it tells the app who has signed in, and lets everybody else through to be refused there.'

@description('Name of the function app.')
param appName string

@description('Client id of the Entra registration.')
param clientId string

@description('Whether the app setting for a client secret is there; else the identity of the app stands in for one.')
param hasSecret bool

resource app 'Microsoft.Web/sites@2025-05-01' existing = {
  name: appName

  resource authentication 'config' = {
    name: 'authsettingsV2'
    properties: {
      platform: { enabled: true, runtimeVersion: '~1' }
      globalValidation: {
        // Holders of a function key, Event Grid and the webhooks of Durable Functions have no session. The app and its
        // host refuse whom they do not know, and the portal leads people to the sign-in page (docs/security.md).
        requireAuthentication: false
        unauthenticatedClientAction: 'AllowAnonymous'
      }
      httpSettings: { requireHttps: true }
      identityProviders: {
        azureActiveDirectory: {
          enabled: true
          registration: {
            clientId: clientId
            // The second app setting names the identity whose token the registration accepts in place of a secret
            // (Microsoft Learn, "Use a managed identity instead of a secret", a preview).
            clientSecretSettingName: hasSecret
              ? 'MICROSOFT_PROVIDER_AUTHENTICATION_SECRET'
              : 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
            openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          }
          login: { loginParameters: ['scope=openid profile email'] }
          validation: { allowedAudiences: [clientId, 'api://${clientId}'] }
        }
      }
      login: {
        // The app calls nothing in a person's name: no tokens are kept.
        tokenStore: { enabled: false }
        cookieExpiration: { convention: 'FixedTime', timeToExpiration: '08:00:00' }
        nonce: { validateNonce: true, nonceExpirationInterval: '00:05:00' }
      }
    }
  }
}
