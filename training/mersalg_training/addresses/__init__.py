"""Where tables lie that are no files here, as a configuration says it."""
