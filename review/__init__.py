"""The review: what a change does to a stack and its state machines, from the documents alone.

It knows nothing of how the documents are made, calls nothing, and says the same of the same bytes.
"""
