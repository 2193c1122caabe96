"""From sources to a stack in the cloud: packaging, templates, deployment, and all of it on a local cloud."""
