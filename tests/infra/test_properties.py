"""Every property of every resource in infra/ is one that Microsoft's models know."""

import pytest

from tests.infra.bicep_file import read
from tests.infra.properties import (
    MODELS,
    OTHER_VERSIONS,
    UNKNOWN_PROPERTIES,
    UNKNOWN_TYPES,
    load_shapes,
    property_problems,
)

ACCOUNT = """
param location string
param names array
var rules = { defaultAction: 'Deny', bypass: 'AzureServices' }
resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'x'
  location: location
  tags: { owner: 'me' }
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    networkAcls: empty(names) ? rules : union(rules, { ipRules: [for each in names: { action: 'Allow', value: each }] })
  }
}
resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  name: 'x/y'
  properties: {
    destination: {
      endpointType: 'WebHook'
      properties: { maxEventsPerBatch: 1, endpointUrl: account.properties.primaryEndpoints.blob }
    }
    filter: { advancedFilters: [{ operatorType: 'StringIn', key: 'data.api', values: ['PutBlob'] }] }
  }
}
"""


@pytest.fixture(scope="module")
def shapes(programs):
    return load_shapes(programs)


def test_every_property_is_one_that_the_models_know(trees, shapes):
    assert [problem for tree in trees.values() for problem in property_problems(read(tree), shapes)] == []


def test_no_exception_is_listed_that_is_not_in_use(trees):
    everything = "\n".join(tree.text for tree in trees.values())
    for entry in [*OTHER_VERSIONS, *UNKNOWN_TYPES, *UNKNOWN_PROPERTIES]:
        assert entry.split(".properties")[0] in everything
    assert not set(UNKNOWN_TYPES) & set(MODELS)


def test_properties_that_exist_are_let_through(tree_of, shapes):
    assert property_problems(read(tree_of(ACCOUNT)), shapes) == []


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("allowSharedKeyAccess:", "allowSharedKeyAcess:", "sample.bicep:12: Microsoft.Storage/storageAccounts.properties has no property 'allowSharedKeyAcess'"),
        ("minimumTlsVersion:", "minimumTLSVersion:", "it is written 'minimumTlsVersion'"),
        ("'TLS1_2'", "'TLS1.2'", "'TLS1.2' is no value of Microsoft.Storage/storageAccounts.properties.minimumTlsVersion"),
        ("allowSharedKeyAccess: false", "allowSharedKeyAccess: 'false'", "takes boolean, not string"),
        ("defaultAction: 'Deny'", "defaultAction: 'deny'", "sample.bicep:4: 'deny' is no value"),
        ("bypass:", "by:", "has no property 'by'"),
        ("action: 'Allow', value", "action: 'Allow', address", "has no property 'address'"),
        ("  kind: 'StorageV2'", "  type: 'StorageV2'", "has no property 'type'"),
        ("  sku: { name: 'Standard_LRS' }\n", "", "sample.bicep:5: Microsoft.Storage/storageAccounts needs 'sku'"),
        ("defaultAction: 'Deny', ", "", "sample.bicep:4: NetworkRuleSet needs 'defaultAction'"),
        ("sku: {", "Sku: {", "it is written 'sku'"),
        ("{ name: 'Standard_LRS' }", "{ name: 'Standard_LRS', tier: 'Standard' }", "'tier' of Sku can only be read"),
        ("sku: { name: 'Standard_LRS' }", "sku: 'Standard_LRS'", "takes object, not string"),
        ("location: location", "location: names", "Microsoft.Storage/storageAccounts.location takes string, not the list 'names'"),
        ("allowSharedKeyAccess: false", "allowSharedKeyAccess: location", "takes boolean, not the string 'location'"),
        ("tags: { owner: 'me' }", "tags: { owner: 1 }", "takes string, not integer"),
        ("endpointType: 'WebHook'", "endpointType: 'Webhook'", "'Webhook' is no endpointType"),
        ("endpointType: 'WebHook'\n", "", "needs 'endpointType'"),
        ("maxEventsPerBatch: 1", "maxEvents: 1", "has no property 'maxEvents'"),
        ("values: ['PutBlob']", "value: ['PutBlob']", "has no property 'value'"),
        ("values: ['PutBlob']", "values: 'PutBlob'", "takes list, not string"),
        ("primaryEndpoints.blob", "primaryEndpoint.blob", "has no 'primaryEndpoint' that"),
        ("account.properties.primary", "account.primary", "has no 'primaryEndpoints' that"),
        ("storageAccounts@2025-01-01", "storageAccounts@2024-01-01", "is checked against 2025-01-01"),
        ("Storage/storageAccounts@", "Storage/accounts@", "no model for Microsoft.Storage/accounts"),
    ],
)  # fmt: skip
def test_a_property_that_is_wrong_is_found(tree_of, shapes, good, bad, said):
    assert good in ACCOUNT
    found = property_problems(read(tree_of(ACCOUNT.replace(good, bad))), shapes)
    assert any(said in problem for problem in found), found
