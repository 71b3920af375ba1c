metadata description = 'Tells people when something needs them. Each alert names the page that says what to do.'

@description('End of the names of what is made.')
param suffix string

@description('Region of the workspace.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the Log Analytics workspace.')
param workspaceId string

@description('Storage accounts that are watched: the end of the name of the rule, and the resource id.')
param accounts array

@description('E-mail addresses, separated by commas.')
param emails string

@description('Address that alerts are sent to in the common alert schema; empty = none.')
@secure()
param webhookUrl string

// An event is told once, a state when it begins and when it is over. Telemetry takes minutes to arrive: queries for events
// go by when it arrived, so that two looks neither miss one nor see it twice; their window only has to be longer.
var event = false
var state = true
var alerts = [
  {
    name: 'failed-runs'
    title: 'Runs have failed'
    severity: 2
    window: 'PT1H'
    every: 'PT15M'
    resolves: event
    query: loadTextContent('../queries/alert-failed-runs.kql')
    help: 'docs/troubleshooting.md, Codes: look for the code in the column failure.'
  }
  {
    name: 'key-rejected'
    title: 'The API key was refused or cannot be read'
    severity: 1
    window: 'PT1H'
    every: 'PT15M'
    resolves: event
    query: loadTextContent('../queries/alert-key-rejected.kql')
    help: 'docs/operations.md, Key rejected.'
  }
  {
    name: 'stuck-runs'
    title: 'A run makes no progress'
    severity: 1
    window: 'P1D'
    every: 'PT30M'
    resolves: state
    query: loadTextContent('../queries/alert-stuck-runs.kql')
    help: 'docs/operations.md, Stuck run.'
  }
  {
    name: 'poison'
    title: 'A file could not be noticed'
    severity: 1
    window: 'PT1H'
    every: 'PT15M'
    resolves: event
    query: loadTextContent('../queries/alert-poison.kql')
    help: 'docs/operations.md, Poison blob.'
  }
  {
    name: 'throttled'
    title: 'Autopilot refuses many calls as too many'
    severity: 3
    window: 'PT1H'
    every: 'PT30M'
    resolves: state
    query: loadTextContent('../queries/alert-throttled.kql')
    help: 'docs/operations.md, Autopilot away.'
  }
  {
    name: 'exceptions'
    title: 'Something breaks down again and again'
    severity: 2
    window: 'PT30M'
    every: 'PT15M'
    resolves: state
    query: loadTextContent('../queries/alert-exceptions.kql')
    help: 'docs/troubleshooting.md, The host says.'
  }
  {
    name: 'silent'
    title: 'The app is silent'
    severity: 0
    window: 'PT30M'
    every: 'PT15M'
    resolves: state
    query: loadTextContent('../queries/alert-silent.kql')
    help: 'docs/operations.md, The app does not start. A daily cap of telemetry that is reached looks the same.'
  }
]
var emailReceivers = [
  for (address, place) in filter(split(emails, ','), each => !empty(trim(each))): {
    name: 'e-mail-${place + 1}'
    emailAddress: trim(address)
    useCommonAlertSchema: true
  }
]
var webhook = { name: 'webhook', serviceUri: webhookUrl, useCommonAlertSchema: true }

resource receivers 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'segpilot'
    enabled: true
    emailReceivers: emailReceivers
    webhookReceivers: empty(webhookUrl) ? [] : [webhook]
  }
}

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in alerts: {
    name: 'alert-${suffix}-${alert.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Segpilot: ${alert.title}'
      description: '${alert.title}. What to do: ${alert.help}'
      severity: alert.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: alert.every
      windowSize: alert.window
      autoMitigate: alert.resolves
      // The workspace may be minutes old and know none of the tables yet.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [receivers.id] }
    }
  }
]

// One for each: a rule cannot watch several storage accounts (Microsoft Learn, "Supported resources for metric alerts").
resource storage 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for account in accounts: {
    name: 'alert-${suffix}-${account.name}'
    location: 'global'
    tags: tags
    properties: {
      description: '${last(split(account.id, '/'))} fails. What to do: docs/operations.md, Storage lost.'
      severity: 1
      enabled: true
      scopes: [account.id]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: state
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: 'availability'
            metricNamespace: 'Microsoft.Storage/storageAccounts'
            metricName: 'Availability'
            timeAggregation: 'Average'
            operator: 'LessThan'
            threshold: 99
          }
        ]
      }
      actions: [{ actionGroupId: receivers.id }]
    }
  }
]

@description('Resource id of the action group.')
output receiversId string = receivers.id
