"""Code shared by the storages of remote services: options, clients, retries and checks of replies."""
