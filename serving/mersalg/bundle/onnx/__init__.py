"""The check of a scorer: an ONNX model, read from its bytes before a runtime sees it. Begin at `graph.check_graph`."""
