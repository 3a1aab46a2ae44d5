# SPDX-License-Identifier: MIT
"""Reads a tree of C sources as text: its rooms, who includes whom, and who calls whom."""
