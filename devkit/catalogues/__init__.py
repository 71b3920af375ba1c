"""The portal's catalogues, kept in step with what the code says."""
