"""numpy + faiss: catalogue, filters, vector search, bundles. Knows items as rows of vectors, and nothing of
models."""
