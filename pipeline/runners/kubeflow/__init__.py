"""The same chain on Kubeflow Pipelines: the package, the command of its steps, and the client."""
