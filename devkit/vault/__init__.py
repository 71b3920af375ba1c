"""A managed identity and a Key Vault that unmodified Azure SDK clients accept, on loopback."""
