metadata description = 'The workbook: how runs, people, calls and telemetry fare, with the queries of infra/queries.'

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Title.')
param title string

@description('Resource id of the Log Analytics workspace that it asks.')
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: title
    category: 'workbook'
    sourceId: workspaceId
    version: 'Notebook/1.0'
    serializedData: replace(loadTextContent('../workbook.json'), 'WORKSPACE_ID', workspaceId)
  }
}
