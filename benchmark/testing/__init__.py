"""Conformance checks for plug-ins, and the pytest plug-in."""
