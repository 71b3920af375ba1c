metadata description = 'Tells people of files whose arrival the app was not told of. It comes after the topic of events, which is made after the code.'

@description('End of the names of what is made.')
param suffix string

@description('Tags.')
param tags object

@description('Resource id of the Event Grid system topic, of the same subscription.')
param topicId string

@description('Resource id of the action group.')
param receiversId string

// Microsoft Learn, "Supported metrics for Microsoft.EventGrid/systemTopics". Dropped = not even kept as undelivered.
var losses = [
  { name: 'undelivered', metric: 'DeadLetteredCount' }
  { name: 'dropped', metric: 'DroppedEventCount' }
]

resource rules 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for loss in losses: {
    name: 'alert-${suffix}-events-${loss.name}'
    location: 'global'
    tags: tags
    properties: {
      description: 'The app was not told of a file. What to do: docs/operations.md, Undelivered events.'
      severity: 1
      enabled: true
      scopes: [topicId]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: loss.name
            metricNamespace: 'Microsoft.EventGrid/systemTopics'
            metricName: loss.metric
            timeAggregation: 'Total'
            operator: 'GreaterThan'
            threshold: 0
          }
        ]
      }
      actions: [{ actionGroupId: receiversId }]
    }
  }
]
