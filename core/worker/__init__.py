"""The worker process: requests on a pipe."""
