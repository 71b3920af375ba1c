metadata description = 'Says when a month costs more than it should. It stops nothing.'

@description('Name.')
param name string

@description('What a month may cost, in the currency that is billed.')
@minValue(1)
param amount int

@description('First day of the first month, such as 2026-12-01. It cannot be changed later, nor lie in an earlier month.')
param start string

@description('E-mail addresses, separated by commas.')
param emails string

@description('Resource id of the action group that is told, too.')
param receiversId string

var addresses = map(filter(split(emails, ','), each => !empty(trim(each))), each => trim(each))
var common = { enabled: true, operator: 'GreaterThanOrEqualTo', contactEmails: addresses, contactGroups: [receiversId] }

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: name
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: start }
    notifications: {
      half: union(common, { threshold: 50, thresholdType: 'Actual' })
      most: union(common, { threshold: 80, thresholdType: 'Actual' })
      all: union(common, { threshold: 100, thresholdType: 'Actual' })
      allForeseen: union(common, { threshold: 100, thresholdType: 'Forecasted' })
    }
  }
}
