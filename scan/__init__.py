"""Scanners over the committed template, and the answers to what they find.

`scanners` runs each scanner and reads its findings, `answers` reads docs/accepted-findings.md and compares. What runs
inside the scanners' own environments is in `scripts`: it imports nothing of this project.
"""
