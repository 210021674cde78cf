"""Operates a deployed pipeline: starts validations, follows them, explains their ends, and finds beforehand what would fail.

It stands on the deployer's account and reads the review's and the language's models; it makes and deploys nothing.
"""
