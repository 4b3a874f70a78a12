"""What plugins implement: storages, codecs, htypes, credential providers, viewers, and the specs that name them."""
