"""The Amazon States Language as a language: it knows nothing of this pipeline."""
