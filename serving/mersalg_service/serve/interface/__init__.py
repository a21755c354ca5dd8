"""What the service says of its own interface: the schemas of the OpenAPI document, and the page of it."""
