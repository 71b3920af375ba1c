metadata description = 'The subscription to files that arrive in the segment container, and to nothing else.'

@description('Name of the system topic, in this resource group.')
param topicName string

@description('Name of the subscription.')
param name string

@description('Address of the blob trigger, with its key.')
@secure()
param webhook string

@description('Container that segment files arrive in.')
param segmentsContainer string

@description('Resource id of the storage account for events that could not be delivered.')
param deadLettersAccountId string

@description('Container of these events.')
param deadLettersContainer string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource arrivals 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: name
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: webhook
        maxEventsPerBatch: 1
        minimumTlsVersionAllowed: '1.2'
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      subjectBeginsWith: '/blobServices/default/containers/${segmentsContainer}/blobs/'
      // Whole files only: a data lake also announces files that are still being written.
      advancedFilters: [
        {
          operatorType: 'StringIn'
          key: 'data.api'
          values: ['PutBlob', 'PutBlockList', 'FlushWithClose', 'CopyBlob', 'SftpCommit']
        }
      ]
    }
    retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: deadLettersAccountId
          blobContainerName: deadLettersContainer
        }
      }
    }
  }
}
